"""What a store promises: whole episodes, once each, in one order, from one writer."""

import copy
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oreo_agent.errors import RecordError
from oreo_agent.records.episode import ENDS, PolicyRecord
from oreo_agent.records.folder import CARD, DATABASE
from oreo_agent.records.listing import Filter
from oreo_agent.records.reader import named_episode, policy_name
from oreo_agent.records.store import Store


def create(folder: Path, **changes: object) -> Store:
    settings: dict[str, object] = {"prompt": "bare", "tokenizer": "t1"}
    return Store.create(folder, **(settings | changes))


def files(folder: Path) -> dict[str, bytes]:
    """What is in the folder, but for the index of the journal, which readers make and forget."""
    names = (path for path in folder.iterdir() if not path.name.endswith(("-shm", "-wal")))
    return {path.name: path.read_bytes() for path in names}


@pytest.fixture
def folder(tmp_path, make_episode) -> Path:
    """A closed store of the episodes a, b and c."""
    with create(tmp_path / "store") as store:
        for name in "cab":
            store.append(make_episode(name))
    return tmp_path / "store"


class Alarm:
    """Rings when the test says so."""

    made: "list[Alarm]"
    daemon = False

    def __init__(self, seconds, ring):
        self.seconds, self.ring, self.state = seconds, ring, "made"
        self.made.append(self)

    def start(self):
        self.state = "waits"

    def cancel(self):
        self.state = "cancelled"


@pytest.fixture
def alarm():
    return type("FreshAlarm", (Alarm,), {"made": []})


@settings(max_examples=25)
@given(
    st.lists(
        st.tuples(st.text(max_size=5), st.sampled_from(ENDS), st.integers(0, 5)),
        unique_by=lambda row: row[0],
        max_size=12,
    ),
    st.integers(1, 5),
)
def test_what_is_read_is_what_was_appended_in_the_order_of_ids(make_episode, rows, group):
    episodes = [make_episode(name, end=end, seed=seed) for name, end, seed in rows]
    with tempfile.TemporaryDirectory() as folder:
        with create(Path(folder), group_episodes=group) as store:
            for episode in episodes:
                store.append(episode)
        reader = Store.open(folder)
        assert list(reader) == sorted(episodes, key=lambda episode: episode.id)
        assert set(reader.listed()) == {episode.id for episode in episodes}
        assert len(reader) == len(episodes)
        assert all(reader.get(episode.id) == episode for episode in episodes)


def test_a_filter_keeps_exactly_what_meets_all_its_conditions(tmp_path, make_episode):
    noisy = PolicyRecord(kind="expert", epsilon=0.3)
    with create(tmp_path) as store:
        store.append(make_episode("a", split="train", task_type="heat"))
        store.append(make_episode("b", policy=noisy, end="step_limit", reward=0.0))
        store.append(make_episode("c", policy=PolicyRecord(kind="random"), end="fault"))
        store.append(make_episode("d", split="valid_seen", instance="x/y"))
    reader = Store.open(tmp_path)
    for where, expected in (
        (Filter(), "abcd"),
        (Filter(split="train"), "abc"),
        (Filter(split="train", task_type="heat"), "a"),
        (Filter(instance="x/y"), "d"),
        (Filter(task="gsm8k"), ""),
        (Filter(policy="expert"), "abd"),
        (Filter(policy="expert epsilon=0.3"), "b"),
        (Filter(policy="exp"), ""),
        (Filter(ends=("won", "step_limit")), "abd"),
        (Filter(ends=()), ""),
        (Filter(least_reward=0.5, ends=("won", "step_limit")), "ad"),
    ):
        assert "".join(episode.id for episode in reader.episodes(where)) == expected, where
        assert set(reader.listed(where)) == set(expected)
        assert reader.count(where) == len(expected)


def test_the_summary_adds_up_to_what_the_episodes_say(tmp_path, make_episode):
    with create(tmp_path) as store:
        for number in range(40):
            end = ENDS[number % len(ENDS)]
            kind = ("expert", "random")[number % 2]
            episode = make_episode(
                f"e{number}",
                end=end,
                task_type=f"type{number % 3}",
                split=("train", "valid_seen")[number % 4 == 0],
                policy=PolicyRecord(kind=kind),
            )
            store.append(episode)
        expected: Counter[tuple[object, ...]] = Counter()
        for e in store:
            key = (e.task, e.task_type, e.split, policy_name(e.policy))
            expected[(*key, "episodes")] += 1
            expected[(*key, "wins")] += e.end == "won"
            expected[(*key, "faults")] += e.end == "fault"
            expected[(*key, "steps")] += e.steps
            expected[(*key, "tokens")] += e.tokens
        rows = store.summary()
    found = {
        (row.task, row.task_type, row.split, row.policy, what): getattr(row, what)
        for row in rows
        for what in ("episodes", "wins", "faults", "steps", "tokens")
    }
    assert found == dict(expected)
    assert rows == sorted(rows, key=lambda r: (r.task, r.task_type, r.split, r.policy))


def test_a_policy_is_named_by_what_tells_it_from_others():
    model = PolicyRecord(kind="model", fingerprint="f" * 64, strategy="sample", temperature=0.7)
    assert policy_name(model) == f"model {'f' * 12} sample T=0.7"
    greedy = PolicyRecord(kind="model", fingerprint="f" * 64, strategy="greedy")
    assert policy_name(greedy) == f"model {'f' * 12} greedy"
    assert policy_name(PolicyRecord(kind="expert", epsilon=0.1)) == "expert epsilon=0.1"


def test_an_id_that_is_there_is_refused_and_the_first_one_stays(folder, make_episode):
    with create(folder) as store:
        with pytest.raises(RecordError, match="already holds an episode 'a'"):
            store.append(make_episode("a", seed=99))
        store.append(make_episode("d"))
        with pytest.raises(RecordError, match="already holds an episode 'd'"):
            store.append(make_episode("d", seed=99))
    assert [(e.id, e.seed) for e in Store.open(folder)] == [(name, 1) for name in "abcd"]


@pytest.mark.parametrize(
    ("field", "said"), [("prompt", "prompt format"), ("tokenizer", "tokenizer")]
)
def test_another_prompt_format_or_tokenizer_is_refused_by_both_names(
    folder, make_episode, field, said
):
    before = files(folder)
    with pytest.raises(RecordError, match=f"{said} '(bare|t1)'.*'other'"):
        create(folder, **{field: "other"})
    assert files(folder) == before
    with create(folder) as store, pytest.raises(RecordError, match=f"{said}.*'x'.*'other'"):
        store.append(make_episode("x", **{field: "other"}))
    assert set(Store.open(folder).listed()) == set("abc")


def test_nothing_is_reported_before_its_commit_and_everything_once(tmp_path, make_episode, alarm):
    reported: list[str] = []
    with create(tmp_path, group_episodes=3, alarm=alarm) as store:
        for number in range(8):
            store.append(make_episode(f"{number}"))
            reported += store.take_committed()
            assert set(Store.open(tmp_path).listed()) == set(reported)
            assert len(reported) == (number + 1) // 3 * 3
        store.flush()
        reported += store.take_committed()
    assert reported == [f"{number}" for number in range(8)]


def test_an_episode_waits_no_longer_than_the_group_may(tmp_path, make_episode, alarm):
    with create(tmp_path, group_seconds=1.0, alarm=alarm) as store:
        store.append(make_episode("a"))
        store.append(make_episode("b"))
        (waiting,) = alarm.made
        assert (waiting.seconds, waiting.state, waiting.daemon) == (1.0, "waits", True)
        assert set(Store.open(tmp_path).listed()) == set()
        waiting.ring()
        assert set(Store.open(tmp_path).listed()) == {"a", "b"}
        store.append(make_episode("c"))
        assert len(alarm.made) == 2
    assert alarm.made[-1].state == "cancelled"
    alarm.made[-1].ring()


def test_the_real_alarm_rings_by_itself(tmp_path, make_episode):
    with create(tmp_path, group_seconds=0.001) as store:
        store.append(make_episode("a"))
        while not store.take_committed():
            pass
        assert set(Store.open(tmp_path).listed()) == {"a"}


def test_a_full_disk_is_told_and_forgets_nothing(tmp_path, make_episode, alarm):
    with create(tmp_path, alarm=alarm) as store:
        connection = store._connection
        assert connection is not None
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")
        noise = os.urandom(20_000).hex()
        store.append(make_episode("a", fault=noise))
        alarm.made[-1].ring()
        with pytest.raises(RecordError, match=r"could not be written.*make room"):
            store.append(make_episode("b"))
        with pytest.raises(RecordError, match="2 episodes could not be written"):
            store.flush()
        assert store.take_committed() == []
        connection.execute("PRAGMA max_page_count = 100000")
        store.flush()
        assert store.take_committed() == ["a", "b"]
    assert Store.open(tmp_path).get("a").fault == noise


def test_what_a_writer_reads_is_durable(tmp_path, make_episode, alarm):
    with create(tmp_path, alarm=alarm) as store:
        store.append(make_episode("a"))
        assert set(store.listed()) == set(Store.open(tmp_path).listed()) == {"a"}
        seen = iter(store)
        assert next(seen).id == "a"
        store.append(make_episode("b"))
        assert list(seen) == []


def test_closing_is_final_and_harmless_twice(tmp_path, make_episode):
    store = create(tmp_path)
    store.append(make_episode("a"))
    store.close()
    store.close()
    with pytest.raises(RecordError, match="was closed"):
        store.append(make_episode("b"))
    assert set(store.listed()) == {"a"}


def test_readers_read_beside_a_living_writer_and_need_no_closing(tmp_path, make_episode):
    with create(tmp_path, group_episodes=1) as store:
        store.append(make_episode("a"))
        reader = Store.open(tmp_path)
        stream = iter(reader)
        assert next(stream).id == "a"
        store.append(make_episode("b"))
        assert list(stream) == []
        assert set(copy.copy(reader).listed()) == {"a", "b"}


def test_a_second_writer_in_this_process_is_refused_by_name(folder):
    with create(folder), pytest.raises(RecordError, match=f"by process {os.getpid()}.*merge"):
        create(folder / ".." / folder.name)
    create(folder).close()


def test_a_second_writer_in_another_process_is_refused_by_name(folder):
    code = (
        "import sys; from oreo_agent.records.store import Store\n"
        "with Store.create(sys.argv[1], prompt='bare', tokenizer='t1'):\n"
        "    print('open', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(folder)]
    with subprocess.Popen(command, stdin=-1, stdout=-1) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"open\n"
        with pytest.raises(RecordError, match=f"by process {other.pid}"):
            create(folder)
        assert set(Store.open(folder).listed()) == set("abc")
        other.communicate()
    create(folder).close()


def test_an_id_that_is_not_there_is_named(folder):
    with pytest.raises(RecordError, match="no episode 'nothing'"):
        Store.open(folder).get("nothing")


def test_a_folder_without_a_store_is_refused_and_not_made(tmp_path):
    with pytest.raises(RecordError, match=r"holds no episodes.*rollout --out"):
        Store.open(tmp_path / "none")
    assert not (tmp_path / "none").exists()


def spoil_card(folder: Path, **changes: object) -> None:
    card = json.loads((folder / CARD).read_text())
    (folder / CARD).write_text(json.dumps(card | changes))


def foreign_database(folder: Path) -> None:
    (folder / DATABASE).unlink()
    with sqlite3.connect(folder / DATABASE) as connection:
        connection.execute("CREATE TABLE songs (name TEXT)")
    connection.close()


DAMAGES = {
    "a card of a newer schema": (lambda f: spoil_card(f, schema=2), "schema 2.*newer oreo-agent"),
    "a card of schema 0": (lambda f: spoil_card(f, schema=0), "schema 0"),
    "a card of another program": (lambda f: spoil_card(f, kind="songs"), "'songs'"),
    "a card that is no JSON": (lambda f: (f / CARD).write_bytes(b"\xff{"), "damaged or not ours"),
    "a card that is a list": (lambda f: (f / CARD).write_text("[]"), "damaged or not ours"),
    "a card without a tokenizer": (
        lambda f: (f / CARD).write_text('{"prompt": "bare", "schema": 1}'),
        "damaged or not ours",
    ),
    "no card": (lambda f: (f / CARD).unlink(), "episodes.db and no store.json"),
    "no database": (lambda f: (f / DATABASE).unlink(), "lost its episodes.db"),
    "an empty database": (lambda f: (f / DATABASE).write_bytes(b""), "not the database"),
    "another database": (foreign_database, "not the database of this store"),
    "no database at all": (lambda f: (f / DATABASE).write_bytes(b"x" * 5000), "cannot be read"),
    "a foreign database without card": (
        lambda f: ((f / CARD).unlink(), foreign_database(f)),
        "torn or not ours",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_store_is_refused_with_a_remedy_and_left_as_it_is(folder, damage):
    spoil, message = DAMAGES[damage]
    spoil(folder)
    before = files(folder)
    for attempt in (create, Store.open):
        with pytest.raises(RecordError, match=message) as caught:
            attempt(folder)
        assert str(folder) in str(caught.value)
        assert "folder" in str(caught.value) or "install" in str(caught.value)
    assert files(folder) == before


def test_damage_within_the_database_is_told(folder):
    size = (folder / DATABASE).stat().st_size
    with open(folder / DATABASE, "r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (size - 4096))
    with pytest.raises(RecordError, match=r"episodes\.db cannot be read"):
        list(Store.open(folder))
    with create(folder) as store, pytest.raises(RecordError):
        store.listed()


@pytest.mark.parametrize("broken", [b"", b"x", None], ids=["empty", "no zstd", "one bit"])
def test_a_damaged_record_is_named_and_the_others_are_read(folder, broken):
    with sqlite3.connect(folder / DATABASE) as connection:
        (record,) = connection.execute("SELECT record FROM episodes WHERE id = 'b'").fetchone()
        flipped = record[:-8] + bytes([record[-8] ^ 1]) + record[-7:]
        replaced = flipped if broken is None else broken
        connection.execute("UPDATE episodes SET record = ? WHERE id = 'b'", (replaced,))
    connection.close()
    reader = Store.open(folder)
    stream = iter(reader)
    assert next(stream).id == "a"
    with pytest.raises(RecordError, match=r"episode 'b'.*restore"):
        next(stream)
    assert reader.get("c").id == "c"


def test_a_record_under_a_wrong_id_is_refused(folder):
    with sqlite3.connect(folder / DATABASE) as connection:
        connection.execute("UPDATE episodes SET id = 'z' WHERE id = 'b'")
    connection.close()
    with pytest.raises(RecordError, match="episode 'z': it says that it is 'b'"):
        Store.open(folder).get("z")


def test_what_a_killed_founder_leaves_is_taken_over(tmp_path, make_episode):
    (tmp_path / DATABASE).write_bytes(b"")
    with create(tmp_path) as store:
        store.append(make_episode("a"))
        store.flush()
        assert set(Store.open(tmp_path).listed()) == {"a"}
    with create(tmp_path / "second"):
        pass
    (tmp_path / "second" / CARD).unlink()
    with create(tmp_path / "second") as store:
        store.append(make_episode("a"))
    assert set(Store.open(tmp_path / "second").listed()) == {"a"}


def test_the_folder_of_a_trained_agent_is_not_made_a_store(tmp_path):
    (tmp_path / "bundle.json").write_text("{}")
    with pytest.raises(RecordError, match="is a trained agent's folder; name another one"):
        create(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["bundle.json"]


def test_a_file_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "file").write_text("mine")
    for attempt in (create, Store.open):
        with pytest.raises(RecordError, match="is a file"):
            attempt(tmp_path / "file")
    with pytest.raises(RecordError, match="cannot be written to"):
        create(tmp_path / "file" / "store")
    assert (tmp_path / "file").read_text() == "mine"


def as_nobody(action) -> int:
    """Run ``action`` in a forked process without privileges; 0 if it raised nothing."""
    pid = os.fork()
    if pid == 0:
        try:
            if os.getuid() == 0:
                os.setgid(65534)
                os.setuid(65534)
            action()
            os._exit(0)
        except BaseException as error:
            os.write(2, f"{type(error).__name__}: {error}\n".encode())
            os._exit(7 if isinstance(error, RecordError) else 1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_read_only_folder_is_read_and_not_written(make_episode):
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name) / "store"
        with create(folder) as store:
            store.append(make_episode("a"))

        def read():
            assert [episode.id for episode in Store.open(folder)] == ["a"]

        os.chmod(name, 0o755)
        os.chmod(folder, 0o555)
        try:
            before = files(folder)
            assert as_nobody(read) == 0
            assert as_nobody(lambda: create(folder)) == 7
            assert files(folder) == before
        finally:
            os.chmod(folder, 0o755)


def test_a_store_that_nobody_asks_what_is_durable_holds_no_ids_for_that(tmp_path, make_episode):
    with create(tmp_path, reported=False) as store:
        store.append(make_episode("a"))
        store.flush()
        assert store.take_committed() == []
        assert store.listed() == ["a"]


@pytest.mark.parametrize("folder", ["runs", "a:b", "a:b:c"])
@pytest.mark.parametrize("name", ["", "alfworld-1f", "lone.py:Lost-model-3a"])
def test_a_folder_and_an_id_are_told_apart_whatever_colons_they_have(tmp_path, folder, name):
    (tmp_path / folder).mkdir()
    where = f"{tmp_path / folder}:{name}" if name else str(tmp_path / folder)
    assert named_episode(where) == (tmp_path / folder, name)
    assert named_episode("nowhere:x") == (Path("nowhere"), "x")
    assert named_episode("nowhere") == (Path("nowhere"), "")


def test_a_card_that_cannot_be_written_leaves_no_database(tmp_path):
    with pytest.raises(UnicodeEncodeError):
        Store.create(tmp_path / "s", prompt="half a character \ud83d", tokenizer="")
    assert not (tmp_path / "s" / DATABASE).exists()
