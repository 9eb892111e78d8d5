"""Several seeds of one or more ways of training: pooled by games, told apart by seeds."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_reports import CONTRACT, report, seeded

from oreo_agent.errors import RecordError, SettingError
from oreo_agent.rollouts.comparison import compare
from oreo_agent.rollouts.report import Settings
from oreo_agent.rollouts.seeds import compare_methods, compare_seeds
from oreo_agent.rollouts.statistics import holm
from oreo_agent.rollouts.student import crossed_difference

OLD = [seeded([1, 0, 0, 0], "old-1", 1), seeded([0, 0, 1, 0], "old-2", 2)]
NEW = [seeded([1, 1, 1, 0], "new-1", 1), seeded([1, 1, 0, 0], "new-2", 2)]


def test_seeds_are_compared_one_by_one_and_over_games():
    found = compare_seeds(OLD, NEW)
    assert found.seeds == [compare(*pair) for pair in zip(OLD, NEW, strict=True)]
    assert (found.games, found.first, found.second) == (4, 2, 5)
    assert (found.only_first, found.only_second) == (1, 4)
    # leads of the games: 1, 2, 0, 0
    assert found.difference.value == pytest.approx(3 / 8)
    assert found.p == found.p_adjusted == 0.5
    # of 256 resamples the leads of 16 add up to 0, of 14 to 6, of 4 to 7 and of 1 to 8
    assert found.bootstrap is not None
    assert (found.bootstrap.low, found.bootstrap.high) == (0, 6 / 8)
    assert found.crossed == crossed_difference([[0, 1, 1, 0], [1, 1, -1, 0]])


def test_the_order_of_games_does_not_matter():
    turned = [msgspec.structs.replace(one, games=one.games[1:] + one.games[:1]) for one in NEW]
    assert compare_seeds(OLD, [NEW[0], turned[1]]) == compare_seeds(OLD, NEW)
    assert compare_seeds(OLD, turned) == compare_seeds(OLD, NEW)


def test_each_side_has_its_seeds_their_mean_and_their_spread():
    found = compare_seeds(OLD, NEW)
    old, new = found.first_seeds, found.second_seeds
    assert (old.label, old.shares, old.mean, old.deviation) == ("old greedy", [0.25] * 2, 0.25, 0)
    assert (new.label, new.shares, new.mean) == ("new greedy", [0.75, 0.5], 0.625)
    assert new.deviation == pytest.approx(0.03125**0.5)


@pytest.mark.parametrize(
    ("names", "label"),
    [
        (("runs/oreo-1", "runs/oreo-2"), "oreo greedy"),
        (("1/oreo", "2/oreo"), "oreo greedy"),
        (("oreo7", "oreo12"), "oreo greedy"),
        (("oreo-1", "oreo-1"), "oreo-1 greedy"),
        (("1", "2"), "1 greedy"),
        (("old", "oreo"), "old greedy"),
    ],
)
def test_a_method_is_called_by_what_its_seeds_have_in_common(names, label):
    sides = [seeded([1, 0], name, seed) for seed, name in enumerate(names)]
    assert compare_seeds(sides, sides).first_seeds.label == label


games = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40)


@given(games)
def test_one_seed_is_a_comparison_and_says_nothing_about_others(pairs):
    first, second = (report([pair[side] for pair in pairs], str(side)) for side in (0, 1))
    found, alone = compare_seeds([first], [second]), compare(first, second)
    assert found.p == pytest.approx(alone.p)
    assert found.bootstrap == alone.bootstrap
    assert found.detectable == alone.detectable
    assert found.crossed is None
    assert found.first_seeds.deviation is None
    assert found.second_seeds.shares == [alone.second.share]


def test_as_many_games_of_more_seeds_show_smaller_differences():
    def detectable(seeds: int) -> float:
        # the seeds part on games of their own, so each has the same share of them
        firsts, seconds = [], []
        for seed in range(seeds):
            won = [int(i % 10 == seed) for i in range(100)]
            lost = [int(i % 10 == seed + 5) for i in range(100)]
            firsts.append(seeded(lost, "old", seed))
            seconds.append(seeded(won, "new", seed))
        found = compare_seeds(firsts, seconds).detectable
        assert found is not None
        return found

    sizes = [detectable(seeds) for seeds in (1, 2, 4)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[2] == pytest.approx(sizes[0] / 2, rel=0.1)
    few = [seeded([1, 0, 1], "a", seed) for seed in (1, 2)]
    assert compare_seeds(few, few).detectable is None


def test_seeds_may_differ_in_nothing_but_the_seed():
    old, new = [seeded([1, 0], "old", 1)], [seeded([0, 1], "new", 1)]
    with pytest.raises(SettingError, match="1 reports stand against 2"):
        compare_seeds(old, [*new, *new])
    with pytest.raises(RecordError, match="seed is 1 in the first"):
        compare_seeds(old, [seeded([0, 1], "new", 2)])
    other = msgspec.structs.replace(CONTRACT, seed=2, step_limit=50)
    with pytest.raises(RecordError, match="step_limit is 40 in the first"):
        compare_seeds([*old, report([1, 0], "old", other)], [*new, report([1, 0], "new", other)])


def test_seeds_of_one_side_decide_alike():
    sampled = msgspec.structs.replace(NEW[1], settings=Settings(agent="new-2", strategy="sample"))
    with pytest.raises(RecordError, match="new-1 greedy and new-2 sample are no seeds of one"):
        compare_seeds(OLD, [NEW[0], sampled])


def beam(**settings: Any) -> Settings:
    told = {"agent": "new-1", "strategy": "beam", "k": 5, "logp_weight": 0.03}
    return Settings(**told | settings)


def test_a_value_that_may_not_choose_is_still_a_seed_of_its_method():
    by_value = msgspec.structs.replace(NEW[0], settings=beam(score="value"))
    gated = msgspec.structs.replace(NEW[1], settings=beam(score="logp", forbidden="value"))
    assert gated.settings.label == "new-1 beam-5 by logp"
    found = compare_seeds(OLD, [by_value, gated])
    assert found.second_seeds.label == "new-1 beam-5 by value + 0.03 logp, 1 of 2 trusted"
    assert found.second_seeds.shares == [0.75, 0.5]
    assert found.seeds[1].second_settings == gated.settings
    logp = msgspec.structs.replace(NEW[1], settings=beam(score="logp"))
    with pytest.raises(RecordError, match="are no seeds of one method"):
        compare_seeds(OLD, [by_value, logp])


def test_values_that_found_weights_of_their_own_are_seeds_of_one_method():
    found, other = (
        msgspec.structs.replace(
            report, settings=beam(score="value", logp_weight=w, own_weight=True)
        )
        for report, w in ((NEW[0], 0.1), (NEW[1], 0.2))
    )
    gated = msgspec.structs.replace(
        NEW[1],
        settings=beam(score="logp", forbidden="value", logp_weight=3.0, own_weight=True),
    )
    for second in (other, gated):
        label = compare_seeds(OLD, [found, second]).second_seeds.label
        assert label.startswith("new-1 beam-5 by value + logp")
    asked = msgspec.structs.replace(other, settings=beam(score="value", logp_weight=0.1))
    with pytest.raises(RecordError, match="are no seeds of one method"):
        compare_seeds(OLD, [found, asked])


def test_methods_that_are_compared_together_are_adjusted():
    base = [seeded([0] * 20, "base", seed) for seed in (1, 2)]
    methods = [
        [seeded([1] * n + [0] * (20 - n), name, seed) for seed in (1, 2)]
        for name, n in (("a", 6), ("b", 7), ("c", 10))
    ]
    found = compare_methods(base, methods)
    assert [one.p for one in found] == [2 * 0.5**n for n in (6, 7, 10)]
    assert [one.p_adjusted for one in found] == holm([one.p for one in found])
    assert [one.second_seeds.label for one in found] == ["a greedy", "b greedy", "c greedy"]
    assert [one.p for one in found] == [compare_seeds(base, method).p for method in methods]
