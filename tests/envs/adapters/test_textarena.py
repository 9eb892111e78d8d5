"""TextArena's games, as TextArena plays them, behind our face."""

import random
from contextlib import closing

import pytest

from oreo_agent.cli import run
from oreo_agent.records.reader import StoreReader
from oreo_envs.adapters.textarena import listed
from oreo_envs.finding import find
from oreo_envs.task import EnvironmentTask

PACKAGE = "textarena is not installed; pip install 'oreo-agent[textarena]'"


@pytest.fixture
def made():
    """Makes an environment by its name, presented as a rollout gets it."""
    pytest.importorskip("textarena", reason=PACKAGE)

    def make(name):
        return EnvironmentTask(find(name)).make()

    return make


def always_first(observation):
    """An opponent: takes the first move that is listed."""
    return listed(observation)[0]


@pytest.mark.parametrize(
    ("board", "moves"),
    [
        ("Available Moves: '[0]', '[1]'", ("[0]", "[1]")),
        ("Current Board:\n\n x\n\nAvailable Moves: [up], [up], [left]", ("[up]", "[left]")),
        ("Your available actions are: '[Check]', '[Bet]'", ("[Check]", "[Bet]")),
        ("Valid moves: [a]\nlater\nValid moves: [b]", ("[b]",)),
        ("Place a mark, for example [4].", ()),
    ],
)
def test_moves_are_read_where_a_board_lists_them(board, moves):
    assert listed(board) == moves


def test_a_won_game_is_worth_one_and_the_rest_nothing(made):
    with closing(made("textarena:TowerOfHanoi-v0")) as env:
        observation, info = env.reset(options={"instance": "000000"})
        assert "Tower of Hanoi" in observation
        assert (info["won"], info["valid"], info["admissible_commands"]) == (False, True, ())
        moves = ["A C", "A B", "C B", "A C", "B A", "B C", "A C"]
        steps = [env.step(move) for move in moves]
    assert [step[1] for step in steps] == [0.0] * 6 + [1.0]
    assert [step[2] for step in steps] == [False] * 6 + [True]
    assert "You moved disk 1 from A to C." in steps[0][0]
    assert "Tower of Hanoi with" not in steps[0][0]
    assert "[A C]" not in steps[0][0]
    assert "Congratulations!" in steps[-1][0]
    assert steps[-1][4]["won"] is True


def test_half_the_way_is_not_won_unless_success_says_so(made):
    for name, worth in (("", 0.0), ("?success=0.3", 1.0)):
        with closing(made(f"textarena:TowerOfHanoi-v0{name}")) as env:
            env.reset(seed=0)
            for move in ["A B", "A C", "B C", "C A", "C B", "A B", "A C"]:
                env.step(move)
            _, first, over, _, info = env.step("nonsense")
            assert (first, over, info["valid"]) == (0.0, False, False)
            _, reward, over, truncated, info = env.step("nonsense")
            assert (reward, over, truncated) == (worth, True, False)
            assert (info["won"], info["valid"]) == (bool(worth), False)


def test_the_seed_decides_and_nothing_else_is_disturbed(made):
    with closing(made("textarena:FifteenPuzzle-v0")) as env:
        random.seed(9)
        before = random.getstate()
        one = env.reset(options={"instance": "000003"})[0]
        assert env.reset(options={"instance": "000004"})[0] != one
        assert env.reset(options={"instance": "000003"})[0] == one
        assert random.getstate() == before


def test_an_opponent_answers_before_it_is_our_turn_again(made):
    name = f"textarena:TicTacToe-v0?opponent={__name__}:always_first"
    with closing(made(name)) as env:
        _, info = env.reset(seed=0)
        assert len(info["admissible_commands"]) == 9
        observation, _, over, _, info = env.step("[4]")
        assert "[Player 1] [0]" in observation
        assert not over
        assert set(info["admissible_commands"]) == {f"[{n}]" for n in (1, 2, 3, 5, 6, 7, 8)}
        env.step("[2]")
        _, reward, over, _, info = env.step("[6]")
        assert (reward, over, info["won"]) == (1.0, True, True)


def test_the_random_opponent_has_the_instances_chance(made):
    with closing(made("textarena:TicTacToe-v0?opponent=random&seat=1")) as env:

        def game(instance):
            _, info = env.reset(options={"instance": instance})
            seen = []
            over = False
            while not over:
                seen.append(info["admissible_commands"])
                _, reward, over, _, info = env.step(info["admissible_commands"][0])
            return seen, reward

        games = [game(f"{n:06d}") for n in range(12)]
        assert games == [game(f"{n:06d}") for n in range(12)]
        assert {reward for _, reward in games} == {0.0, 1.0}
        assert len({repr(seen) for seen, _ in games}) > 3


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("TicTacToe-v0", r"is for 2 players; say who plays the others.*opponent=random"),
        ("TicTacToe-v0?opponent=no.such:thing", "cannot be imported"),
        ("TicTacToe-v0?opponent=random&seat=2", "no seat 2; seats are 0 to 1"),
        ("TowerOfHanoi-v0?opponent=random", "is for one player"),
        ("TowerOfHanoi-v0?disks=3", "no setting 'disks'"),
        ("TowerOfHanoy-v0", "has no game.*it has TowerOfHanoi-v0"),
        ("GuessWho-v0", "cannot be begun.*OPENROUTER_API_KEY"),
    ],
)
def test_what_cannot_be_played_is_refused_when_it_is_named(made, monkeypatch, name, fault):
    monkeypatch.delenv("OPENROUTER_API_KEY", raising=False)
    with pytest.raises(LookupError, match=fault):
        find(f"textarena:{name}")


def test_a_random_opponent_needs_listed_moves(made):
    with closing(made("textarena:Nim-v0?opponent=random")) as env:
        env.reset(seed=0)
        with pytest.raises(LookupError, match="Nim-v0 lists no moves"):
            env.step("[0 1]")


def test_episodes_are_collected_by_name(made, tmp_path):
    name = "textarena:TicTacToe-v0?opponent=random"
    told = ["--policy", "random", "--episodes", "8", "--out", str(tmp_path / "store")]
    assert run(["rollout", "--env", name, *told]) == 0
    episodes = list(StoreReader(tmp_path / "store"))
    assert len(episodes) == 8
    assert {episode.task for episode in episodes} == {name}
    assert {episode.end for episode in episodes} == {"won", "lost"}
    assert {episode.reward for episode in episodes} == {0.0, 1.0}
