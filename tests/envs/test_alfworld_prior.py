"""The shipped prior is what the official train games say."""

import json

import pytest

from oreo_envs.alfworld.prior import Prior, train_prior
from oreo_tasks.alfworld.count_household import Count
from oreo_tasks.alfworld.household import read_household


@pytest.mark.slow
def test_counting_the_official_train_games_gives_the_shipped_prior(packed_games):
    count = Count()
    for game in packed_games.all("train"):
        count.add(game.id.split("/")[0], json.loads(game.text)["pddl_problem"])
    assert Prior.of(read_household(count.table())) == train_prior()
