"""Which weights a run keeps, and when it gives up, stated over all that came before."""

import json
import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from oreo_agent.learn.selection import Selection
from oreo_agent.learn.settings import TrainSettings

figures = st.one_of(st.integers(0, 5).map(float), st.just(math.nan))


def made(*, steps: int = 100, warm: int = 0, every: int = 1, **settings: Any) -> Selection:
    told = TrainSettings(judge_every=every, **settings)
    return Selection(told, by="loss", warm=warm, steps=steps)


@given(st.lists(figures, min_size=1), st.integers(0, 5))
def test_the_first_of_the_lowest_figures_after_the_warm_up_is_the_best(
    found: list[float], warm: int
):
    selection = made(best=True, warm=warm)
    kept = [
        selection.add(step, {"loss": figure, "step": step})
        for step, figure in enumerate(found, start=1)
    ]
    counted = {
        step: figure
        for step, figure in enumerate(found, start=1)
        if step > warm and not math.isnan(figure)
    }
    lowest = min(counted, key=lambda step: counted[step]) if counted else None
    assert selection.best == selection.kept == lowest
    assert (lowest is not None) == any(kept)
    told = selection.told(100)
    if lowest is None:
        assert told["step"] == len(found)
    else:
        assert kept[lowest - 1]
        assert not any(kept[lowest:])
        assert (told["step"], told["best_step"], told["best_by"]) == (lowest, lowest, "loss")


@given(st.lists(st.integers(0, 5).map(float), min_size=1), st.integers(1, 4))
def test_a_run_gives_up_after_so_many_figures_in_a_row_without_a_better_one(
    found: list[float], patience: int
):
    selection = made(patience=patience)
    for step, figure in enumerate(found, start=1):
        selection.add(step, {"loss": figure})
        so_far = found[:step]
        waited = step - 1 - so_far.index(min(so_far))
        assert selection.over == (waited >= patience)
        if selection.over:
            assert selection.told(step)["stopped_early"] == step
            break
    assert selection.kept is None  # patience alone keeps the last weights


def test_a_run_of_the_value_alone_counts_every_figure():
    selection = made(best=True, warm=10, steps=10)
    assert selection.add(3, {"loss": 1.0})
    assert selection.kept == 3


@given(st.integers(1, 30), st.integers(0, 7))
def test_figures_are_due_at_each_so_many_steps_and_at_the_end_and_only_once(steps: int, every: int):
    selection = made(steps=steps, every=every)
    due: list[int] = []
    for step in range(steps + 1):
        if selection.due(step):
            due.append(step)
            selection.add(step, {"loss": 0.0})
        assert not selection.due(step)
    wanted = {step for step in range(1, steps + 1) if every and step % every == 0}
    assert due == sorted(wanted | {steps})


@given(st.lists(figures, max_size=6), st.lists(figures, max_size=6))
def test_what_it_knows_survives_being_written_as_json(before: list[float], after: list[float]):
    one = made(best=True, patience=2)
    for step, figure in enumerate(before, start=1):
        one.add(step, {"loss": figure})
    other = made(best=True, patience=2)
    other.restore(json.loads(json.dumps(one.state())))
    for step, figure in enumerate(after, start=len(before) + 1):
        assert one.add(step, {"loss": figure}) == other.add(step, {"loss": figure})
        assert (one.over, one.kept) == (other.over, other.kept)
    assert json.dumps(one.state()) == json.dumps(other.state())
