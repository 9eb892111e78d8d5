"""`oreo-agent play` from outside: its lines, its refusals, and the terminal as it leaves it."""

import json
import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from oreo_agent.cli import run
from oreo_agent.model.bundle import Card, write_bundle
from oreo_agent.model.networks import new_policy
from oreo_agent.player.choosing import newest
from oreo_agent.records.reader import StoreReader
from oreo_agent.rollouts.stage import usual_split, usual_task

MAIN = (sys.executable, "-c", "from oreo_agent.cli import main; main()")
GAME = ("--agent", "expert", "--data", "generated", "--split", "valid_seen")
PATIENCE = 120
"""Seconds after which a terminal that says nothing is a fault; a busy machine takes its time."""


def play(capsys, *arguments):
    code = run(["play", *GAME, *arguments])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_without_a_terminal_the_expert_wins_in_lines_that_are_the_same_each_time(capsys):
    code, out, _ = play(capsys)
    lines = out.splitlines()
    assert code == 0
    assert lines[0].startswith("alfworld valid_seen, game 1 of ")
    assert lines[1] == "agent: expert"
    assert lines[2].startswith("goal: ")
    assert lines[-1].startswith("won in ")
    assert play(capsys)[1] == out


def test_json_is_one_object_as_the_last_line(capsys):
    code, out, _ = play(capsys, "--json", "--step-limit", "2")
    (line,) = out.splitlines()
    told = json.loads(line)
    assert (code, told["end"], told["turns"]) == (0, "step_limit", 2)


def test_a_game_is_named_by_its_id_or_a_part_of_it(capsys):
    name = json.loads(play(capsys, "--json", "--step-limit", "1")[1])["instance"]
    part = name.rpartition("/")[2]
    for wanted in (name, part):
        told = json.loads(play(capsys, "--json", "--step-limit", "1", "--instance", wanted)[1])
        assert told["instance"] == name


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--instance", "no-such-game"), "no instance 'no-such-game'"),
        (("--agent", "no-such-bundle"), "no-such-bundle is no bundle"),
        (("--task", "alfwrld"), "did you mean 'alfworld'"),
        (("--split", "valid_sen"), "valid_sen"),
        (("--data", "/no/such/folder"), "/no/such/folder"),
        (("--strategy", "greedy"), "a strategy is for a trained agent"),
        (("--dtype", "bfloat16"), "'expert' has no weights; leave --dtype out"),
        (("--prompt", "missing.toml"), "'expert' reads no prompt; leave --prompt out"),
        (("--step-limit", "0"), "step limit"),
        (("--games", "0"), "--games must be 1 or more, got 0"),
        (("--threads", "0"), "threads must be 1 or more, got 0"),
        (("--plane",), "--plane"),
    ],
)
def test_what_is_wrong_is_told_in_one_line_with_exit_code_2(capsys, arguments, told):
    code, out, err = play(capsys, *arguments)
    assert (code, out) == (2, "")
    assert told in err
    assert "Traceback" not in err


def test_a_reader_who_goes_away_ends_the_lines_without_complaint():
    verb = subprocess.Popen(
        [*MAIN, "play", *GAME], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert verb.stdout is not None
    assert verb.stderr is not None
    verb.stdout.readline()
    verb.stdout.close()
    complaint = verb.stderr.read()
    verb.stderr.close()
    assert (verb.wait(PATIENCE), complaint) == (0, "")


@pytest.mark.parametrize("key", [b"q", b"\x03"])
def test_in_a_terminal_there_is_a_screen_and_the_terminal_is_left_in_order(key):
    home, away = pty.openpty()
    verb = subprocess.Popen(
        [*MAIN, "play", *GAME],
        stdin=away,
        stdout=away,
        stderr=away,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"},
        start_new_session=True,
    )
    os.close(away)
    try:
        said = _read(home, until=b"turn 1 of 40")
        os.write(home, key)
        said += _read(home)
        assert verb.wait(PATIENCE) == 0
    finally:
        verb.kill()
        verb.wait()
        os.close(home)
    assert b"\x1b[?1049h" in said, "the screen is one of its own"
    assert said.rindex(b"\x1b[?1049l") > said.rindex(b"\x1b[?1049h"), "and it is left"
    assert said.rindex(b"\x1b[?25h") > said.rindex(b"\x1b[?25l"), "with the cursor on"
    assert b"Traceback" not in said


def test_ctrl_c_in_the_midst_of_a_game_saves_it(tmp_path):
    home, away = pty.openpty()
    verb = subprocess.Popen(
        [*MAIN, "play", *GAME, "--record", str(tmp_path / "kept")],
        stdin=away,
        stdout=away,
        stderr=away,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"},
        start_new_session=True,
    )
    os.close(away)
    try:
        _read(home, until=b"turn 1 of 40")
        os.write(home, b" ")
        _read(home, until=b"2 of 40")
        os.write(home, b"\x03")
        said = _read(home)
        assert verb.wait(PATIENCE) == 0
    finally:
        verb.kill()
        verb.wait()
        os.close(home)
    (episode,) = StoreReader(tmp_path / "kept")
    assert (episode.end, episode.fault) == ("fault", "left by the player after turn 1")
    assert b"1 recorded: oreo-agent play --replay" in said


def _read(home: int, until: bytes | None = None) -> bytes:
    """What is said until ``until`` is among it, or until the other side hangs up."""
    said, deadline = b"", time.monotonic() + PATIENCE
    while until is None or until not in said:
        assert time.monotonic() < deadline, said[-500:]
        if select.select([home], [], [], 1)[0]:
            try:
                new = os.read(home, 65536)
            except OSError:  # Linux tells so that the other side has hung up
                return said
            if not new:
                return said
            said += new
    return said


def test_a_model_that_is_no_bundle_plays_in_a_chat_format(capsys, tmp_path, byte_tokenizer):
    tokenizer = byte_tokenizer()
    tokenizer.save_pretrained(tmp_path)
    new_policy(len(tokenizer), "32x1", bos=1, eos=2, pad=0, seed=0).save_pretrained(tmp_path)
    few = ("--agent", str(tmp_path), "--step-limit", "2", "--json")
    for more in ((), ("--prompt", "bare", "--strategy", "best-of-k", "--k", "2")):
        code, out, err = play(capsys, *few, *more)
        assert code == 0, err
        assert json.loads(out)["won"] is False
    code, _, err = play(capsys, *few, "--prompt", "compact")
    assert code == 2
    assert "compact" in err
    code, _, err = play(capsys, *few, "--strategy", "greedy", "--temperature", "0.7")
    assert code == 2
    assert "greedy has no temperature" in err
    code, _, err = play(capsys, *few, "--strategy", "beam")
    assert code == 2
    assert "beam chooses among whole solutions, and play goes one reply at a time" in err


@pytest.fixture
def empty(tmp_path, monkeypatch):
    """A folder in which nothing was trained, and which is the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def bundle(folder, task="alfworld", **more):
    card = Card(
        method="oreo", settings={}, prompt={"format": "none"}, tokenizer="t", base="tiny", data={},
        has_value=True, task=task, **more,
    )  # fmt: skip
    write_bundle(folder, card, "", lambda _: None)


def test_where_no_agent_was_trained_the_expert_plays_and_it_is_said(capsys, empty):
    code = run(["play", "--data", "generated", "--step-limit", "1", "--plain"])
    said = capsys.readouterr()
    assert code == 0
    assert "agent: expert" in said.out
    assert "no agent has been trained below this folder: the expert plays" in said.err


def test_the_newest_agent_that_fits_the_task_is_taken(empty):
    assert newest(None) is None
    for age, (name, task) in enumerate((("a", "alfworld"), ("b/c", "math"), ("d", "alfworld"))):
        bundle(empty / "runs" / name, task)
        os.utime(empty / "runs" / name / "bundle.json", (1e9 - age, 1e9 - age))
    (empty / "runs" / "torn").mkdir()
    (empty / "runs" / "torn" / "bundle.json").write_text("{")
    assert newest(None).folder.name == "a"
    assert newest("math").folder == Path("runs/b/c")
    assert newest("gsm8k") is None
    assert newest("alfworld", empty / "runs" / "d").folder.name == "d"


def test_an_agents_own_task_and_a_split_to_watch_are_what_is_played(empty):
    bundle(empty / "solver", "wordproblems, gsm8k")
    assert usual_task("solver") == "wordproblems"
    assert usual_task("expert") == "alfworld"
    assert usual_split("wordproblems") == "valid"
    assert usual_split("alfworld") == "valid_seen"


def test_what_was_played_is_recorded_where_it_is_asked_for(capsys, tmp_path):
    kept = tmp_path / "kept"
    assert play(capsys, "--record", str(kept), "--json")[0] == 0
    (episode,) = StoreReader(kept)
    assert (episode.policy.kind, episode.end) == ("expert", "won")
    assert play(capsys, "--record", str(kept), "--json")[0] == 0
    assert len(StoreReader(kept)) == 1
