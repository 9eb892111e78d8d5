"""Which game files are understood, and that what is understood can be won."""

import json

import pytest

from oreo_envs.alfworld.compile import UnknownGameError, compile_game
from oreo_envs.alfworld.rules import domain_fingerprint, grammar_fingerprint
from oreo_envs.alfworld.world import World
from oreo_tasks.alfworld.games import TASK_TYPES

SPLITS = ("train", "valid_train", "valid_seen")


def wins(text: str, id: str) -> bool:
    game = compile_game(text, id=id)
    world = World(game)
    for command in game.walkthrough:
        if world.won or command not in world.admissible():
            return False
        world.step(command)
    return world.won and game.task_type == id.partition("-")[0]


@pytest.mark.parametrize("dialect", ["move", "put"])
@pytest.mark.parametrize("split", SPLITS)
def test_the_walkthroughs_of_games_all_over_the_splits_win(packed_games, split: str, dialect: str):
    games = packed_games.sample(split, 140 if split == "train" else 30, dialect)
    assert [game.id for game in games if not wins(game.text, game.id)] == []


@pytest.mark.slow
@pytest.mark.parametrize("dialect", ["move", "put"])
@pytest.mark.parametrize(
    ("split", "count"), [("train", 3553), ("valid_train", 200), ("valid_seen", 140)]
)
def test_every_walkthrough_of_every_game_wins(packed_games, split: str, count: int, dialect: str):
    games = list(packed_games.all(split, dialect))
    assert len(games) == count
    assert [game.id for game in games if not wins(game.text, game.id)] == []


def test_hostile_games_are_played_or_refused_by_name(packed_games):
    played, refused = 0, {}
    for game in packed_games.sample("put_only", 150, "put"):
        try:
            world = World(compile_game(game.text, id=game.id))
        except UnknownGameError as error:
            refused[game.id] = str(error)
        else:
            played += 1
            assert world.step(world.admissible()[0]) != "Nothing happens."
    assert played > 100
    for id, message in refused.items():
        assert id in message
        assert 'engine="textworld"' in message


@pytest.mark.slow
def test_all_hostile_games_with_a_usual_goal_are_played(packed_games):
    refused: list[str] = []
    for game in packed_games.all("put_only", "put"):
        try:
            World(compile_game(game.text, id=game.id))
        except UnknownGameError:
            refused.append(game.id)
    # 15 want something sliced, moved in a vessel, or all doors shut; 3 have a broken domain.
    assert len(refused) == 18


@pytest.mark.parametrize("dialect", ["move", "put"])
def test_a_game_names_its_goal_type_and_dialect(packed_games, dialect: str):
    for real in packed_games.sample("valid_seen", 20, dialect):
        game = compile_game(real.text, id=real.id)
        assert (game.id, game.dialect) == (real.id, dialect)
        assert game.task_type in TASK_TYPES
        assert World(game).reset().endswith(f"Your task is to: {game.goal}")


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '{"pddl_domain": 1}', '{"pddl_domain": "", "grammar": ""}', "\ud800"],
)
def test_what_is_no_game_file_is_refused_with_a_remedy(text: str):
    with pytest.raises(UnknownGameError, match=r"game some/game .* restore the file"):
        compile_game(text, id="some/game")


def test_an_unknown_domain_is_refused_with_the_engine_that_plays_it():
    text = json.dumps({"pddl_domain": "(define)", "grammar": "", "pddl_problem": ""})
    with pytest.raises(UnknownGameError, match=r'game a/b: .*domain.* engine="textworld"'):
        compile_game(text, id="a/b")


@pytest.mark.parametrize(
    ("field", "old", "new"),
    [
        ("pddl_domain", "(openable ?r)\n            (atLocation", "(atLocation"),
        ("grammar", "You open the", "You opened the"),
        ("grammar", "Your task is to: ", "Your task is to: [x] "),
        ("grammar", "Your task is to: ", "Your job is to: "),
        ("pddl_problem", "(:goal", "(:goals"),
        ("pddl_problem", "(isToggled ?ot)", "(isOn ?ot)"),
        ("pddl_problem", "(:init", "(:init (isOn DeskLamp)"),
        ("pddl_problem", "(:init", "(:init (openable agent1)"),
        ("pddl_problem", "(:init", "(:init (openable Nowhere_bar_1)"),
        ("pddl_problem", "(:init", "(:init (openable)"),
        ("pddl_problem", "(:init", "(:init (atLocation agent1 loc_bar_9_bar_9)"),
    ],
)
def test_a_game_that_is_changed_in_its_rules_or_facts_is_refused(
    packed_games, field: str, old: str, new: str
):
    real = next(g for g in packed_games.sample("valid_seen", 140) if g.id.startswith("look_at"))
    file = json.loads(real.text)
    assert compile_game(json.dumps(file)).task_type == "look_at_obj_in_light"
    changed = file[field].replace(old, new)
    assert changed != file[field]
    with pytest.raises(UnknownGameError):
        compile_game(json.dumps({**file, field: changed}))


def test_a_goal_that_a_person_wrote_is_told_as_it_is(packed_games):
    (real,) = packed_games.sample("train", 1)
    file = json.loads(real.text)
    sentence = "Put a mug & 50% of the desk\u2019s caf\u00e9 // there, \u684c\u5b50"
    start = file["grammar"].index("Your task is to: ") + len("Your task is to: ")
    end = file["grammar"].index('"', start)
    file["grammar"] = file["grammar"][:start] + sentence + file["grammar"][end:]
    assert World(compile_game(json.dumps(file))).reset().endswith(f"Your task is to: {sentence}")


def test_a_fingerprint_sees_rules_and_neither_comments_nor_goals():
    assert domain_fingerprint("(a  ?B) ; one\n(c)") == domain_fingerprint("(A ?b)\n; two\n(C)")
    assert domain_fingerprint("(a) (b)") != domain_fingerprint("(a) ;(b)")
    grammar = '"rhs": "Your task is to: {}" "rhs": "{}"'
    assert grammar_fingerprint(grammar.format("x", "y")) == grammar_fingerprint(
        grammar.format("put a pan", "y")
    )
    assert grammar_fingerprint(grammar.format("x", "y")) != grammar_fingerprint(
        grammar.format("x", "z")
    )
