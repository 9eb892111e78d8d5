"""Collecting: kill it anywhere, run it again, and the store holds the same set of episodes."""

import multiprocessing
import signal
import subprocess
import sys

import pytest
from scripted_world import CorridorStage, ScriptedCast, outcomes, plain

from oreo_agent.errors import DataError, EnvironmentFault, OreoError, RecordError, SettingError
from oreo_agent.records.store import Store
from oreo_agent.rollouts import crew
from oreo_agent.rollouts.casting import Cast
from oreo_agent.rollouts.collect import HOPELESS, CollectSettings, collect
from oreo_agent.rollouts.stage import Stage

MIXED = (*plain(20), "9-plain", "8-plain", "2-pit")


def settings(out, names=MIXED, **changes):
    stage = CorridorStage(names=tuple(names), live=4)
    return CollectSettings(out=out, **{"stage": stage, "cast": ScriptedCast(), **changes})


def stored(folder):
    return outcomes(Store.open(folder))


def test_a_store_holds_the_plan_and_the_summary_tells_of_it(tmp_path):
    summary = collect(settings(tmp_path / "s", repeats=2))
    assert (summary.planned, summary.already, summary.played) == (46, 0, 46)
    assert (summary.won, summary.faults) == (40, 0)
    assert len(Store.open(tmp_path / "s")) == 46
    assert sum(row.episodes for row in summary.by_type) == 46


def test_what_the_store_holds_is_not_played_again(tmp_path):
    collect(settings(tmp_path / "s", episodes=7))
    summary = collect(settings(tmp_path / "s"))
    assert (summary.already, summary.played) == (7, len(MIXED) - 7)
    collect(settings(tmp_path / "whole"))
    assert stored(tmp_path / "s") == stored(tmp_path / "whole")
    assert collect(settings(tmp_path / "s")).played == 0


KILLED = """
import os, signal, sys
from pathlib import Path
from oreo_agent.rollouts.collect import collect
from scripted_world import Corridor
from test_collect import settings

left, step = int(sys.argv[2]), Corridor.step
def dying(self, action):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return step(self, action)
Corridor.step = dying
collect(settings(Path(sys.argv[1])))
"""


def test_killed_at_any_step_and_run_again_the_store_ends_with_the_same_episodes(
    tmp_path, monkeypatch
):
    here = str(__file__).rpartition("/")[0]
    path = [here, *(p for p in sys.path if p)]
    monkeypatch.setenv("PYTHONPATH", ":".join(path))
    for left in (9, 31, 17):
        command = [sys.executable, "-c", KILLED, str(tmp_path / "s"), str(left)]
        assert subprocess.run(command, check=False, timeout=120).returncode == -9
    collect(settings(tmp_path / "s"))
    collect(settings(tmp_path / "whole"))
    assert stored(tmp_path / "s") == stored(tmp_path / "whole")


def test_workers_collect_what_one_process_collects(tmp_path):
    collect(settings(tmp_path / "one"))
    summary = collect(settings(tmp_path / "two", workers=2))
    assert summary.played == len(MIXED)
    assert stored(tmp_path / "one") == stored(tmp_path / "two")


def test_a_worker_that_dies_is_replaced_and_only_the_killer_becomes_a_fault(tmp_path):
    names = (*plain(9), "3-exits")
    summary = collect(settings(tmp_path / "s", names, workers=2))
    assert (summary.won, summary.faults) == (9, 1)
    (fault,) = (e for e in Store.open(tmp_path / "s") if e.end == "fault")
    assert fault.instance == "3-exits"
    assert fault.fault == "the worker process died (exit code 3)"
    assert collect(settings(tmp_path / "s", names, workers=2)).played == 0


def test_what_a_worker_refuses_stops_the_run_with_its_reason(tmp_path):
    with pytest.raises(DataError, match="no file for 2-gone"):
        collect(settings(tmp_path / "s", (*plain(3), "2-gone"), workers=2))


def test_ctrl_c_ends_the_workers_and_loses_nothing(tmp_path):
    names = (*plain(20), "5-ctrlc")
    # a shell that runs the tests in the background may have them ignore Ctrl-C
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            collect(settings(tmp_path / "s", names, workers=2))
    finally:
        signal.signal(signal.SIGINT, before)
    assert multiprocessing.active_children() == []
    collect(settings(tmp_path / "s", plain(20)))
    collect(settings(tmp_path / "whole", plain(20)))
    there = {row[0] for row in stored(tmp_path / "s")}
    assert {row[0] for row in stored(tmp_path / "whole")} <= there


class Mute(ScriptedCast):
    """A cast that is there at home and kills every worker that asks for it."""

    def player(self, stage):
        if crew.multiprocessing.parent_process() is not None:
            crew.signal.raise_signal(crew.signal.SIGKILL)
        return ScriptedCast.player(self, stage)


def test_workers_that_cannot_even_begin_stop_the_run(tmp_path, monkeypatch):
    # workers find the class by the name of this module
    monkeypatch.setattr(Mute, "__module__", "test_collect")
    monkeypatch.setitem(sys.modules, "test_collect", sys.modules[__name__])
    with pytest.raises(EnvironmentFault, match=r"SIGKILL.*--workers 1"):
        collect(settings(tmp_path / "s", cast=Mute(), workers=2))


def test_a_fault_is_recorded_and_the_run_goes_on(tmp_path):
    summary = collect(settings(tmp_path / "s", ("3-raises", *plain(5))))
    assert (summary.won, summary.faults) == (5, 1)


def test_a_run_in_which_everything_breaks_stops_and_stores_nothing(tmp_path):
    names = [f"2-raises{i}" for i in range(HOPELESS)]
    broken = [name.replace("raises", "flaky9") for name in names]
    with pytest.raises(EnvironmentFault, match=f"first {HOPELESS} episodes all broke.*once more"):
        collect(settings(tmp_path / "s", broken))
    assert len(Store.open(tmp_path / "s")) == 0


def test_what_was_played_before_a_broken_instance_stays(tmp_path):
    names = (*plain(20), "9-gone")
    with pytest.raises(DataError, match="9-gone"):
        collect(settings(tmp_path / "s", names))
    there = len(Store.open(tmp_path / "s"))
    summary = collect(settings(tmp_path / "s", plain(20)))
    assert summary.already == there
    assert summary.played == 20 - there


def test_a_store_of_another_format_is_left_alone(tmp_path):
    collect(settings(tmp_path / "s", plain(2)))
    before = stored(tmp_path / "s")
    expert = Cast(policy="expert", prompt="bare")
    stage = Stage(data="generated", split="valid_seen")
    with pytest.raises(RecordError, match="another folder"):
        collect(settings(tmp_path / "s", stage=stage, cast=expert, episodes=2))
    assert stored(tmp_path / "s") == before


def test_nothing_is_written_where_the_settings_are_wrong(tmp_path):
    out = tmp_path / "s"
    for wrong in (
        {"stage": Stage(split="valid_sen", data="generated")},
        {"stage": Stage(task="alfwrld")},
        {"stage": Stage(data=str(tmp_path))},
        {"cast": Cast(policy=str(tmp_path / "nobody"))},
        {"cast": Cast(policy="expert", prompt="raect"), "stage": Stage(data="generated")},
        {"stage": Stage(data="generated"), "cast": Cast(), "episodes": 10**7},
    ):
        with pytest.raises(OreoError, match=r"did you mean|Name the folder|name a bundle|or fewer"):
            collect(settings(out, **wrong))
        assert not out.exists()


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda: Cast(policy="expert", epsilon=1.5), "between 0 and 1"),
        (lambda: Cast(policy="a/bundle", epsilon=0.1), "temperature"),
        (lambda: Cast(policy="expert", value="a/bundle"), "no replies that a value"),
        (lambda: Stage(live=0), "1 or more"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(wrong, told):
    with pytest.raises(SettingError, match=told):
        wrong()


def test_an_expert_plays_alfworld_the_same_in_one_vector_and_one_by_one(tmp_path):
    stage = Stage(data="generated", split="valid_seen")
    expert = Cast(policy="expert", epsilon=0.2)
    for live, out in ((1, "one"), (8, "many")):
        lot = Stage(data="generated", split="valid_seen", live=live)
        collect(CollectSettings(out=tmp_path / out, stage=lot, cast=expert, episodes=12))
    assert stored(tmp_path / "one") == stored(tmp_path / "many")
    assert {e.split for e in Store.open(tmp_path / "one")} == {stage.split}
