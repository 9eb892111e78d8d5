"""What breaks in a world or its expert is told in one line, or is the fault of that episode."""

import json
import os
import signal
import subprocess
import sys

import pytest
from own_environments import BREAKING

from oreo_agent.records.store import Store

pytestmark = pytest.mark.usefixtures("as_it_was")


@pytest.mark.parametrize(
    ("name", "policy", "words"),
    [
        ("BadReset", "random", ("'000000', turn 0: RuntimeError: the floor", "envs check")),
        ("BadStep", "random", ("instance '000000', turn 1: RuntimeError: the floor gave way",)),
        ("Leaves", "random", ("SystemExit: I am done",)),
        ("Forgets", "random", ("KeyError: 'door'",)),
        ("HalfRead", "random", ("ValueError: the text 'x \\ud83d' holds half", "envs check")),
        ("HalfSaid", "random", ("ValueError: the text 'x \\ud83d' holds half", "envs check")),
        ("HalfRaised", "random", (r"RuntimeError: x \ud83d", "envs check")),
        ("ThreeReset", "random", ("reset returned 3 values in a tuple; Gymn", "envs check")),
        ("FourStep", "random", ("step returned 4 values in a tuple; Gymnasium's step returns",)),
        ("NoStep", "random", ("the environment's step returned None; Gymnasium's step returns",)),
        ("NoReset", "random", ("reset returned 'hello'; Gymn", "returns (observation, info)")),
        ("Number", "random", ("reset returned 5 for the observation, which has to be a text",)),
        ("NoWords", "random", ("step returned None for the observation, which has to be a text",)),
        ("NoInfo", "random", ("reset returned None for the info, which has to be a dict",)),
        ("Letters", "random", ("info['admissible_commands'] is the text 'go'", "envs check")),
        ("SaysNo", "random", ("info['won'] is 'no'", "envs check")),
        ("breaking/Breaks-v0", "expert", ("KeyError: 'door'",)),
        ("breaking/Mistyped-v0", "expert", ("the expert of", "No module named 'nowhere'")),
        ("breaking/Splits-v0", "random", ("TypeError: no list",)),
        ("breaking/Empty-v0", "random", ("no instances",)),
    ],
)
def test_what_breaks_in_a_world_or_an_expert_is_said_in_one_line(
    refused, tmp_path, name, policy, words
):
    given = ("rollout", "--env", f"{BREAKING}:{name}", "--policy", policy, "--episodes", 4)
    refused((*given, "--out", tmp_path / "s"), *words)
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize(("name", "turn"), [("Silent", 1), ("Mute", 0)])
def test_commands_that_are_none_are_not_told(oreo, tmp_path, name, turn):
    given = ("--env", f"{BREAKING}:{name}", "--episodes", 3, "--json")
    code, out, _ = oreo("rollout", *given, "--policy", "random", "--out", tmp_path / "s")
    assert (code, json.loads(out)["faults"]) == (0, 3)
    for episode in Store.open(tmp_path / "s"):
        assert episode.fault.startswith(f"turn {turn}: LookupError: the environment tells no comm")


def test_a_game_that_cannot_be_recorded_is_refused_and_leaves_no_store(oreo, tmp_path):
    given = ("play", "--env", f"{BREAKING}:HalfRead", "--agent", "random", "--plain")
    code, _, err = oreo(*given, "--record", tmp_path / "s")
    assert (code, "half a character" in err) == (2, True)
    assert not (tmp_path / "s").exists()


def test_commands_and_outcomes_may_be_of_numpy(oreo, tmp_path):
    many = ("--episodes", 80, "--repeats", 20)  # chance follows from where this file lies
    given = ("--env", f"{BREAKING}:Arrays", "--policy", "random", *many)
    code, out, _ = oreo("rollout", *given, "--out", tmp_path / "s", "--json")
    told = json.loads(out)
    assert (code, told["won"], told["faults"]) == (0, 80, 0)
    commands = {s.command for e in Store.open(tmp_path / "s") for s in e.segments} - {None}
    assert commands == {"win", "lose"}


def test_a_world_that_breaks_where_it_is_scored_is_named(refused):
    given = ("eval", "--env", f"{BREAKING}:Late", "--agent", "random", "--split", "test")
    refused((*given, "--episodes", 2), "split test", "RuntimeError: the floor gave way")


def test_a_game_that_breaks_among_those_that_words_are_taken_from_is_left_out(oreo, tmp_path):
    given = ("rollout", "--env", f"{BREAKING}:Seldom", "--policy", "random", "--episodes", 1000)
    code, out, _ = oreo(*given, "--out", tmp_path / "s", "--json")
    assert (code, json.loads(out)["won"], json.loads(out)["faults"]) == (0, 999, 1)
    (fault,) = (each for each in Store.open(tmp_path / "s") if each.end == "fault")
    assert (fault.instance, fault.fault) == ("000003", "turn 1: RuntimeError: the floor gave way")


def test_an_expert_that_breaks_in_some_episodes_leaves_faults_there(oreo, tmp_path):
    given = ("--env", f"{BREAKING}:breaking/Tires-v0", "--policy", "expert", "--episodes", 4)
    code, out, _ = oreo("rollout", *given, "--out", tmp_path / "s", "--json")
    told = json.loads(out)
    assert (code, told["won"], told["faults"]) == (0, 1, 3)
    faults = {each.fault for each in Store.open(tmp_path / "s") if each.end == "fault"}
    assert faults == {"turn 0: SystemExit: tired"}


def test_a_split_without_instances_is_said_and_one_that_cannot_be_read_is_left_out(oreo, refused):
    refused(("envs", "show", f"{BREAKING}:breaking/Empty-v0"), "'train' has no instances")
    code, out, _ = oreo("envs", "show", f"{BREAKING}:breaking/Half-v0", "--json")
    assert (code, json.loads(out)["instances"]) == (0, {"train": 1})


def test_what_broke_is_told_after_a_rollout_and_after_an_eval(oreo, tmp_path):
    given = ("--env", f"{BREAKING}:breaking/Tires-v0", "--episodes", 4)
    store = tmp_path / "s"
    _, out, _ = oreo("rollout", *given, "--policy", "expert", "--out", store)
    assert "3 episodes broke:\n  3 x SystemExit: tired\n" in out
    assert f"oreo-agent data show {store} --end fault" in " ".join(out.split())
    _, out, _ = oreo("rollout", *given, "--policy", "expert", "--out", store)
    assert "broke:" not in out  # nothing was played
    given = ("eval", *given, "--agent", "expert", "--split", "train")
    _, out, _ = oreo(*given, "--out", tmp_path / "r.json")
    assert "3 episodes broke:\n  3 x SystemExit: tired\nwith --record FOLDER" in out
    games = json.loads((tmp_path / "r.json").read_text())["games"]
    assert [game["fault"] for game in games].count("SystemExit: tired") == 3


def working(name, tmp_path):
    """A rollout of two workers, in a process of its own."""
    given = ("--policy", "random", "--episodes", "2", "--workers", "2", "--out", tmp_path / "s")
    command = (sys.executable, "-m", "oreo_agent", "rollout", "--env", f"{BREAKING}:{name}", *given)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, **pipes)


def test_workers_whose_world_hangs_end_with_their_parent(tmp_path):
    with working("Hangs", tmp_path) as parent:
        workers = {int(parent.stdout.readline().split()[1]) for _ in range(2)}
        parent.kill()
        try:
            parent.communicate(timeout=60)  # the pipe is theirs too: it ends when they have
        except subprocess.TimeoutExpired:
            for pid in workers:
                os.kill(pid, signal.SIGKILL)
            pytest.fail("workers outlived their parent")
    assert len(workers) == 2


def test_a_world_that_interrupts_workers_is_told_without_a_traceback(tmp_path):
    with working("Interrupts", tmp_path) as parent:
        out, err = parent.communicate()
    assert (parent.returncode, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("error: the worker process died (exit code 130) before it played")
