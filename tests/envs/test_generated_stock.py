"""Exported generated games play in the stock engine as in our interpreter."""

import random
from collections import defaultdict
from itertools import chain
from pathlib import Path

import pytest

pytest.importorskip(
    "textworld", reason="the stock engine is not installed; `make setup STOCK=1` adds it"
)
pytest.importorskip(
    "alfworld", reason="the stock engine is not installed; `make setup STOCK=1` adds it"
)

from oreo_envs.alfworld.compile import compile_game
from oreo_envs.alfworld.stock import stock_engine
from oreo_envs.alfworld.world import World
from oreo_tasks.alfworld.generator import export

pytestmark = [
    pytest.mark.stock,
    pytest.mark.filterwarnings("ignore"),  # the stock engine's own, of which there are many
]
GAMES = {"small": 6, "medium": 4, "full": 2}
"""Tier -> how many games; six are one of each type."""
WALK = 15


@pytest.fixture(scope="module")
def engine():
    return stock_engine()


def wander(world: World, rng: random.Random) -> str:
    """Rare verbs as likely as frequent ones, now and then what is not possible."""
    by_verb: dict[str, list[str]] = defaultdict(list)
    for command in world.admissible():
        by_verb[command.split()[0]].append(command)
    some = rng.choice(by_verb[rng.choice(sorted(by_verb))])
    return some if rng.random() > 0.1 else rng.choice([some.upper(), some[:-1], "go to nowhere 1"])


@pytest.mark.parametrize("tier", GAMES)
def test_exported_games_are_told_alike_and_won_by_their_walkthroughs(engine, tier, tmp_path: Path):
    export(tmp_path, "train", tier, GAMES[tier])
    files = sorted((tmp_path / "json_2.1.1" / "train").glob("*/*/game.tw-pddl"))
    assert len(files) == GAMES[tier]
    for file in files:
        game = compile_game(file.read_text("utf-8"), id="/".join(file.parts[-3:-1]))
        world, rng = World(game), random.Random(game.id)
        engine.load(str(file))
        state = engine.reset()
        assert (state.feedback, state["admissible_commands"]) == (
            world.reset(),
            world.admissible(),
        )
        done: list[str] = []
        for known in chain(game.walkthrough, [None] * WALK):
            done.append(wander(world, rng) if known is None else known)
            state, score, over = engine.step(done[-1])
            assert world.step(done[-1]) == state.feedback, (game.id, done)
            assert world.admissible() == state["admissible_commands"], (game.id, done)
            assert (float(world.won), world.won) == (float(score), over), (game.id, done)
            assert world.won or len(done) != len(game.walkthrough), game.id
