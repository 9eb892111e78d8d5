"""Drawings of V keep their width, their order and their bounds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oreo_agent.player.blocks import bar, columns, sparkline

worth = st.floats(-3, 3)


@given(worth, st.integers(0, 40))
def test_a_bar_fills_its_width_exactly(value, width):
    drawn, track = bar(value, width)
    assert len(drawn) + len(track) == width
    assert set(drawn) <= {"━", "╸"}


@given(worth, worth, st.integers(1, 40))
def test_a_greater_value_never_has_the_shorter_bar(one, other, width):
    low, high = sorted((one, other))
    assert bar(low, width)[0].rstrip("╸") <= bar(high, width)[0].rstrip("╸")


@pytest.mark.parametrize(
    ("value", "drawn"), [(0, ""), (1, "━━━━"), (0.5, "━━"), (0.6, "━━╸"), (-2, ""), (7, "━━━━")]
)
def test_bars_by_hand(value, drawn):
    assert bar(value, 4) == (drawn, "┄" * (4 - len(drawn)))


def test_what_is_no_number_is_drawn_as_nothing():
    assert bar(float("nan"), 3) == ("", "┄┄┄")


def test_a_sparkline_shows_the_last_values_and_even_the_lowest_is_seen():
    assert sparkline([1, 0, 0.5, 1], 3) == "▁▅█"
    assert sparkline([1, 1], 0) == ""


@given(st.lists(worth, max_size=60), st.integers(0, 50), st.integers(1, 12))
def test_a_chart_has_rows_of_one_width_that_fit(values, width, height):
    rows = ["".join(row) for row in columns(values, width, height)]
    assert len(rows) == height
    assert len({len(row) for row in rows}) == 1
    assert len(rows[0]) <= width


def test_a_chart_by_hand():
    rows = ["".join(row) for row in columns([0, 0.5, 0.75, 1], 4, 2, least=1)]
    assert rows == ["  ▄█", "▁███"]
    assert ["".join(row) for row in columns([1, 0], 6, 1, least=1)] == ["██ ▁▁ "]
