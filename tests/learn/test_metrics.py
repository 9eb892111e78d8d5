"""Figures of a run against their definitions, and the file that keeps them."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oreo_agent.learn.metrics import Journal, Means, pair_figures, value_figures


def test_value_figures_are_taken_at_the_ends_of_replies_and_before_the_tokens():
    figures = value_figures(
        values=[[0.5, 0.6, 0.9], [0.4, 0.1]],
        ends=[[0.2, 0.3, 0.4, 0.8, 0.9], [0.3, 0.1]],
        rewards=[1.0, 0.0],
    )
    assert figures["episodes"] == 2
    assert figures["won"] == 0.5
    assert figures["mse"] == pytest.approx((0.25 + 0.16 + 0.01 + 0.16 + 0.01) / 5)
    assert [figures[f"auc_{q}"] for q in (25, 50, 75)] == [0.5, 1.0, 1.0]
    assert (figures["first_won"], figures["last_won"]) == (0.5, 0.9)
    assert (figures["first_lost"], figures["last_lost"]) == (0.4, 0.1)


def test_episodes_of_one_instance_are_told_apart_by_value_or_by_likelihood():
    figures = pair_figures(
        ["a", "b", "a", "b", "a", "c"],
        [True, False, False, True, False, True],
        [0.9, 0.8, 0.2, 0.3, 0.9, 0.0],  # a: above one and level with one; b: below
        [-1.0, -9.0, -2.0, -3.0, -4.0, 0.0],
    )
    assert figures == {"pairs": 3, "pairs_value": pytest.approx(0.5), "pairs_logp": 1.0}
    assert pair_figures(["a", "b"], [True, False], [0.5, 0.5], [0.0, 0.0]) == {}


def test_figures_without_wins_or_without_episodes_are_not_numbers_rather_than_faults():
    figures = value_figures([[0.5]], [[0.5]], [0.0])
    assert math.isnan(figures["auc_50"])
    assert math.isnan(figures["last_won"])
    assert math.isnan(value_figures([], [], [])["mse"])


def test_going_on_forgets_what_came_after_the_checkpoint_and_a_torn_line(tmp_path: Path):
    journal = Journal(tmp_path / "deep" / "metrics.jsonl")
    journal.rewind(0)
    for step in (2, 4, 6):
        journal.write({"step": step, "loss": math.nan if step == 2 else 0.5})
    assert len(journal.rows) == 3
    with journal.path.open("a") as file:
        file.write('{"step": 7, "lo')
    again = Journal(journal.path)
    again.rewind(2)
    again.write({"step": 5})
    assert len(again.rows) == 3
    rows = [json.loads(line) for line in journal.path.read_text().splitlines()]
    assert rows == [{"step": 2, "loss": None}, {"step": 4, "loss": 0.5}, {"step": 5}]
    assert [path.name for path in journal.path.parent.iterdir()] == ["metrics.jsonl"]


@pytest.mark.parametrize("torn", ['{"step": 4, "lo', '{"step": 4}'])
def test_a_line_that_a_power_cut_tore_is_in_no_later_lines_way(tmp_path: Path, torn: str):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 2}\n' + torn)
    journal = Journal(path)
    journal.rewind(2)
    journal.write({"step": 4, "held_out": {"auc_50": math.nan}})
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert rows[0] == {"step": 2}
    assert rows[-1] == {"step": 4, "held_out": {"auc_50": None}}
    assert len(rows) == len(journal.rows) == (2 if torn.endswith("lo") else 3)


@given(st.lists(st.tuples(st.floats(-9, 9), st.integers(1, 9)), min_size=2), st.data())
def test_means_go_on_from_what_was_written_of_them(
    added: list[tuple[float, int]], data: st.DataObject
):
    cut = data.draw(st.integers(0, len(added)))
    one, other = Means(), Means()
    for value, weight in added[:cut]:
        one.add("loss", value, weight)
    other.restore(json.loads(json.dumps(one.state())))
    for value, weight in added[cut:]:
        one.add("loss", value, weight)
        other.add("loss", value, weight)
    assert one.take() == other.take()


@given(st.lists(st.tuples(st.floats(-9, 9), st.integers(1, 9)), min_size=1))
def test_means_are_weighted_and_start_anew_when_they_are_taken(added: list[tuple[float, int]]):
    means = Means()
    for value, weight in added:
        means.add("loss", value, weight)
    total = sum(value * weight for value, weight in added) / sum(w for _, w in added)
    assert means.take() == {"loss": pytest.approx(total, abs=1e-9)}
    assert means.take() == {}
