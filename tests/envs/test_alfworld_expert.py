"""The expert: what it concludes from sentences, and how often it wins real games."""

import random

import pytest

from oreo_envs.alfworld.compile import compile_game
from oreo_envs.alfworld.expert import Expert, read_errand
from oreo_envs.alfworld.prior import Prior, train_prior
from oreo_envs.alfworld.world import World
from oreo_envs.players import RandomPlayer, Slipping

INTRO = (
    "-= Welcome to TextWorld, ALFRED! =-\n\nYou are in the middle of a room. Looking quickly "
    "around you, you see a cabinet 2, a cabinet 1, a countertop 1, a fridge 1, a microwave 1, and "
    "a sinkbasin 1.\n\nYour task is to: {}"
)


def talk(goal, answers):
    """The expert's commands while the game gives these answers."""
    expert = Expert()
    return [expert.act(text) for text in [INTRO.format(goal), *answers]]


@pytest.mark.parametrize(
    ("sentence", "errand"),
    [
        ("examine the alarmclock with the desklamp.", ("look", "alarmclock", "desklamp")),
        ("look at box under the floorlamp.", ("look", "box", "floorlamp")),
        ("put a book in sofa.", ("put", "book", "sofa")),
        ("put some cloth on toilet.", ("put", "cloth", "toilet")),
        ("clean some apple and put it in fridge.", ("clean", "apple", "fridge")),
        ("put a clean apple in fridge.", ("clean", "apple", "fridge")),
        ("cool some pan and put it in countertop.", ("cool", "pan", "countertop")),
        ("put a cool pan in countertop.", ("cool", "pan", "countertop")),
        ("heat some egg and put it in garbagecan.", ("heat", "egg", "garbagecan")),
        ("put a hot egg in garbagecan.", ("heat", "egg", "garbagecan")),
        ("find two pen and put them in drawer.", ("two", "pen", "drawer")),
        ("put two pen in drawer.", ("two", "pen", "drawer")),
    ],
)
def test_each_of_the_twelve_goal_sentences_is_understood(sentence, errand):
    read = read_errand(INTRO.format(sentence))
    assert (read.deed, read.thing, read.target) == errand


def test_a_goal_in_free_words_is_refused_with_its_words():
    with pytest.raises(ValueError, match="chill the thing"):
        Expert().act(INTRO.format("chill the thing"))


def test_a_thing_is_fetched_treated_and_brought_without_a_detour():
    assert talk(
        "put a hot mug in fridge.",
        [
            "You arrive at countertop 1. On the countertop 1, you see a mug 2, and a plate 1.",
            "You pick up the mug 2 from the countertop 1.",
            "You arrive at microwave 1. The microwave 1 is closed.",
            "You heat the mug 2 using the microwave 1.",
            "You arrive at fridge 1. The fridge 1 is closed.",
            "You open the fridge 1. The fridge 1 is open. In it, you see nothing.",
        ],
    )[1:] == [
        "take mug 2 from countertop 1",
        "go to microwave 1",
        "heat mug 2 with microwave 1",
        "go to fridge 1",
        "open fridge 1",
        "move mug 2 to fridge 1",
    ]


def test_the_older_dialect_is_answered_in_its_own_words():
    commands = talk(
        "put some mug on sinkbasin.",
        [
            "You arrive at loc 4. On the countertop 1, you see a mug 2.",
            "You pick up the mug 2 from the countertop 1.",
            "You arrive at loc 9. On the sinkbasin 1, you see nothing.",
        ],
    )
    assert commands[-1] == "put mug 2 in/on sinkbasin 1"


def test_a_refused_walk_means_the_same_place_and_is_not_tried_again():
    prior = Prior(shares={("mug", "countertop"): 0.9, ("mug", "cabinet"): 0.5})
    expert = Expert(prior)
    assert expert.act(INTRO.format("put some mug on sinkbasin.")) == "go to countertop 1"
    nothing = "You arrive at countertop 1. On the countertop 1, you see nothing."
    assert expert.act(nothing) == "go to cabinet 2"
    assert expert.act("Nothing happens.") == "examine cabinet 2"
    assert expert.act("The cabinet 2 is closed.") == "open cabinet 2"
    seen = "You open the cabinet 2. The cabinet 2 is open. In it, you see a mug 1."
    assert expert.act(seen) == "take mug 1 from cabinet 2"


def test_the_second_of_two_goes_where_the_first_one_lies():
    commands = talk(
        "put two mug in cabinet.",
        [
            "You arrive at countertop 1. On the countertop 1, you see a mug 2, and a mug 1.",
            "You pick up the mug 2 from the countertop 1.",
            "You arrive at cabinet 2. On the cabinet 2, you see nothing.",
            "You move the mug 2 to the cabinet 2.",
            "You arrive at countertop 1. On the countertop 1, you see a mug 1.",
            "You pick up the mug 1 from the countertop 1.",
            "You arrive at cabinet 2. On the cabinet 2, you see a mug 2.",
        ],
    )
    assert commands[3:] == [
        "move mug 2 to cabinet 2",
        "go to countertop 1",
        "take mug 1 from countertop 1",
        "go to cabinet 2",
        "move mug 1 to cabinet 2",
    ]


def test_what_is_of_no_use_is_put_back_where_it_was_taken_from():
    expert = Expert()
    expert.act(INTRO.format("put some mug on sinkbasin."))
    expert.act("You arrive at countertop 1. On the countertop 1, you see a mug 2, and a pan 1.")
    expert.replaced("take pan 1 from countertop 1")
    assert (
        expert.act("You pick up the pan 1 from the countertop 1.") == "move pan 1 to countertop 1"
    )
    assert expert.act("You move the pan 1 to the countertop 1.") == "take mug 2 from countertop 1"


def test_the_shipped_prior_knows_where_real_things_lie():
    prior = train_prior()
    assert prior.holds("apple", "fridge") > 10 * prior.holds("apple", "cabinet")
    assert prior.opens("fridge") == 1
    assert prior.opens("countertop") == 0
    assert 0 < prior.holds("apple", "a class never seen") < 0.001


def test_random_draws_from_the_admissible_commands_and_from_nothing_else():
    policy = RandomPlayer(random.Random(0))
    commands = ["help", "inventory", "look"]
    drawn = {policy.act("", {"admissible_commands": commands}) for _ in range(100)}
    assert drawn == set(commands)


def test_slips_are_impossible_commands_in_the_share_asked_for():
    places = ["cabinet 2", "cabinet 1", "countertop 1", "fridge 1", "microwave 1", "sinkbasin 1"]
    # before anything was seen this leaves "examine" alone as a form that is not possible
    admissible = [f"{verb} {place}" for verb in ("go to", "open", "close") for place in places]
    policy = Slipping(Expert(), 1.0, random.Random(0))
    intro = INTRO.format("put some mug on sinkbasin.")
    drawn = [policy.act(intro, {"admissible_commands": admissible}) for _ in range(2000)]
    impossible = sum(command not in admissible for command in drawn) / len(drawn)
    assert impossible == pytest.approx(0.3, abs=0.04)


def test_without_slips_the_noisy_expert_is_the_expert():
    intro = INTRO.format("put some mug on sinkbasin.")
    noisy = Slipping(Expert(), 0.0, random.Random(0))
    assert noisy.act(intro, {"admissible_commands": ["look"]}) == Expert().act(intro)


def test_a_chance_above_one_is_refused():
    with pytest.raises(ValueError, match="epsilon"):
        Slipping(Expert(), 1.5, random.Random(0))


def lengths(games):
    """Turns until the win of each game; 0 where 40 were not enough."""
    found = []
    for real in games:
        expert, world = Expert(), World(compile_game(real.text, id=real.id))
        said, turns = world.reset(), 0
        while not world.won and turns < 40:
            said, turns = world.step(expert.act(said)), turns + 1
        found.append(turns if world.won else 0)
    return found


@pytest.mark.parametrize("dialect", ["move", "put"])
def test_all_official_validation_games_in_known_rooms_are_won_quickly(packed_games, dialect):
    turns = lengths(packed_games.all("valid_seen", dialect))
    assert len(turns) == 140
    assert all(turns)
    assert sum(turns) / len(turns) < 7


@pytest.mark.slow
@pytest.mark.parametrize("split", ["train", "valid_train"])
def test_at_least_99_of_100_official_training_games_are_won(packed_games, split):
    turns = lengths(packed_games.all(split))
    won = [n for n in turns if n]
    print(f"\n{split}: {len(won)} of {len(turns)} won, {sum(won) / len(won):.2f} turns")
    assert len(won) / len(turns) >= 0.99
