"""The pages do what they say: their Python is run as it stands."""

import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from oreo_agent.cli import run
from oreo_agent.model.bundle import amend
from oreo_agent.model.compact import CompactPrompt
from oreo_agent.model.trust import Estimate, Trust
from oreo_tasks.alfworld.lexicon import LEXICON

REPOSITORY = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
PAGES = sorted(
    path.relative_to(REPOSITORY).as_posix()
    for pattern in ("*.md", "docs/**/*.md", "benchmarks/*.md")
    for path in REPOSITORY.glob(pattern)
)
LOSS = Estimate(value=-0.03, low=-0.05, high=-0.01)


def prose(page: Path) -> str:
    """A page without its blocks of code."""
    return BLOCK.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """What its headings are called in a link."""
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in HEADING.findall(prose(page)))
    return {heading.strip().replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", PAGES)
def test_links_within_the_repository_lead_somewhere(page: str) -> None:
    here = REPOSITORY / page
    broken: list[str] = []
    for link in LINK.findall(prose(here)):
        if "://" in link:
            continue
        file, _, anchor = link.partition("#")
        there = here.parent / file if file else here
        if not there.exists() or (anchor and anchor not in anchors(there)):
            broken.append(link)
    assert broken == []


def blocks(page: str, language: str) -> list[str]:
    found = BLOCK.findall((REPOSITORY / "docs" / page).read_text(encoding="utf-8"))
    return [text for name, text in found if name == language]


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with bundles of noise under the names that the page gives them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path, str(REPOSITORY / "tests" / "agent")])
    from made_agents import make_bundle

    prompt = CompactPrompt(LEXICON)
    sft = make_bundle(tmp_path / "runs" / "sft", seed=1, prompt=prompt)
    oreo = make_bundle(tmp_path / "runs" / "oreo", seed=2, base=sft, prompt=prompt)
    harms = tmp_path / "runs" / "oreo-that-harms"
    shutil.copytree(oreo, harms)
    amend(
        harms,
        None,
        Trust(trusted="no", states=41, instances=30, source="b", over_chance=LOSS, over_logp=LOSS),
    )
    return tmp_path


def test_all_python_of_the_page_on_the_runtime_runs(runs: Path, capsys: pytest.CaptureFixture[str]):
    names: dict[str, Any] = {}
    written: list[str] = []
    for number, text in enumerate(blocks("runtime.md", "python")):
        if file := re.match(r"# (\w+\.py)\n", text):
            (runs / file[1]).write_text(text)
            written.append(file[1])
        else:
            exec(compile(text, f"runtime.md, block {number}", "exec"), names)
    names["env"].close()
    assert written == ["patient.py"]
    said = capsys.readouterr().out
    assert "choosing by V would lose 3.0 points a choice here against" in said
    (command,) = (line for line in blocks("runtime.md", "") if line.startswith("oreo-agent eval"))
    short = ("--data", "generated", "--episodes", "1", "--step-limit", "2")
    assert run([*command.split()[1:], *short]) == 0
    assert "patient.py:Patient@" in (runs / "patient.json").read_text()
