"""Moves are judged by what they cost before the world answered; luck is nobody's blunder."""

from hypothesis import given
from hypothesis import strategies as st

from oreo_agent.player.review import MARKS, grade, losing_turn, mark, marked
from oreo_agent.player.snapshot import Move, Option, standing

chances = st.floats(0, 1)
lines = st.lists(st.tuples(chances, chances), max_size=12)


def move(turn: int, before: float | None, after: float | None) -> Move:
    option = Option(command=f"go {turn}", text="", value=after, probability=after)
    return Move(
        turn=turn, option=option, by="agent", observation="", value=before, probability=before,
        valid=True, options=(option,),
    )  # fmt: skip


def moves(line: list[tuple[float, float]]) -> list[Move]:
    return [move(i, before, after) for i, (before, after) in enumerate(line, 1)]


def test_losses_of_5_10_and_20_points_have_their_names_and_marks():
    told = [grade(move(1, 0.6, 0.6 - loss)) for loss in (-0.3, 0, 0.04, 0.05, 0.1, 0.19, 0.2, 0.6)]
    assert told == [None, None, None, "inaccuracy", "mistake", "mistake", "blunder", "blunder"]
    assert [mark(move(1, 0.9, 0.9 - loss)) for loss in (0.0, 0.06, 0.15, 0.5)] == [
        "",
        *MARKS.values(),
    ]
    assert grade(move(1, None, 0.1)) is grade(move(1, 0.9, None)) is None


@given(lines)
def test_what_the_world_answers_is_no_mark(line):
    patient = [(before, max(before, after)) for before, after in line]
    assert marked(moves(patient)) == []
    assert losing_turn(moves(patient), "lost") is None


@given(lines, st.sampled_from(["lost", "step_limit", "token_limit"]))
def test_the_losing_turn_is_the_largest_loss_that_was_never_made_good(line, end):
    played = moves(line)

    def remained(i: int) -> float:
        later = [line[i][1], *(x for pair in line[i + 1 :] for x in pair)]
        return line[i][0] - max(later)

    costs = [remained(i) for i in range(len(line))]
    found = losing_turn(played, end)
    if found is None:
        assert max(costs, default=0) < 0.05
    else:
        assert costs[found - 1] >= max(costs) - 1e-9
        assert costs[found - 1] >= 0.05 - 1e-6


@given(lines)
def test_only_an_episode_that_was_not_won_has_one(line):
    for end in (None, "won", "fault"):
        assert losing_turn(moves(line), end) is None


def test_a_loss_that_was_made_good_lost_nothing():
    assert losing_turn(moves([(0.9, 0.2), (0.9, 0.85), (0.8, 0.3), (0.2, 0.1)]), "lost") == 3


def test_without_a_calibration_v_within_0_and_1_stands_for_the_chance():
    assert standing(1.7, None) == 1.0
    assert standing(-0.2, None) == 0.0
    assert standing(0.4, 0.9) == 0.9
    assert standing(None, None) is None
