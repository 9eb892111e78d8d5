"""The guide to environments, done as it is written, in a folder that is not the repository's."""

import json
import re
import shlex
import sys
from pathlib import Path

import pytest
from own_environments import announce

from oreo_agent.cli import run
from oreo_agent.records.store import Store
from oreo_agent.rollouts.report import Report
from oreo_envs.scaffold import new

GUIDE = Path(__file__).resolve().parent.parent / "docs" / "environments.md"
BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def install(folder: Path, site: Path) -> None:
    """What `pip install -e` leaves behind: a way to the package, and its entry points."""
    text = (folder / "pyproject.toml").read_text()
    points = re.search(r"^\[project\.entry-points\.oreo_envs\]\n((?:\w+ = .*\n)+)", text, re.M)
    assert points is not None
    announce(site, folder.name, points[1].replace('"', ""))
    sys.path.insert(0, str(folder))


@pytest.fixture
def elsewhere(tmp_path, monkeypatch, as_it_was):
    """An empty folder to work in, and nothing known of what earlier tests registered."""
    work, site = tmp_path / "work", tmp_path / "site"
    work.mkdir()
    site.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setattr(sys, "path", [str(site), *sys.path])
    return work, site


def test_the_guide_leads_from_an_empty_file_to_a_trained_agent(elsewhere, capfd):
    work, site = elsewhere
    said: dict[str, str] = {}
    for kind, name, text in BLOCK.findall(GUIDE.read_text(encoding="utf-8")):
        if name:
            path = work / name
            known = path.read_text(encoding="utf-8") if path.exists() else text
            assert known == text, f"{name} is not what `envs new` writes"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            continue
        assert kind == "bash"
        for line in text.splitlines():
            program, *arguments = shlex.split(line)
            if program == "pip":
                install(work / arguments[-1], site)
                continue
            code = run(arguments)
            said[line] = capfd.readouterr().out
            assert code == 0, f"{line}\n{said[line]}"

    checked = [out for line, out in said.items() if "envs check" in line]
    assert [out.splitlines()[-1].split(": ")[-1] for out in checked] == [
        "14 of 15 rules kept, 1 not tried",  # the file alone has no expert
        "15 of 15 rules kept",
    ]
    assert "expert         not tried: it was registered without an expert" in checked[0]
    assert "mygames/Keys-v0" in said["oreo-agent envs list"]
    assert "> {}" in said["oreo-agent envs show mygames/Keys-v0 --prompt short.toml"]
    for store, won in (("expert", 150), ("random", 60)):
        episodes = list(Store.open(work / "runs" / store))
        assert {episode.environment for episode in episodes} == {"mygames/Keys-v0"}
        assert sum(episode.end == "won" for episode in episodes) >= won
    card = json.loads((work / "runs/oreo/bundle.json").read_text())
    assert (card["task"], card["prompt"]["format"]) == ("mygames/Keys-v0", "text")
    report = Report.load(work / "oreo.json")
    assert (report.contract.environment, report.totals.success.n) == ("mygames/Keys-v0", 200)
    # the tiny agents are no experts, but they play better than chance, which wins 3 games in 10
    assert report.totals.success.share > 0.3


def test_the_first_file_of_the_guide_is_the_world_that_new_writes(tmp_path):
    files = {name: text for _, name, text in BLOCK.findall(GUIDE.read_text(encoding="utf-8"))}
    folder = new("mygames", tmp_path / "mygames")
    assert (folder / "mygames/keys.py").read_text(encoding="utf-8") == files["keys.py"]


@pytest.mark.parametrize("name", ["Mine", "my-games", "1st", "", "a b"])
def test_a_package_is_written_whole_or_not_at_all(tmp_path, name):
    with pytest.raises(ValueError, match="cannot be a package's name"):
        new(name, tmp_path / "there")
    (tmp_path / "taken").mkdir()
    with pytest.raises(ValueError, match="is there already"):
        new("mine", tmp_path / "taken")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
