"""`data show` from outside: its lines, its JSON, its refusals, and its screen in a terminal."""

import json
import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from oreo_agent.cli.data_show import show
from oreo_agent.errors import OreoError
from oreo_agent.records.episode import ENDS, Segment
from oreo_agent.records.store import Store

PATIENCE = 120
"""Seconds after which a terminal that says nothing is a fault; a busy machine takes its time."""


def made_app() -> typer.Typer:
    app = typer.Typer(add_completion=False)
    app.command("show")(show)
    return app


def run(*arguments: object) -> str:
    """What is said; a refusal is raised."""
    done = CliRunner().invoke(made_app(), list(map(str, arguments)))
    if done.exception is not None:
        raise done.exception
    return done.stdout


@pytest.fixture
def folder(tmp_path, make_stored) -> Path:
    """Ten episodes in a folder whose name has a colon."""
    with Store.create(tmp_path / "my:store", prompt="bare", tokenizer="t1") as store:
        for number in range(10):
            store.append(make_stored(number))
    return tmp_path / "my:store"


@pytest.fixture
def make_stored():
    from oreo_agent.records.episode import Episode, PolicyRecord

    def make(number: int) -> Episode:
        end = ENDS[number % 5]
        seen = f"Your task is to: find thing {number}."
        return Episode(
            id=f"e{number:03}", task="alfworld", environment="e", split="train",
            instance=f"room-{number}", task_type="pick" if number < 6 else "look", seed=0, repeat=0,
            policy=PolicyRecord(kind="expert"), prompt="bare", tokenizer="t1",
            segments=(Segment(kind="observation", ids=(7, 8), text=seen),),
            reward=float(end == "won"), end=end, seconds=0.0,
        )  # fmt: skip

    return make


def test_filters_of_the_line_are_those_of_the_list(folder):
    few = ("--end", "won", "--end", "lost", "--task-type", "pick", "--sort", "-tokens")
    told = json.loads(run(folder, "--json", *few).splitlines()[-1])
    assert [row["id"] for row in told["episodes"]] == ["e000", "e001", "e005"]
    assert (told["total"], told["matching"]) == (10, 3)
    lines = run(folder, *few, "--limit", 2).splitlines()
    assert [line.split()[0] for line in lines if line.startswith("e0")] == ["e000", "e001"]
    assert lines[-1].startswith("2 of 3 shown")


def test_a_text_is_searched_for_within_the_filters(folder):
    told = json.loads(run(folder, "--json", "--search", "THING 7"))
    assert [row["id"] for row in told["episodes"]] == ["e007"]
    assert json.loads(run(folder, "--json", "--search", "thing", "--instance", "room-3"))[
        "ends"
    ] == {"token_limit": 1}


def test_one_episode_is_told_by_its_id_or_a_part_of_it(folder):
    lines = run(f"{folder}:004").splitlines()
    assert lines[0].startswith("e004: fault")
    assert "    Your task is to: find thing 4." in lines
    assert not any("ids:" in line for line in lines)
    assert "    ids: 7 8" in run(f"{folder}:e004", "--tokens").splitlines()
    assert json.loads(run(f"{folder}:004", "--json"))["id"] == "e004"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--end", "wno"), "did you mean 'won'"),
        (("--task-type", "pik"), "did you mean 'pick'"),
        (("--sort", "stepz"), "did you mean 'steps'"),
        (("--search", " "), "nothing to search for"),
    ],
)
def test_what_is_wrong_is_told_with_the_nearest(folder, arguments, told):
    with pytest.raises(OreoError, match=told):
        run(folder, *arguments)


def test_no_store_and_an_unknown_id_are_told(folder, tmp_path):
    with pytest.raises(OreoError, match="holds no episodes"):
        run(tmp_path / "nowhere")
    with pytest.raises(OreoError, match="holds no episodes"):
        run(f"{tmp_path / 'nowhere'}:e001")
    with pytest.raises(OreoError, match="no episode 'e0x3'; the nearest is 'e00"):
        run(f"{folder}:e0x3")


@pytest.mark.parametrize("key", [b"q", b"\x03"])
def test_in_a_terminal_there_is_a_screen_and_the_terminal_is_left_in_order(folder, key):
    code = (
        "import typer\nfrom oreo_agent.cli.data_show import show\n"
        "app = typer.Typer()\napp.command('show')(show)\napp()"
    )
    home, away = pty.openpty()
    verb = subprocess.Popen(
        [sys.executable, "-c", code, str(folder), "--end", "won"],
        stdin=away,
        stdout=away,
        stderr=away,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"},
        start_new_session=True,
    )
    os.close(away)
    try:
        said = _read(home, until=b"1 of 2")
        os.write(home, key)
        said += _read(home)
        assert verb.wait(PATIENCE) == 0
    finally:
        verb.kill()
        verb.wait()
        os.close(home)
    assert said.rindex(b"\x1b[?1049l") > said.rindex(b"\x1b[?1049h"), "its own screen is left"
    assert b"Traceback" not in said


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
