"""What verbs say of faults: the commonest causes, one line each, and no more of them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from oreo_agent.cli.output import CAUSES, say_faults, say_json


def test_no_more_causes_are_told_than_a_person_reads(capsys):
    causes = {
        f"Cause{number}: no\nmore \x1b[2Jthan this": 9 - number for number in range(CAUSES + 2)
    }
    say_faults(causes, "see more")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == CAUSES + 3
    assert lines[0] == f"{sum(causes.values())} episodes broke:"
    assert lines[1].startswith("  9 x Cause0: no")
    assert "\x1b" not in "".join(lines)
    assert lines[-2:] == ["  and 2 other causes", "see more"]


def test_one_is_one_and_none_is_nothing(capsys):
    say_faults({}, "see more")
    assert capsys.readouterr().out == ""
    say_faults({"KeyError: 'x'": 1}, "see more")
    assert capsys.readouterr().out == "1 episode broke:\n  1 x KeyError: 'x'\nsee more\n"


def test_what_is_no_finite_number_is_null_in_json(capsys):
    say_json({"mean": float("nan"), "rows": [(1.5, float("inf"))]})
    assert json.loads(capsys.readouterr().out, parse_constant=pytest.fail) == {
        "mean": None,
        "rows": [[1.5, None]],
    }


def test_a_name_that_is_no_text_is_said_in_json_and_read_again_as_it_was(capsys):
    name = os.fsdecode(b"st\xfcre \xe2\x9c\x93")
    say_json({"out": Path(name), "rows": {"caf\xe9": [name]}})
    said = capsys.readouterr().out
    assert said.isascii()
    assert json.loads(said) == {"out": name, "rows": {"caf\xe9": [name]}}


@pytest.mark.parametrize("verb", [("envs", "list"), ("--help",)], ids=["verb", "help"])
@pytest.mark.parametrize("buffered", ["", "1"], ids=["buffered", "unbuffered"])
@pytest.mark.parametrize(
    ("away", "code", "words"),
    [
        ("/dev/full", 2, "error: standard output cannot be written (No space left on device)"),
        (None, 0, ""),
    ],
    ids=["full", "gone"],
)
def test_output_that_nobody_takes_ends_a_verb_without_a_traceback(
    away, code, words, buffered, verb
):
    if away is None:
        reader, output = os.pipe()
        os.close(reader)
    else:
        output = os.open(away, os.O_WRONLY)
    env = {**os.environ, "PYTHONUNBUFFERED": buffered}
    command = [sys.executable, "-m", "oreo_agent", *verb]
    done = subprocess.run(command, stdout=output, stderr=subprocess.PIPE, text=True, env=env)
    os.close(output)
    assert (done.returncode, done.stderr[: len(words) or None]) == (code, words)
    assert "Traceback" not in done.stderr


def test_letters_that_the_output_has_not_are_question_marks_and_escapes_in_json():
    code = (
        "import sys, typer\nimport oreo_agent.cli as cli\n"
        "from oreo_agent.cli.output import say_json\n"
        "cli.run = lambda _: (print('caf\xe9'), say_json({'a': 'caf\xe9'}), 0)[-1]\ncli.main()"
    )
    env = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=env, check=True
    )
    assert done.stdout.splitlines() == ["caf?", '{"a": "caf\\u00e9"}']
