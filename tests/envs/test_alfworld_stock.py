"""Our interpreter and the stock engine say the same, word for word, step by step.

Each game is walked at random, by a walk that leans toward rare verbs and throws in nonsense, and
then by its walkthrough; after every step the text, the ordered list of admissible commands, the
reward and the end are compared.
"""

import json
import random
import re
from collections import Counter, defaultdict
from itertools import chain

import pytest

from oreo_envs.alfworld.compile import compile_game
from oreo_envs.alfworld.stock import _undisturbed, stock_engine
from oreo_envs.alfworld.world import World

pytestmark = [
    pytest.mark.stock,
    pytest.mark.filterwarnings("ignore"),  # the stock engine's own, of which there are many
]

WALK = 30
LEAN = {
    "go": 6, "take": 12, "move": 2, "put": 2, "open": 5, "close": 1, "examine": 1.5, "look": 1,
    "inventory": 0.4, "help": 0.3, "use": 8, "clean": 20, "heat": 20, "cool": 20, "slice": 20,
}  # fmt: skip
"""Weights of verbs in a walk, such that the rare ones occur."""
ALLURE = re.compile(r"take (butter)?knife|go to (sink|fridge|microwave|countertop|dining)")
"""Commands that lead to rare ones."""


@pytest.fixture(scope="module")
def engine():
    return stock_engine()


def nonsense(world: World, rng: random.Random) -> str:
    """Commands that are wrong in many ways, and a few that are right but oddly spaced."""
    game, commands = world.game, world.admissible()
    some, thing, place = (
        rng.choice(commands),
        rng.choice(game.objects),
        rng.choice(game.receptacles),
    )
    return rng.choice(
        [
            "", "LOOK", "look.", "xyzzy", "go to", "take", "use", "slice", "help me", "loook",
            f" {some}\t\n", some.upper(), some[:-1], f"{some} 1", some.replace(" ", "  ", 1),
            f"go to {thing}", f"go to {place}", f"examine {thing}", f"examine {place}",
            f"open {place}", f"close {place}", f"use {thing}", f"take {thing} from {place}",
            f"move {thing} to {place}", f"put {thing} in/on {place}", f"clean {thing} with {place}",
            f"heat {thing} with {place}", f"cool {thing} with {place}", f"slice {thing}",
            f"slice {thing} with {thing}", "go to loc 1", "examine agent1",
            "put x in/on y", "move  to ", "\u00e9\u684c",
        ]
    )  # fmt: skip


def next_command(world: World, rng: random.Random) -> str:
    if rng.random() < 0.15:
        return nonsense(world, rng)
    by_verb: dict[str, list[str]] = defaultdict(list)
    for command in world.admissible():
        by_verb[command.split()[0]].append(command)
    verbs = sorted(by_verb)
    (verb,) = rng.choices(verbs, [LEAN.get(verb, 5) for verb in verbs])
    commands = by_verb[verb]
    return rng.choices(commands, [6 if ALLURE.match(command) else 1 for command in commands])[0]


def compare(engine, text: str, id: str, seed: int, walk: int = WALK) -> Counter[str]:
    """Play both; returns how often each verb was understood (and "-": was not)."""
    game = compile_game(text, id=id)
    world, rng, verbs = World(game), random.Random(f"{seed} {id}"), Counter[str]()
    with _undisturbed():
        engine.load(json.loads(text))
        state = engine.reset()
    assert (state.feedback, state["admissible_commands"]) == (world.reset(), world.admissible())
    assert not state["won"]
    assert not world.won
    done: list[str] = []
    for command in chain((None for _ in range(walk)), game.walkthrough):
        command = next_command(world, rng) if command is None else command
        done.append(command)
        state, score, over = engine.step(command)
        said = world.step(command)
        verbs[command.split()[0] if said != "Nothing happens." else "-"] += 1
        assert said == state.feedback, (id, done)
        assert world.admissible() == state["admissible_commands"], (id, done)
        assert (float(world.won), world.won) == (float(score), over), (id, done)
    return verbs


def spread_by_type(packed_games, split: str, count: int, dialect: str):
    """``count`` games of each of the six types."""
    found = defaultdict(list)
    for game in packed_games.sample(split, 100_000, dialect):
        found[game.id.partition("-")[0]].append(game)
    assert len(found) == 6
    for games in found.values():
        yield from games[:: max(1, len(games) // count)][:count]


@pytest.mark.parametrize("dialect", ["move", "put"])
def test_a_game_of_each_type_is_told_alike(engine, packed_games, dialect: str):
    for game in spread_by_type(packed_games, "valid_seen", 1, dialect):
        compare(engine, game.text, game.id, seed=1, walk=WALK // 2)


@pytest.mark.slow
@pytest.mark.parametrize("dialect", ["move", "put"])
@pytest.mark.parametrize(("split", "count"), [("train", 3), ("valid_seen", 1), ("valid_train", 1)])
def test_many_games_of_each_type_are_told_alike(engine, packed_games, split, count, dialect):
    """Sixty games in all; prints how much was compared."""
    verbs, games, steps = Counter[str](), 0, 0
    for game in spread_by_type(packed_games, split, count, dialect):
        played = compare(engine, game.text, game.id, seed=2)
        verbs, games, steps = verbs + played, games + 1, steps + played.total()
    print(f"\n{split} {dialect}: {games} games, {steps} steps, 0 differences: {dict(verbs)}")
    assert games == 6 * count
    assert {"go", "take", "open", "examine", "look", "use", "clean", dialect, "-"} <= set(verbs)
    assert split != "train" or {"close", "cool", "slice"} <= set(verbs)


def rewritten(packed_games, sentence: str, *, packaged: bool) -> str:
    """A game with another goal sentence, and with the logic files of the alfworld package."""
    (game,) = packed_games.sample("valid_train", 1)
    file = json.loads(game.text)
    if packaged:
        logic = packed_games.logic["files"]["alfworld-0.4.2"]
        file["pddl_domain"], grammar = logic["alfred.pddl"], logic["alfred.twl2"]
        file["grammar"] = grammar.replace("UNKNOWN GOAL.", sentence)
    else:
        head, _, tail = file["grammar"].partition("Your task is to: ")
        file["grammar"] = f"{head}Your task is to: {sentence}{tail[tail.index(chr(34)) :]}"
    return json.dumps(file)


@pytest.mark.parametrize("packaged", [False, True])
def test_goals_that_people_wrote_and_packaged_rules_are_told_alike(engine, packed_games, packaged):
    sentence = "Put a mug & 50% of the desk\u2019s caf\u00e9 // there, don't (ever) stop: \u684c!"
    text = rewritten(packed_games, sentence, packaged=packaged)
    compare(engine, text, "rewritten", seed=3, walk=12)
    engine.load(json.loads(text))
    engine.reset()
    assert engine.step("help")[0].feedback == World(compile_game(text)).step("help")
