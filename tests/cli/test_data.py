"""The sub-commands of `data`: what they say, what they refuse, and with which exit code."""

import json
import subprocess
import sys
from typing import Any

import pytest
import typer

from oreo_agent.cli import GROUPS, make_app, run
from oreo_agent.cli.data import DATA_VERBS
from oreo_agent.cli.output import say_table

LOG = "You are in a room.\nYour task is to: look.\n> look\nA room.\n"
ROWS = [
    {"name": f"pick_and_place_simple-Mug-None-Shelf-1/trial_T{i}", "result": i % 2, "traj": LOG}
    for i in range(6)
]


@pytest.fixture
def oreo(capsys):
    """Runs a command line; gives its exit code, standard output and standard error."""

    def told(*arguments):
        code = run([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return told


@pytest.fixture
def logs(tmp_path):
    path = tmp_path / "logs.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in [*ROWS, {"traj": LOG}]))
    return path


@pytest.fixture
def store(oreo, logs, tmp_path):
    code, _, _ = oreo("data", "import", logs, "--from", "react", "--out", tmp_path / "store")
    assert code == 0
    return tmp_path / "store"


@pytest.mark.parametrize("verb", list(DATA_VERBS))
def test_every_sub_command_explains_itself_and_every_option_has_a_line(oreo, verb):
    code, out, _ = oreo("data", verb, "--help")
    assert code == 0
    assert f"Usage: oreo-agent data {verb}" in out
    command: Any = typer.main.get_command(make_app())
    told = command.commands["data"].commands[verb].params
    assert "json" in {each.name for each in told}
    for each in told:
        assert each.help, f"{each.name} has no line"
        assert all(f" {name}" in out for name in each.opts if name.startswith("-"))


def test_the_sub_commands_are_listed_and_a_mistyped_one_is_named(oreo):
    code, out, _ = oreo("data", "--help")
    assert code == 0
    assert all(f"  {verb} " in out for verb in GROUPS["data"][1])
    code, out, err = oreo("data", "imprt")
    assert (code, out) == (2, "")
    assert "imprt" in err


@pytest.mark.parametrize("verb", ["", *DATA_VERBS])
def test_help_loads_nothing_heavy(verb):
    arguments = ["data", *([verb] if verb else []), "--help"]
    heavy = ("torch", "transformers", "gymnasium", "numpy", "scipy", "pyarrow", "datasets")
    code = (
        f"import sys\nfrom oreo_agent.cli import run\nassert run({arguments!r}) == 0\n"
        f"print('LOADED', *(m for m in {heavy!r} if m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.rsplit("LOADED", 1)[1].split() == []


def test_the_way_of_a_log_through_all_of_them(oreo, logs, store, tmp_path):
    code, out, _ = oreo("data", "import", logs, "--from", "react", "--out", store, "--json")
    told = json.loads(out.splitlines()[-1])
    assert (code, told["imported"], told["already"]) == (0, 0, 6)
    assert sum(told["aside"].values()) == 1
    code, out, _ = oreo("data", "stats", store)
    assert code == 0
    assert "6 episodes of 6 instances" in out
    assert "50.0%" in out
    code, out, _ = oreo("data", "stats", store, "--json")
    (row,) = json.loads(out)["rows"]
    assert row["won_low"] < 0.5 < row["won_high"]
    code, out, _ = oreo("data", "filter", store, "--end", "won", "--out", tmp_path / "won")
    assert (code, out) == (0, f"{tmp_path / 'won'}: 3 of 6 episodes\n")
    parts = [tmp_path / "one", tmp_path / "two"]
    code, out, _ = oreo(
        "data", "split", store, "--out", parts[0], "--held-out", parts[1], "--share", 0.4, "--json"
    )
    told = json.loads(out)
    assert told["episodes"] + told["held_out_episodes"] == 6
    code, out, _ = oreo("data", "merge", *parts, tmp_path / "won", "--out", tmp_path / "all")
    assert out == f"{tmp_path / 'all'}: 6 episodes added, 3 already there\n"
    code, out, _ = oreo("data", "dedupe", tmp_path / "all", "--out", tmp_path / "few", "--json")
    assert json.loads(out)["kept"] == 6
    code, out, _ = oreo("data", "check", store, tmp_path / "few")
    assert code == 0
    assert out.count("nothing is wrong") == 2
    code, out, _ = oreo("data", "export", store, "--to", "kto", "--out", tmp_path / "kto.jsonl")
    assert (code, out) == (0, f"{tmp_path / 'kto.jsonl'}: 6 rows of 6 episodes, as kto\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("import", "{logs}", "--from", "raect", "--out", "{new}"), "did you mean 'react'"),
        (("import", "{logs}", "--from", "trl", "--out", "{new}"), "nothing could be imported"),
        (("import", "{new}.jsonl", "--from", "react", "--out", "{new}"), "there is no file"),
        (("export", "{store}", "--to", "csv", "--out", "{new}.jsonl"), "csv"),
        (("export", "{store}", "--out", "{logs}"), "is there already"),
        (("filter", "{store}", "--end", "wn", "--out", "{new}"), "did you mean 'won'"),
        (("filter", "{store}", "--out", "{store}"), "is there already"),
        (("dedupe", "{new}", "--out", "{store}"), "holds no episodes"),
        (("split", "{store}", "--out", "{new}", "--held-out", "{new}"), "two folders"),
        (("merge", "{store}", "--out", "{store}"), "both target and source"),
        (("export", "{store}", "--to", "dpo", "--out", "{new}.jsonl"), "nothing can be written"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(oreo, logs, store, tmp_path, arguments, words):
    places = {"logs": logs, "store": store, "new": tmp_path / "new"}
    code, out, err = oreo("data", *(each.format(**places) for each in arguments))
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert words in err
    assert not list(tmp_path.glob("new*"))
    assert not list(tmp_path.glob(".*part"))


def test_a_store_with_a_fault_is_told_and_leaves_with_2(oreo, store):
    import sqlite3

    connection = sqlite3.connect(store / "episodes.db")
    rows = connection.execute("SELECT id FROM episodes ORDER BY id LIMIT 2").fetchall()
    connection.execute("UPDATE episodes SET reward = 0.5 WHERE id = ?", rows[0])
    connection.execute("UPDATE episodes SET record = x'00' WHERE id = ?", rows[1])
    connection.commit()
    connection.close()
    code, out, _ = oreo("data", "check", store, "--json")
    (told,) = json.loads(out)["stores"]
    assert (code, told["episodes"]) == (2, 6)
    assert told["findings"] == {"damaged": 1, "the table says otherwise than the record": 1}
    ids = [name for (name,) in rows]
    assert sorted(name for names in told["examples"].values() for name in names) == sorted(ids)


def test_a_narrow_table_cuts_no_figure_and_words_of_the_world_do_nothing(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    name, bad = "pick_cool_then_place_in_recep", "[red]\x1b[2J:smile:"
    say_table(bad, ("type", "n", "95 %"), [(name, 1_000_000, "13%-20%"), (bad, 2, "x")])
    out = capsys.readouterr().out
    assert "1000000" in out
    assert "13%-20%" in out
    assert name in "".join(line.split()[0] for line in out.splitlines() if line.strip())
    assert out.count("[red]␛[2J:smile:") == 2
    assert "\x1b" not in out


def test_a_store_is_not_counted_twice(oreo, logs, store):
    oreo("data", "import", logs, "--from", "react", "--out", store)
    code, out, err = oreo("data", "stats", store, f"{store}/../{store.name}")
    assert (code, out) == (2, "")
    assert "named twice" in err


def test_what_a_log_says_does_nothing_to_the_terminal(oreo, tmp_path):
    rows = [ROWS[0] | {"name": "a/b\x1b[2J", "end": "lost"}, {"traj": LOG, "result": "\x9b31m"}]
    path = tmp_path / "logs.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    store = tmp_path / "store"
    for arguments in (
        ("import", path, "--from", "react", "--task", "my\x1b[2J", "--out", store),
        ("stats", store),
        ("check", store),
        ("show", store),
    ):
        code, out, err = oreo("data", *arguments)
        assert code == 0
        assert not any(letter in out + err for letter in "\x1b\x9b")


@pytest.mark.parametrize("verb", ["stats", "show", "filter", "new", "play", "train"])
def test_a_name_that_no_file_can_have_is_refused_in_one_line(refused, tmp_path, verb):
    long = "n" * 300
    refused(
        {
            "new": ("rollout", "--policy", "expert", "--data", "generated", "--out", long),
            "play": ("play", "--replay", long, "--plain"),
            "stats": ("data", "stats", long),
            "show": ("data", "show", long),
            "filter": ("data", "filter", long, "--out", tmp_path / "s"),
            "train": ("train", "--method", "sft", "--data", long, "--out", tmp_path / "b"),
        }[verb],
        long,
    )


@pytest.mark.parametrize("columns", [12, 40, 50, 80])
def test_names_and_figures_are_there_however_narrow_the_table(capsys, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    name, figures = "pick_cool_then_place_in_recep", ("1000000", "50", "40.4%-59.6%", "0", "14.0")
    say_table("", ("task type", "episodes", "won", "95 %", "faults", "steps"), [(name, *figures)])
    lines = [line for line in capsys.readouterr().out.splitlines() if line.strip()]
    below = lines[next(i for i, line in enumerate(lines) if "─" in line) + 1 :]
    assert below[0].split()[1:] == list(figures)
    assert "".join(line.split()[0] for line in below) == name
    assert len(below[0].split()[0]) >= 8
