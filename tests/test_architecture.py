"""Promises that the whole house keeps."""

import importlib.metadata
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

import oreo_agent
from oreo_agent.cli import VERBS

REPOSITORY = Path(__file__).resolve().parent.parent
HEAVY = (
    "accelerate",
    "alfworld",
    "gymnasium",
    "math_verify",
    "matplotlib",
    "numpy",
    "oreo_agent.rollouts.statistics",
    "peft",
    "ray",
    "scipy",
    "starlette",
    "textual",
    "textworld",
    "torch",
    "transformers",
    "uvicorn",
    "vllm",
)
LONGEST_FILE = 600
PACKAGES = ("oreo_agent", "envs/oreo_envs", "tasks/oreo_tasks")
FLAT = ("oreo_agent.records", "oreo_agent.model.prompt", "oreo_agent.model.bundle", "oreo_tasks")


def loads(code: str) -> set[str]:
    """Which heavy modules a fresh Python holds after it ran ``code``."""
    probe = f"\nimport sys\nprint('\\nLOADED', *(m for m in {HEAVY!r} if m in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code + probe], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.rsplit("LOADED", 1)[1].split())


def tracked() -> list[Path]:
    """All files that git has or would take."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this copy is no git repository, so nobody knows which files belong to it")
    paths = [REPOSITORY / name for name in done.stdout.split("\0") if name]
    return [path for path in paths if path.is_file()]


def texts() -> Iterator[tuple[str, str]]:
    """Name and text of every tracked file that is text."""
    for path in tracked():
        try:
            yield str(path.relative_to(REPOSITORY)), path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


@pytest.mark.parametrize("verb", ["", *VERBS])
def test_asking_for_help_loads_nothing_heavy(verb):
    arguments = [verb, "--help"] if verb else ["--help"]
    code = f"from oreo_agent.cli import run\nassert run({arguments!r}) == 0"
    assert loads(code) == set()


def test_what_plays_nothing_loads_no_network_no_world_and_no_scipy():
    code = "from oreo_agent.cli import run\nassert run(['eval', '--power', '5', '--json']) == 0"
    lean = {"numpy", "oreo_agent.rollouts.statistics"}
    assert loads(f"{code}\nimport oreo_agent.rollouts.verdicts") == lean


@pytest.mark.parametrize("module", FLAT)
def test_what_a_training_node_reads_records_with_needs_no_torch_and_no_world(module):
    if find_spec(module) is None:
        pytest.fail(f"{module} has gone: say so in FLAT and in pyproject.toml")
    assert loads(f"import {module}") & {"torch", "transformers", "gymnasium", "textworld"} == set()


def test_imports_only_point_down():
    program = Path(sys.executable).with_name("lint-imports")
    if not program.exists():
        pytest.skip("import-linter is not installed; `make setup` adds it")
    done = subprocess.run([program], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_no_file_is_longer_than_a_person_reads():
    long = {
        name: text.count("\n")
        for name, text in texts()
        if name.endswith((".py", ".md", ".toml")) and text.count("\n") > LONGEST_FILE
    }
    assert long == {}


def test_every_file_of_the_packages_says_what_it_is():
    silent = [
        name
        for name, text in texts()
        if name.startswith(PACKAGES)
        and name.endswith(".py")
        and not text.lstrip("#!").startswith(('"""', 'r"""'))
    ]
    assert silent == []


def test_no_file_is_called_by_a_name_that_says_nothing():
    nothing = {"utils.py", "helpers.py", "common.py", "misc.py", "base.py", "types.py", "core.py"}
    assert [str(path) for path in tracked() if path.name in nothing] == []


def test_no_file_knows_the_machine_that_it_was_written_on():
    folders = re.compile(r"(?<![\w.~/-])/(?:home|Users|root|work|opt|mnt)/\w[\w./-]*")
    known = {
        f"{name}: {found}"
        for name, text in texts()
        for found in folders.findall(text)
        if name != "LICENSE"
    }
    assert known == set()


def test_the_version_is_the_same_everywhere():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert project["version"] == oreo_agent.__version__
    assert f"## {oreo_agent.__version__}" in (REPOSITORY / "CHANGELOG.md").read_text()


def test_the_program_is_installed_under_its_name():
    try:
        scripts = importlib.metadata.distribution("oreo-agent").entry_points
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("oreo-agent is not installed here; `make setup` does that")
    assert "oreo_agent.cli:main" in {script.value for script in scripts}


def test_make_prints_what_it_can_do():
    done = subprocess.run(
        ["make", "-s"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    for target in ("setup", "test", "demo", "lint", "clean"):
        assert f"make {target} " in done.stdout


def test_what_is_installed_is_found_from_any_folder(tmp_path):
    done = subprocess.run(
        [sys.executable, "-P", "-c", "import oreo_agent.cli, oreo_envs, oreo_tasks"],
        cwd=tmp_path,
        env={name: told for name, told in os.environ.items() if name != "PYTHONPATH"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
