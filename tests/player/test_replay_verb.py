"""`oreo-agent play --replay` from outside."""

import json

import pytest
from made_stores import house, store

from oreo_agent.cli import run


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "episodes"
    store(path, *(house(seed) for seed in range(3)))
    return path


def replay(capsys, *arguments):
    code = run(["play", "--replay", *map(str, arguments)])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_without_a_terminal_the_episode_comes_in_lines(capsys, folder):
    code, out, _ = replay(capsys, folder)
    lines = out.splitlines()
    assert code == 0
    assert lines[0].startswith("house valid, game 1 of 3: ")
    assert "goal: put a cup in box" in lines
    assert replay(capsys, folder, "--plain")[1] == out


def test_json_is_one_object(capsys, folder):
    code, out, _ = replay(capsys, folder, "--json")
    (line,) = out.splitlines()
    told = json.loads(line)
    assert code == 0
    assert told["turns"] == len(told["judges"][0]["candidates"])


@pytest.mark.parametrize("kind", ["html", "svg", "txt", "cast"])
def test_an_export_is_written_and_that_is_all(capsys, folder, tmp_path, kind):
    target = tmp_path / f"episode.{kind}"
    code, out, _ = replay(capsys, folder, "--export", target)
    assert (code, out) == (0, f"written: {target}\n")
    assert "put a cup in box" in target.read_text()


def test_a_live_game_can_be_exported_too(capsys, tmp_path):
    target = tmp_path / "game.html"
    code = run(
        ["play", "--data", "generated", "--step-limit", "2", "--json", "--export", str(target)]
    )
    assert (code, len(capsys.readouterr().out.splitlines())) == (0, 1)
    assert "not won" in target.read_text()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("{store}/nothing",), "holds no episodes"),
        (("{store}:nobody",), "no episode 'nobody'"),
        (("{store}", "--agent", "nobody"), "nobody is no bundle"),
        (("{store}", "--beside", "nobody"), "name two bundles"),
        (("{store}", "--export", "game.pdf"), "none of .cast, .html, .svg, .txt"),
        (("{store}", "--export", "{store}/no/game.svg"), "there is no folder"),
        (("{store}", "--instance", "house/1"), "--instance means nothing beside --replay"),
        (("{store}", "--k", "5"), "--k means nothing beside --replay"),
    ],
)
def test_what_is_wrong_is_told_in_one_line_with_exit_code_2(capsys, folder, arguments, told):
    code, out, err = replay(capsys, *(each.format(store=folder) for each in arguments))
    assert (code, out) == (2, "")
    assert told in err
    assert "Traceback" not in err


def test_beside_is_refused_where_nothing_is_replayed(capsys):
    code = run(["play", "--beside", "somebody"])
    assert code == 2
    assert "--replay" in capsys.readouterr().err
