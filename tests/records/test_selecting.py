"""Parts of stores: complete, disjoint, and not there at all until they are whole."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oreo_agent.errors import RecordError, SettingError
from oreo_agent.records.episode import Segment
from oreo_agent.records.folder import WriterLock
from oreo_agent.records.formats.sinks import write_rows
from oreo_agent.records.listing import Filter
from oreo_agent.records.selecting import dedupe_store, filter_store, is_held_out, split_store
from oreo_agent.records.stats import stats
from oreo_agent.records.store import Store

RUN = """
import os, signal, sys
from oreo_agent.records import selecting
append = selecting.Store.append
left = int(sys.argv[3])
def dying(self, episode):
    global left
    append(self, episode)
    left -= 1
    if left == 0:
        self.flush()
        os.kill(os.getpid(), signal.SIGKILL)
selecting.Store.append = dying
selecting.filter_store(sys.argv[1], sys.argv[2], selecting.Filter())
"""


def fill(folder: Path, episodes) -> Path:
    with Store.create(folder, prompt="bare", tokenizer="t1") as store:
        for episode in episodes:
            store.append(episode)
    return folder


def reply(*ids: int) -> tuple[Segment, ...]:
    return (
        Segment(kind="observation", ids=(1,), text="a room"),
        Segment(kind="action", ids=ids, text=" ".join(map(str, ids)), command="go"),
    )


@settings(max_examples=15)
@given(
    kept=st.dictionaries(
        st.text("abcdef", min_size=1, max_size=3),
        st.tuples(st.sampled_from("xyz"), st.integers(1, 3), st.sampled_from([0.0, 1.0])),
        max_size=12,
    ),
    seed=st.integers(0, 3),
)
def test_the_parts_of_a_split_are_the_whole_and_share_no_instance(make_episode, kept, seed):
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        made = [
            make_episode(key, instance=instance, reward=reward, end="won" if reward else "lost")
            for key, (instance, _, reward) in kept.items()
        ]
        fill(root / "all", made)
        done = split_store(root / "all", root / "one", root / "two", share=0.5, seed=seed)
        one, two = list(Store.open(root / "one")), list(Store.open(root / "two"))
        assert {e.id for e in one} | {e.id for e in two} == set(kept)
        assert not {e.instance for e in one} & {e.instance for e in two}
        assert all(is_held_out(e.instance, 0.5, seed) for e in two)
        assert (done.episodes, done.held_out_episodes) == (len(one), len(two))
        assert done.instances + done.held_out_instances == len({e.instance for e in made})


def test_doubles_go_and_contradictions_stay(tmp_path, make_episode):
    source = fill(
        tmp_path / "all",
        [
            make_episode("a", instance="x", segments=reply(3)),
            make_episode("b", instance="x", segments=reply(3)),
            make_episode("c", instance="x", segments=reply(4)),
            make_episode("d", instance="y", segments=reply(3)),
            make_episode("e", instance="x", segments=reply(3), reward=0.0, end="lost"),
        ],
    )
    done = dedupe_store(source, tmp_path / "new")
    assert set(Store.open(tmp_path / "new").listed()) == {"a", "c", "d", "e"}
    assert (done.read, done.kept, done.contradictions) == (5, 4, 1)


def test_a_filter_takes_what_meets_every_condition(tmp_path, make_episode):
    source = fill(
        tmp_path / "all",
        [
            make_episode("a", segments=reply(3)),
            make_episode("b", segments=(*reply(3), *reply(4)), reward=0.5, end="lost"),
            make_episode("c", segments=(*reply(5), *reply(4)), reward=0.0, end="step_limit"),
        ],
    )
    cases = [
        (Filter(least_steps=2), "", {"b", "c"}),
        (Filter(most_steps=1), "", {"a"}),
        (Filter(least_reward=0.5, most_reward=0.5), "", {"b"}),
        (Filter(ends=("won", "step_limit")), "", {"a", "c"}),
        (Filter(), "5", {"c"}),
        (Filter(instance="task/a"), "", {"a"}),
    ]
    for number, (where, text, wanted) in enumerate(cases):
        part = filter_store(source, tmp_path / str(number), where, text)
        assert set(Store.open(tmp_path / str(number)).listed()) == wanted
        assert (part.read, part.kept) == (3, len(wanted))


def test_a_filter_killed_anywhere_leaves_no_store_and_is_simply_run_again(tmp_path, make_episode):
    source = fill(tmp_path / "all", [make_episode(f"e{i}") for i in range(20)])
    for left in (1, 7, 20):
        target = tmp_path / f"new{left}"
        command = [sys.executable, "-c", RUN, str(source), str(target), str(left)]
        died = subprocess.run(command, env=dict(os.environ), check=False)
        assert died.returncode == -signal.SIGKILL
        assert not target.exists()
        filter_store(source, target, Filter(least_reward=1.0))
        assert list(Store.open(target)) == list(Store.open(source))
        assert not target.with_name(f".{target.name}.part").exists()


def test_a_target_that_is_there_or_being_written_is_refused(tmp_path, make_episode):
    source = fill(tmp_path / "all", [make_episode("a")])
    fill(tmp_path / "mine", [make_episode("b")])
    with pytest.raises(RecordError, match="is there already"):
        filter_store(source, tmp_path / "mine", Filter())
    assert set(Store.open(tmp_path / "mine").listed()) == {"b"}
    (tmp_path / ".n{e}w.part").mkdir()
    lock = WriterLock(tmp_path / ".n{e}w.part")
    try:
        with pytest.raises(RecordError, match=r"/n\{e\}w is being written by process \d+; wait"):
            filter_store(source, tmp_path / "n{e}w", Filter())
    finally:
        lock.release()
    (tmp_path / "empty").mkdir()
    filter_store(source, tmp_path / "empty", Filter())
    assert set(Store.open(tmp_path / "empty").listed()) == {"a"}


def test_a_share_of_all_or_none_and_one_folder_for_both_parts_are_refused(tmp_path, make_episode):
    source = fill(tmp_path / "all", [make_episode("a")])
    for share in (0.0, 1.0, -1.0):
        with pytest.raises(SettingError, match="between 0 and 1"):
            split_store(source, tmp_path / "a", tmp_path / "b", share=share)
    for other in (tmp_path / "b" / ".." / "a", tmp_path / "a" / "x", tmp_path):
        with pytest.raises(SettingError, match="two folders"):
            split_store(source, tmp_path / "a", other, share=0.5)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["all"]


def test_stats_count_what_is_there(tmp_path, make_episode):
    one = fill(
        tmp_path / "one",
        [
            make_episode("a", segments=reply(3, 4)),
            make_episode("b", instance="x", reward=0.5, end="lost", segments=(*reply(1),) * 3),
        ],
    )
    two = fill(tmp_path / "two", [make_episode("c", instance="x", reward=0.0, end="fault")])
    found = stats([one, two])
    assert (found.episodes, found.instances) == (3, 2)
    assert found.ends == {"fault": 1, "lost": 1, "won": 1}
    assert found.rewards == {"0": 1, "1": 1, "between": 1}
    steps, tokens = found.lengths
    assert (steps.unit, steps.quantiles[0], steps.quantiles[-1]) == ("steps", 1, 3)
    assert tokens.quantiles[-1] == 6
    (row,) = found.rows
    assert (row.episodes, row.wins, row.faults) == (3, 1, 1)
    assert stats([one], Filter(ends=("fault",))).episodes == 0


def test_a_target_whose_name_no_file_can_have_is_refused(tmp_path, make_episode):
    source, target = fill(tmp_path / "source", [make_episode("a")]), tmp_path / ("n" * 300)
    with pytest.raises(RecordError, match=r"cannot be written .*name another target"):
        filter_store(source, target, Filter())
    with pytest.raises(RecordError, match=r"cannot be written .*name another target"):
        write_rows(target.with_suffix(".jsonl"), [])
