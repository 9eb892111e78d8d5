"""What doctor says is what is there, and a solution that does not win is named with its turn."""

import importlib.metadata
import json
from dataclasses import replace
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from oreo_agent.errors import DataError, SettingError
from oreo_agent.rollouts.catalogue import listed
from oreo_agent.rollouts.doctor import installed
from oreo_agent.rollouts.doctor.gold import splits_to_verify, verify
from oreo_agent.rollouts.doctor.holdings import held, holdings
from oreo_agent.rollouts.doctor.installed import PACKAGE, install, machine, origin, shortfall
from oreo_agent.rollouts.doctor.probe import probe
from oreo_agent.rollouts.doctor.speed import environments, measured
from oreo_agent.rollouts.stage import Stage
from oreo_tasks import load_task
from oreo_tasks.alfworld import Alfworld

OURS = "generated:small"


@pytest.fixture
def games(tmp_path) -> Path:
    """Three of our own games in the layout of the official ones."""
    own = Alfworld()
    for instance in own.instances("valid_seen", OURS)[:3]:
        file = tmp_path / "json_2.1.1" / "valid_seen" / instance.id / "game.tw-pddl"
        file.parent.mkdir(parents=True)
        file.write_text(own.game_text(instance.id, "valid_seen", OURS))
    return tmp_path


def retold(games: Path, change) -> str:
    """Change the walkthrough of the first game; its id."""
    file = sorted(games.rglob("game.tw-pddl"))[0]
    game = json.loads(file.read_text())
    game["walkthrough"] = change(game["walkthrough"])
    file.write_text(json.dumps(game))
    return "/".join(file.parts[-3:-1])


def seen(games: Path):
    return verify(Stage(task="alfworld", split="valid_seen", data=str(games), live=2))


def test_every_walkthrough_of_ours_is_called_won_by_its_last_command():
    told = verify(Stage(task="alfworld", split="valid_unseen", data=OURS))
    assert (told.right, told.solutions, told.without) == (200, 200, 0)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda told: told[:-1], "is not called won"),
        (lambda told: [*told, "look"], "the episode is over before"),
        (
            lambda told: ["eat the table", *told],
            "turn 1, 'eat the table': the world does not admit",
        ),
    ],
)
def test_a_solution_that_does_not_win_as_it_should_is_named(games, change, word):
    name = retold(games, change)
    told = seen(games)
    assert (told.right, told.solutions, list(told.failed)) == (2, 3, [name])
    assert word in told.failed[name]


def test_what_comes_without_a_solution_is_counted_apart(games):
    retold(games, lambda told: [])
    told = seen(games)
    assert (told.right, told.solutions, told.without) == (2, 2, 1)


def test_where_nothing_comes_with_a_solution_that_is_said(games):
    for file in games.rglob("game.tw-pddl"):
        game = json.loads(file.read_text())
        file.write_text(json.dumps({k: v for k, v in game.items() if k != "walkthrough"}))
    with pytest.raises(DataError, match=r"none of its 3 instances brings a solution.*2\.1\.2"):
        seen(games)


def test_the_evaluator_calls_every_worked_solution_right():
    told = verify(Stage(task="wordproblems", split="valid"))
    assert told.right == told.solutions == 500
    assert splits_to_verify("wordproblems", None) == ["valid", "test"]


def test_the_splits_that_agents_are_judged_on_are_verified_where_they_are_there(games):
    assert splits_to_verify("alfworld", OURS) == ["valid_seen", "valid_unseen"]
    assert splits_to_verify("alfworld", str(games)) == ["valid_seen"]
    with pytest.raises(SettingError, match="did you mean 'alfworld'"):
        splits_to_verify("alfwrld", None)
    with pytest.raises(DataError, match="no ALFWorld games"):
        splits_to_verify("alfworld", str(games / "json_2.1.1" / "valid_seen"))


def test_a_count_that_is_not_the_official_one_is_a_fault_with_a_command(games):
    told = held(load_task("alfworld"), str(games), asked=True)
    assert told.state == "fault"
    assert "valid_seen has 3, the official one 140" in told.told
    assert told.remedy.startswith("curl -LO https://")


def test_a_folder_that_somebody_names_and_that_holds_nothing_is_a_fault(tmp_path, monkeypatch):
    task = load_task("gsm8k")
    assert held(task, str(tmp_path), asked=True).state == "fault"
    assert held(task, str(tmp_path), asked=False).state == "missing"
    monkeypatch.setenv("MATH_DATA", str(tmp_path))
    monkeypatch.setenv("ALFWORLD_DATA", "generated")
    found = {one.name: one for one in holdings()}
    assert (found["math"].state, found["math"].remedy) == ("fault", "export MATH_DATA=hub")
    assert found["alfworld"].state == "missing"
    assert "ALFWORLD_DATA is generated" in found["alfworld"].told
    assert found["gsm8k"].told == "GSM8K_DATA is not set"


@pytest.mark.parametrize("name", ["gsm8k", "math", "openbookqa", "strategyqa"])
def test_official_questions_are_known_by_their_checksum(name, shared_data):
    told = held(load_task(name), str(shared_data / "qa"), asked=True)
    assert told.state == "ok"
    assert "(official, " in told.told


def test_a_word_that_was_changed_in_official_data_is_noticed(shared_data, monkeypatch):
    task = load_task("gsm8k")
    whole = task.problems("train", str(shared_data / "qa"))
    first = next(iter(whole))
    changed = {**whole, first: replace(whole[first], answer="17")}
    monkeypatch.setattr(type(task), "problems", lambda *_: changed)
    told = held(task, "FOLDER", asked=True)
    assert told.state == "fault"
    assert "train is not what was published" in told.told


@pytest.mark.parametrize(
    ("direct_url", "command"),
    [
        (None, "pip install 'oreo-agent[math]'"),
        ('{"url": "file:///a/b%20c", "dir_info": {}}', "pip install '/a/b c[math]'"),
        (
            '{"url": "file:///srv/oreo", "dir_info": {"editable": true}}',
            "pip install -e '/srv/oreo[math]'",
        ),
        (
            '{"url": "https://x.org/y.git", "vcs_info": {}}',
            "pip install 'oreo-agent[math] @ https://x.org/y.git'",
        ),
    ],
)
def test_an_extra_is_added_to_the_installation_that_is_there(direct_url, command):
    assert install(origin(direct_url), "math") == command


def test_packages_that_are_missing_or_too_old_are_named():
    assert shortfall(Requirement("numpy>=1")) == ""
    assert "numpy" in shortfall(Requirement("numpy<1"))
    assert shortfall(Requirement("no-such-package>=1")) == "no-such-package is missing"


def test_a_required_package_that_is_missing_is_a_fault_and_an_optional_one_is_not(monkeypatch):
    there = importlib.metadata.version

    def version(name):
        if name in ("numpy", "math-verify"):
            raise importlib.metadata.PackageNotFoundError(name)
        return there(name)

    monkeypatch.setattr(installed.importlib.metadata, "version", version)
    found = {one.name: one for one in machine()}
    assert found["required"].state == "fault"
    assert "numpy is missing" in found["required"].told
    assert found["[math]"].state == "missing"
    assert found["[math]"].remedy.endswith("[math]'")
    assert "[test]" not in found


def test_it_says_so_where_oreo_agent_is_not_installed(monkeypatch):
    def distribution(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(installed.importlib.metadata, "distribution", distribution)
    *_, last = machine()
    assert (last.name, last.state) == (PACKAGE, "fault")


def test_the_stock_engine_needs_compilers_too(monkeypatch):
    monkeypatch.setattr(installed.shutil, "which", lambda tool: None)
    monkeypatch.setattr(installed, "shortfall", lambda need: f"{need.name} is missing")
    found = {one.name: one for one in machine()}
    assert found["[stock]"].remedy.startswith("sudo apt-get install -y g++ cmake && ")


def test_a_cache_that_cannot_be_written_is_a_fault(monkeypatch):
    monkeypatch.setattr(installed.os, "access", lambda *_: False)
    found = {one.name: one for one in machine()}
    assert found["cache"].state == "fault"
    assert "XDG_CACHE_HOME" in found["cache"].remedy


def test_an_environment_is_stepped_and_weighed():
    found = probe("oreo/Taxi-v0", 0.0)
    assert found["steps_per_second"] > 0
    assert found["megabytes"] >= 0
    assert "GSM8K_DATA is not set" in probe("oreo/GSM8K-v0", 0.0)["missing"]
    assert "did you mean" in probe("oreo/Taxy-v0", 0.0)["fault"]


def test_an_environment_is_measured_in_a_process_of_its_own():
    entry = next(one for one in listed()[0] if one.id == "oreo/FrozenLake-v0")
    told = measured(entry, 0.0)
    assert told.state == "ok"
    assert set(told.figures) == {"steps_per_second", "megabytes"}
    broken = measured(replace(entry, id="nobody/Home-v0"), 0.0)
    assert (broken.state, broken.remedy) == ("fault", "oreo-agent envs check nobody/Home-v0")


def test_environments_without_data_and_plug_ins_that_break_are_told(monkeypatch):
    entries, _ = listed()
    plug_in = type("PlugIn", (), {"name": "maze", "module": "maze.games", "fault": "no wall"})
    asked = [one for one in entries if one.task]
    own_files = [one for one in asked if one.task in ("textworld", "questions")]
    some = [*asked[1:3], *own_files]
    monkeypatch.setattr("oreo_agent.rollouts.doctor.speed.listed", lambda: (some, [plug_in]))
    *others, last = environments()
    assert len(others) == len(some) > 2
    assert {one.state for one in others} == {"missing"}
    assert all("finds no data" in one.told for one in others)
    assert (last.state, last.remedy) == ("fault", "pip install --force-reinstall maze")
    assert "no wall" in last.told
