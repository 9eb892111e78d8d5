"""Every recipe of the repository is one that `train` takes."""

from pathlib import Path

import pytest

from oreo_agent.config import build, read_toml
from oreo_agent.learn.objectives import OBJECTIVES
from oreo_agent.learn.settings import TrainRun

RECIPES = sorted((Path(__file__).resolve().parent.parent / "configs").glob("*.toml"))


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_builds_and_says_what_it_is(recipe: Path):
    told = read_toml(recipe)
    run = build(TrainRun, told | {"data": [recipe], "out": recipe, "overwrite": False})
    build(OBJECTIVES.load(run.method), told.get("objective", {}), at="objective")
    assert recipe.read_text().startswith("# ")
