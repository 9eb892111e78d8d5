"""What the interpreter promises about every walk through every game."""

import itertools

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oreo_envs.alfworld.compile import compile_game
from oreo_envs.alfworld.game import Game
from oreo_envs.alfworld.goals import COOL, LOOK, PICK_TWO
from oreo_envs.alfworld.world import World

NOTHING = "Nothing happens."
# A walk is a list of numbers: each picks one of the commands that are possible at its turn.
WALKS = st.lists(st.integers(0, 10_000), max_size=40)
relaxed = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def put(game: Game) -> Game:
    return msgspec.structs.replace(game, dialect="put")


@pytest.fixture(params=["move", "put"])
def game(request: pytest.FixtureRequest, kitchen: Game) -> Game:
    return kitchen if request.param == "move" else put(kitchen)


def walked(game: Game, walk: list[int]) -> World:
    world = World(game)
    for number in walk:
        commands = world.admissible()
        world.step(commands[number % len(commands)])
    return world


def seen(world: World) -> tuple[object, ...]:
    """All that can be found out about a state without changing it."""
    twin = world.copy()
    examined = [
        twin.step(f"examine {name}") for name in (*world.game.objects, *world.game.receptacles)
    ]
    return world.admissible(), world.won, twin.step("look"), twin.step("inventory"), examined


def conceivable(game: Game) -> list[str]:
    """Every verb with every thing, and with every pair of things."""
    things = [*game.objects, *game.receptacles, "agent 1", ""]
    one = [f"{verb} {x}" for verb in ("go to", "open", "close", "use", "examine") for x in things]
    two = [
        template.format(x, y)
        for template in (
            "take {} from {}", "move {} to {}", "put {} in/on {}", "clean {} with {}",
            "heat {} with {}", "cool {} with {}", "slice {} with {}",
        )
        for x, y in itertools.product(things, things)
    ]  # fmt: skip
    return ["help", "look", "inventory", "go", "take", "", "look around", *one, *two]


# Three traps: the domain's text suggests otherwise, the stock engine does this.


def test_trap_an_object_is_examined_only_while_it_is_held(kitchen: Game):
    world = World(kitchen)
    world.step("go to countertop 1")
    assert "examine mug 1" not in world.admissible()
    assert world.step("examine mug 1") == NOTHING
    world.step("take mug 1 from countertop 1")
    assert "examine mug 1" in world.admissible()
    assert world.step("examine mug 1") == "There's nothing special about mug 1."


def test_trap_looking_around_at_the_start_shows_nothing(kitchen: Game):
    world = World(kitchen)
    assert "you see a cabinet 1, a countertop 1," in world.reset()
    assert world.step("look") == (
        "You are in the middle of a room. Looking quickly around you, you see nothing."
    )


def test_trap_the_help_text_has_lost_its_first_line_break(kitchen: Game):
    said = World(kitchen).step("help")
    assert said.startswith("Available commands:\n  look: ")
    assert said.endswith("using a sharp object\n")
    assert World(put(kitchen)).step("help") == NOTHING


# Walks.


@relaxed
@given(walk=WALKS)
def test_a_command_is_understood_exactly_if_it_is_admissible(game: Game, walk: list[int]):
    world = walked(game, walk)
    admissible = world.admissible()
    assert admissible == sorted(set(admissible))
    for command in {*conceivable(game), *admissible}:
        assert (world.copy().step(command) != NOTHING) == (command in admissible), command


@relaxed
@given(walk=WALKS)
def test_a_command_that_fails_changes_nothing(game: Game, walk: list[int]):
    world = walked(game, walk)
    before = seen(world)
    failing = set(conceivable(game)) - set(world.admissible())
    assert {world.step(command) for command in failing} == {NOTHING}
    assert seen(world) == before


@relaxed
@given(walk=WALKS, onward=WALKS)
def test_a_copy_and_its_original_do_not_touch_each_other(
    game: Game, walk: list[int], onward: list[int]
):
    world = walked(game, walk)
    twin, before = world.copy(), seen(world)
    for number in onward:
        commands = twin.admissible()
        twin.step(commands[number % len(commands)])
    assert seen(world) == before
    assert seen(twin) == seen(walked(game, walk + onward))


@relaxed
@given(walk=WALKS)
def test_a_reset_leaves_no_trace(game: Game, walk: list[int]):
    world = walked(game, walk)
    assert world.reset() == World(game).reset()
    assert seen(world) == seen(World(game))


@relaxed
@given(walk=WALKS)
def test_both_dialects_tell_the_same_story(kitchen: Game, walk: list[int]):
    new, old = World(kitchen), World(put(kitchen))
    for number in walk:
        commands = new.admissible()
        command = commands[number % len(commands)]
        if command == "help":
            continue
        said = new.step(command)
        if command.startswith("move "):
            command = command.replace("move ", "put ").replace(" to ", " in/on ")
            said = said.replace("You move ", "You put ").replace(" to ", " in/on ")
        if command.startswith("go "):
            said = said.split(". ", 1)[1]
            assert old.step(command).split(". ", 1)[1] == said
        else:
            assert old.step(command) == said
        assert old.won == new.won


@relaxed
@given(walk=WALKS)
def test_a_list_of_commands_is_the_callers_own(game: Game, walk: list[int]):
    world = walked(game, walk)
    before = tuple(world.admissible())
    world.admissible().clear()
    assert tuple(world.admissible()) == before != ()


# Single rules.


def test_the_walkthrough_wins_and_only_at_its_end(kitchen: Game):
    world = World(kitchen)
    for command in kitchen.walkthrough:
        assert not world.won
        assert world.step(command) != NOTHING
    assert world.won


def test_a_goal_that_is_undone_is_no_longer_won(kitchen: Game):
    world = World(kitchen)
    for command in kitchen.walkthrough:
        world.step(command)
    world.step("take apple 1 from countertop 1")
    assert not world.won


def test_neighbours_are_used_without_walking_and_not_walked_to(kitchen: Game):
    world = World(kitchen)
    world.step("go to countertop 1")
    assert world.step("go to drawer 1") == NOTHING
    assert (
        world.step("open drawer 1")
        == "You open the drawer 1. The drawer 1 is open. In it, you see a knife 1."
    )
    assert (
        world.step("look")
        == "You are facing the countertop 1, and drawer 1. Next to it, you see nothing."
    )


def test_what_was_carried_between_neighbours_is_seen_next_to_them(kitchen: Game):
    world = World(kitchen)
    for command in (
        "go to countertop 1", "open drawer 1", "take knife 1 from drawer 1",
        "move knife 1 to countertop 1",
    ):  # fmt: skip
        assert world.step(command) != NOTHING
    assert world.step("look").endswith("Next to it, you see a knife 1.")
    world.step("take knife 1 from countertop 1")
    world.step("move knife 1 to drawer 1")
    assert world.step("look").endswith("Next to it, you see a knife 1.")


def test_what_is_put_down_is_listed_in_the_order_of_the_room(kitchen: Game):
    world = World(kitchen)
    for command in (*kitchen.walkthrough[:3], *kitchen.walkthrough[5:]):
        world.step(command)
    assert world.step("examine countertop 1") == (
        "On the countertop 1, you see a apple 1, a desklamp 1, and a mug 1."
    )


def test_a_lamp_behind_a_closed_door_is_switched_all_the_same(kitchen: Game):
    contents = ((5,), (6,), (2, 4), (0, 3), (), (1,))
    world = World(msgspec.structs.replace(kitchen, contents=contents))
    world.step("go to drawer 1")
    assert "use desklamp 1" in world.admissible()
    assert world.step("use desklamp 1") == "You turn on the desklamp 1."
    assert world.step("use desklamp 1") == "You turn on the desklamp 1."


def test_heat_and_cold_drive_each_other_out(kitchen: Game):
    world = World(kitchen)
    for command in ("go to fridge 1", "open fridge 1", "take apple 1 from fridge 1"):
        world.step(command)
    assert world.step("examine apple 1") == "This is a cold apple 1."
    world.step("go to microwave 1")
    world.step("heat apple 1 with microwave 1")
    assert world.step("examine apple 1") == "This is a hot apple 1."
    world.step("go to sinkbasin 1")
    world.step("clean apple 1 with sinkbasin 1")
    assert world.step("examine apple 1") == "This is a hot and clean apple 1."
    world.step("go to fridge 1")
    world.step("cool apple 1 with fridge 1")
    assert world.step("examine apple 1") == "This is a cool and clean apple 1."


def test_what_was_cold_is_not_cold_enough_once_it_is_heated(kitchen: Game):
    def wins(detour: list[str]) -> bool:
        world = World(msgspec.structs.replace(kitchen, task_type=COOL))
        for command in (
            "go to fridge 1", "open fridge 1", "take apple 1 from fridge 1", *detour,
            "go to countertop 1", "move apple 1 to countertop 1",
        ):  # fmt: skip
            assert world.step(command) != NOTHING
        return world.won

    heat = ["go to microwave 1", "heat apple 1 with microwave 1"]
    cool = ["go to fridge 1", "cool apple 1 with fridge 1"]
    assert wins([])
    assert not wins(heat)
    assert wins([*heat, *cool])


def test_two_objects_must_be_in_one_receptacle(kitchen: Game):
    two = msgspec.structs.replace(kitchen, task_type=PICK_TWO, wanted=(5, 6), targets=(1, 5))
    world = World(two)
    for command in (
        "go to cabinet 1", "open cabinet 1", "take mug 2 from cabinet 1", "go to sinkbasin 1",
        "move mug 2 to sinkbasin 1", "take mug 2 from sinkbasin 1", "go to countertop 1",
    ):  # fmt: skip
        assert world.step(command) != NOTHING
        assert not world.won
    world.step("move mug 2 to countertop 1")
    assert world.won


def test_a_lamp_must_be_lit_while_the_object_is_in_the_hand_and_the_lamp_is_near(kitchen: Game):
    world = World(msgspec.structs.replace(kitchen, task_type=LOOK, wanted=(6,), lamps=(2,)))
    for command in ("go to countertop 1", "use desklamp 1"):
        assert world.step(command) != NOTHING
        assert not world.won
    world.step("take mug 1 from countertop 1")
    assert world.won
    world.step("go to fridge 1")
    assert not world.won
    world.step("go to drawer 1")
    assert world.won


def test_white_space_around_a_command_does_not_count_and_within_it_does(kitchen: Game):
    assert World(kitchen).step(" look\t\n") != NOTHING
    assert World(kitchen).step("go to  fridge 1") == NOTHING
    assert World(kitchen).step("LOOK") == NOTHING


@settings(max_examples=12, deadline=None)
@given(walk=WALKS, which=st.integers(0, 11), dialect=st.sampled_from(["move", "put"]))
def test_real_games_keep_the_same_promises(packed_games, walk: list[int], which: int, dialect: str):
    real = packed_games.sample("train", 12, dialect)[which]
    game = compile_game(real.text, id=real.id)
    world = walked(game, walk)
    before, admissible = seen(world), world.admissible()
    assert admissible == sorted(set(admissible))
    for command in conceivable(game):
        if command not in admissible:
            assert world.step(command) == NOTHING, command
    assert seen(world) == before
    assert all(world.copy().step(command) != NOTHING for command in admissible)
