"""Our interpreter tells generated games as the stock engine told them when it was asked.

The transcripts were taken by ``tests/golden/make_transcripts.py`` from the stock engine itself.
"""

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from oreo_envs.alfworld.compile import compile_game
from oreo_envs.alfworld.world import World
from oreo_tasks.alfworld.generator import game_text

TRANSCRIPTS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "golden" / "generated_games.json").read_text("utf-8")
)


def checksum(world: World) -> str:
    return hashlib.sha256("\n".join(world.admissible()).encode()).hexdigest()[:8]


@pytest.mark.parametrize("game", TRANSCRIPTS, ids=lambda game: game["id"])
def test_a_generated_game_is_told_as_the_stock_engine_told_it(game):
    text = game_text(game["id"])
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    assert digest == game["game"], "the game has changed: run tests/golden/make_transcripts.py"
    world = World(compile_game(text, id=game["id"]))
    assert [world.reset(), checksum(world)] == game["start"]
    for command, said, possible, won in game["turns"]:
        assert world.step(command) == said, command
        assert checksum(world) == possible, command
        assert world.won == won, command
    assert any(won for *_, won in game["turns"])


def test_the_transcripts_cover_all_types_all_tiers_and_nearly_all_verbs():
    assert len({game["id"].partition("-")[0] for game in TRANSCRIPTS}) == 6
    assert len({game["id"].partition("trial_")[2].partition("_")[0] for game in TRANSCRIPTS}) == 3
    verbs = Counter(
        command.partition(" ")[0]
        for game in TRANSCRIPTS
        for command, said, _, _ in game["turns"]
        if said != "Nothing happens."
    )
    assert {
        "go", "take", "move", "open", "close", "clean", "heat", "cool", "slice", "use", "examine",
        "look", "inventory", "help",
    } <= set(verbs)  # fmt: skip
