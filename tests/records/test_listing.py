"""What a store says as a list is what its episodes say, in whatever order and by whatever pages."""

import sqlite3
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oreo_agent.errors import RecordError, SettingError
from oreo_agent.records.episode import ENDS, Episode, PolicyRecord, Segment
from oreo_agent.records.folder import DATABASE
from oreo_agent.records.listing import SORT_KEYS, Filter, Order, nearest_id
from oreo_agent.records.reader import StoreReader, policy_name
from oreo_agent.records.store import Store

POLICIES = (
    PolicyRecord(kind="expert"),
    PolicyRecord(kind="expert", epsilon=0.1),
    PolicyRecord(kind="model", fingerprint="f" * 16, strategy="sample", temperature=0.7),
)
episodes = st.fixed_dictionaries(
    {
        "split": st.sampled_from(("train", "valid")),
        "instance": st.sampled_from(("pick-Apple-1", "look-apple_2%", "Äpfel", "")),
        "task_type": st.sampled_from(("pick", "look", "")),
        "policy": st.sampled_from(POLICIES),
        "end": st.sampled_from(ENDS),
        "reward": st.sampled_from((0.0, 0.25, 0.5, 1.0)),
        "segments": st.integers(0, 3).map(
            lambda turns: tuple(
                Segment(kind="action", ids=(1,) * (4 - turns), text="x") for _ in range(turns)
            )
        ),
    }
)
filters = st.builds(
    Filter,
    split=st.sampled_from((None, "train")),
    instance_part=st.sampled_from((None, "", "APPLE", "2%", "_", "ä", "Ä", "pick-apple")),
    task_type=st.sampled_from((None, "pick", "")),
    policy=st.sampled_from((None, "expert", "expert epsilon=0.1", "model", "mod")),
    ends=st.sampled_from((None, ("won",), ("lost", "step_limit"), ())),
    least_reward=st.sampled_from((None, 0.0, 0.25, 0.6)),
)
orders = st.builds(Order, by=st.sampled_from(SORT_KEYS), descending=st.booleans())


def ascii_small(text: str) -> str:
    return "".join(c.lower() if c.isascii() else c for c in text)


def meets(episode: Episode, where: Filter) -> bool:
    """What `Filter.sql` is to say, once more."""
    name = policy_name(episode.policy)
    return (
        where.split in (None, episode.split)
        and ascii_small(where.instance_part or "") in ascii_small(episode.instance)
        and where.task_type in (None, episode.task_type)
        and (where.policy in (None, name) or name.startswith(f"{where.policy} "))
        and (where.ends is None or episode.end in where.ends)
        and (where.least_reward is None or episode.reward >= where.least_reward)
    )


def written(folder: Path, drawn, make_episode) -> StoreReader:
    with Store.create(folder / "s", prompt="bare", tokenizer="t1") as store:
        for number, fields in enumerate(drawn):
            store.append(make_episode(f"e{number:02}", **fields))
    return StoreReader(folder / "s")


@settings(max_examples=60)
@given(st.lists(episodes, max_size=12), filters, orders)
def test_a_list_is_the_filtered_and_sorted_episodes(make_episode, drawn, where, order):
    with tempfile.TemporaryDirectory() as folder:
        reader = written(Path(folder), drawn, make_episode)
        wanted = sorted((e for e in reader if meets(e, where)), key=lambda e: e.id)
        wanted.sort(key=lambda e: getattr(e, order.by), reverse=order.descending)
        assert reader.listed(where, order) == [e.id for e in wanted]
        assert reader.count(where) == len(wanted)
        rows = reader.rows([e.id for e in wanted])
        for e in wanted:
            row = rows[e.id]
            assert row.policy == policy_name(e.policy)
            for name in row.__struct_fields__:
                if name != "policy":
                    assert getattr(row, name) == getattr(e, name)
        counts = reader.counts(("end", "task_type"), where)
        assert counts == {
            key: sum((e.end, e.task_type) == key for e in wanted)
            for key in sorted({(e.end, e.task_type) for e in wanted})
        }


@pytest.mark.parametrize("text", ["id", "-id", "steps", "-tokens", "reward"])
def test_an_order_is_read_as_it_is_written(text):
    assert str(Order.of(text)) == text


def test_an_unknown_order_is_answered_with_the_nearest():
    with pytest.raises(SettingError, match="did you mean 'steps'"):
        Order.of("-stpes")


@given(
    st.text("abcdef0123", min_size=6, max_size=12),
    st.integers(0, 11),
    st.sampled_from(("", "x", "xy")),
)
def test_the_nearest_id_is_the_one_with_a_slip(name, at, slip):
    at = min(at, len(name) - 1)
    others = ["q" * len(name), name[: len(name) // 2] + "q" * 6]
    assert nearest_id(name[:at] + slip + name[at + 1 :], [*others, name]) == name


def test_no_id_is_near_in_an_empty_store():
    assert nearest_id("a", []) is None


def test_an_episode_is_found_by_a_part_of_its_id_that_no_other_has(tmp_path, make_episode):
    reader = written(tmp_path, [{}] * 11, make_episode)
    assert reader.find("e03") == reader.find("03") == "e03"
    with pytest.raises(RecordError, match=r"could be 10 of store .*'e00' and 'e01'"):
        reader.find("e0")
    with pytest.raises(RecordError, match="the nearest is 'e07'"):
        reader.find("x07")


def test_an_id_that_is_a_part_of_another_is_that_id(tmp_path, make_episode):
    with Store.create(tmp_path, prompt="bare", tokenizer="t1") as store:
        for name in ("a", "ab"):
            store.append(make_episode(name))
        assert store.find("a") == "a"
    with pytest.raises(RecordError, match="it is empty"):
        written(tmp_path, [], make_episode).find("a")


def test_a_row_that_no_writer_wrote_is_absent_and_the_others_are_there(tmp_path, make_episode):
    reader = written(tmp_path, [{}] * 5, make_episode)
    with sqlite3.connect(reader.folder / DATABASE) as connection:
        connection.execute("UPDATE episodes SET instance = CAST(x'FF' AS TEXT) WHERE id = 'e01'")
        connection.execute("UPDATE episodes SET steps = 'many' WHERE id = 'e03'")
    connection.close()
    assert sorted(reader.rows(["e00", "e01", "e02", "e03", "e04", "gone"])) == ["e00", "e02", "e04"]


def test_a_torn_page_costs_its_own_rows_alone(tmp_path, make_episode):
    noise = [Segment(kind="prompt", ids=(), text=f"{n}" * 9999) for n in range(5)]
    drawn = [{"segments": (noise[n % 5],), "instance": "i" * 900} for n in range(60)]
    reader = written(tmp_path, drawn, make_episode)
    names = reader.listed()
    database = reader.folder / DATABASE
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    size = 4096
    data = bytearray(database.read_bytes())
    leaves = [
        at
        for at in range(0, len(data), size)
        if data[at] == 0x0D and b"iiii" in data[at : at + size]
    ]
    torn = leaves[len(leaves) // 2]
    data[torn : torn + 8] = b"\xff" * 8
    database.write_bytes(data)
    left = reader.rows(names)
    assert 0 < len(names) - len(left) <= 5
    assert reader.packed(names).keys() == left.keys()
