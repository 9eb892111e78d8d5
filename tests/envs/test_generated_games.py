"""Generated games are fair: won by their walkthroughs, not before, and by the expert."""

import random
from collections.abc import Iterable

import pytest

from oreo_envs.alfworld.compile import compile_game
from oreo_envs.alfworld.expert import Expert
from oreo_envs.alfworld.game import Game
from oreo_envs.alfworld.world import World
from oreo_envs.players import RandomPlayer, Slipping
from oreo_tasks.alfworld.games import SPLITS
from oreo_tasks.alfworld.generator import TIERS, game_text, instances

STEPS = 40
SOME = 60
"""Games of a split and tier in the plain run, ten of each type."""


def games(split: str, tier: str, count: int | None) -> Iterable[Game]:
    for row in instances(split, tier, count):
        game = compile_game(game_text(row.id), id=row.id)
        assert game.task_type == row.task_type
        yield game


def won_by_walkthrough(game: Game) -> None:
    """Each command is possible, and the last one, no earlier one, reaches the goal."""
    world = World(game)
    world.reset()
    for command in game.walkthrough:
        assert not world.won, game.id
        assert command in world.admissible(), (game.id, command)
        world.step(command)
    assert world.won, game.id


def turns_to_win(policy, game: Game, steps: int = STEPS) -> int:
    """0 if the game was not won."""
    world = World(game)
    said = world.reset()
    policy.begin(said)
    for turn in range(steps):
        said = world.step(policy.act(said, {"admissible_commands": world.admissible()}))
        if world.won:
            return turn + 1
    return 0


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("split", ["train", "valid_unseen"])
def test_the_walkthrough_and_the_expert_win(split, tier):
    lost = []
    for game in games(split, tier, SOME):
        won_by_walkthrough(game)
        if not turns_to_win(Expert(), game):
            lost.append(game.id)
    assert len(lost) <= SOME // 30, lost


@pytest.mark.slow
@pytest.mark.parametrize("tier", TIERS)
def test_every_game_is_won_by_its_walkthrough_and_99_of_100_by_the_expert(tier):
    lengths: list[int] = []
    for split in SPLITS:
        for game in games(split, tier, None):
            won_by_walkthrough(game)
            lengths.append(turns_to_win(Expert(), game))
    won = [turns for turns in lengths if turns]
    print(f"\n{tier}: {len(won)} of {len(lengths)} won, {sum(won) / len(won):.2f} turns")
    assert len(won) / len(lengths) >= 0.99


def test_the_expert_recovers_from_its_slips():
    played = [
        turns_to_win(Slipping(Expert(), 0.2, random.Random(n)), game)
        for n, game in enumerate(games("valid_unseen", "medium", SOME))
    ]
    assert sum(map(bool, played)) >= SOME - 2


def test_games_are_not_won_by_chance():
    played = [
        turns_to_win(RandomPlayer(random.Random(n)), game)
        for n, game in enumerate(games("valid_unseen", "small", SOME))
    ]
    assert sum(map(bool, played)) < SOME / 4


def test_games_must_be_searched():
    """An expert needs more turns than somebody who knows where everything is."""
    extra = [
        turns_to_win(Expert(), game) - len(game.walkthrough)
        for game in games("valid_unseen", "full", SOME)
    ]
    assert sum(extra) / len(extra) > 1
