"""What comparisons come to, in words and in tables that fit a terminal."""

import msgspec
import pytest
from made_reports import CONTRACT, game, report, seeded, text

from oreo_agent.rollouts.comparison import Comparison, compare, compare_all
from oreo_agent.rollouts.power import plan_games
from oreo_agent.rollouts.report import Report, Settings
from oreo_agent.rollouts.seeds import compare_methods, compare_seeds
from oreo_agent.rollouts.verdicts import (
    comparison_table,
    document,
    in_plain_words,
    power_in_plain_words,
    power_table,
    report_table,
    seed_differences_table,
    seeds_table,
    seeds_verdict,
    sentences,
    verdict,
)


def compared(only_first: int, only_second: int, both: int, **changes) -> Comparison:
    first = report([1] * only_first + [0] * only_second + [1] * both, agent="first")
    second = report([0] * only_first + [1] * only_second + [1] * both, agent="second")
    return msgspec.structs.replace(compare(first, second), **changes)


def verdict_of(only_first: int, only_second: int, both: int, **changes) -> str:
    return verdict(compared(only_first, only_second, both, **changes))


def seeds_of(leads, seeds: int = 3):
    """So many seeds of a method that alone wins the first games of ``leads``, of 20."""
    old = [seeded([0] * 20, f"old-{seed}", seed) for seed in range(seeds)]
    new = [
        seeded([1] * lead + [0] * (20 - lead), f"new-{seed}", seed)
        for seed, lead in zip(range(seeds), leads, strict=True)
    ]
    return old, new


def test_the_verdict_says_who_is_better_only_where_that_is_shown():
    assert "the second is better" in verdict_of(1, 12, 87)
    assert "the first is better" in verdict_of(12, 1, 87)
    open_case = verdict_of(4, 9, 87)
    assert "no difference is shown, which does not show that there is none" in open_case
    assert "better" not in open_case
    assert "with 100 games a true difference below about 10 points" in open_case
    assert "cannot show any difference" in verdict_of(0, 5, 0)


def test_the_verdict_heeds_the_adjusted_p():
    assert "no difference is shown" in verdict_of(1, 12, 87, p_adjusted=0.06)
    assert "(0.06 after Holm)" in verdict_of(1, 12, 87, p_adjusted=0.06)


def test_a_newcomer_is_told_who_won_more_and_how_often_luck_does_that():
    # p = 2 (1 + 13) / 2^13 = 0.00342
    assert in_plain_words(compared(1, 12, 87)) == (
        "second greedy won 11.0 points more than first greedy (99.0 % of the games against "
        "88.0 %); were they equally good, luck alone would open so wide a gap, one way or the "
        "other, about 1 time in 290: too seldom to put it down to luck."
    )
    assert "first greedy won 11.0 points more than second" in in_plain_words(compared(12, 1, 87))
    assert "about 1 time in 4: so it may well be luck" in in_plain_words(compared(4, 9, 87))
    equal = in_plain_words(compared(3, 3, 94))
    assert equal == "second greedy and first greedy won equally many games (97.0 %)."


@pytest.mark.parametrize(
    ("p", "words"),
    [
        (1.0, "more often than not: so it may"),
        (0.3, "about 1 time in 3: so it may"),
        (0.000668, "about 1 time in 1,500: too seldom"),
        (2.31e-9, "less than 1 time in a million: too seldom"),
    ],
)
def test_a_chance_is_told_in_words_and_after_holm(p, words):
    told = in_plain_words(compared(1, 12, 87, p_adjusted=p))
    assert told.endswith(
        f"{words} well be luck." if "may" in words else f"{words} to put it down to luck."
    )
    assert "luck alone, tried several times, would" in told


def test_seeds_are_told_one_by_one_together_and_with_what_they_say_of_others():
    *lines, together, beyond = seeds_verdict(compare_seeds(*seeds_of((6, 7, 8))))
    assert len(lines) == 3
    assert lines[1] == "old-1 greedy against new-1 greedy: 0 and 7 of 20 games won (+7 -0)"
    assert "all 3 together: 0 and 21 of 60 won (+21 -0), +35.0 points" in together
    assert "exact p over games = 0.00781" in together
    assert "would be missed" not in together
    assert beyond.startswith("p is about these seeds; for other seeds on other games the 95%")
    plainly = sentences(compare_seeds(*seeds_of((6, 7, 8))))[0]
    assert "new greedy won 35.0 points more than old greedy" in plainly
    assert "on average over 3 seeds; were they equally good with these seeds, luck alone" in plainly


def test_seeds_that_show_nothing_say_what_they_could_have_shown():
    together = seeds_verdict(compare_seeds(*seeds_of((1, 2, 1))))[-2]
    assert "with 20 games for each seed a true difference below about" in together
    old = [seeded([0, 0], "old", seed) for seed in (1, 2)]
    assert "so few games cannot show any difference" in seeds_verdict(compare_seeds(old, old))[-2]


@pytest.mark.parametrize(("leads", "words"), [((9,), "1 seed says nothing"), ((8, 9), "2 seeds")])
def test_fewer_than_three_seeds_are_told_with_caution(leads, words):
    beyond = seeds_verdict(compare_seeds(*seeds_of(leads, len(leads))))[-1]
    assert beyond.startswith(f"caution: {words}")
    assert "train 3 or more" in beyond


def test_what_is_written_for_other_readers_holds_the_sentences():
    found = compare_seeds(*seeds_of((6, 7, 8)))
    told = document(found)
    assert told["plainly"] == in_plain_words(found)
    assert told["verdict"] == " ".join(seeds_verdict(found))
    assert told["second_seeds"]["shares"] == [0.3, 0.35, 0.4]
    alone = compared(1, 12, 87)
    assert (document(alone)["verdict"], document(alone)["p"]) == (verdict(alone), alone.p)


def long_named(won, name: str, seed: int = 0) -> Report:
    best = Settings(
        agent=f"runs/{name}", strategy="best-of-k", k=5, temperature=0.5, score="constant"
    )
    return msgspec.structs.replace(seeded(won, name, seed), settings=best)


def test_tables_hold_every_rate_with_its_intervals_in_80_columns():
    base = report([0] * 14 + [1] * 6)
    other = long_named([1] * 20, "oreo")
    worse = long_named([0] * 18 + [1] * 2, "dqo")
    for width in (80, 160):
        shown = text(comparison_table(compare_all(base, [other, worse, base])), width)
        assert max(map(len, shown.splitlines())) <= width
        assert "…" not in shown
        for figure in ("sft greedy", "30.0 %", "[14.5, 51.9]", "+70.0", "[+42.6, +85.5]"):
            assert figure in shown
        for figure in ("[+50.0, +90.0]", "+14 -0", "0.000122", "(0.000366)", "after Holm"):
            assert figure in shown
    assert "after Holm" not in text(comparison_table(compare_all(base, [other])))


def test_the_table_of_a_report_holds_every_task_type_and_all():
    base = report([0] * 14 + [1] * 6)
    mixed = msgspec.structs.replace(base, games=(*base.games, game("z", True, task_type="heat")))
    shown = text(report_table(mixed))
    assert all(name in shown for name in ("pick", "heat", "all", CONTRACT.hash))
    assert "33.3 % [17.2, 54.6]" in shown


def test_tables_of_seeds_hold_each_seed_and_every_interval_in_80_columns():
    base = [long_named([0] * 20, f"sft-{seed}", seed) for seed in range(8)]
    methods = [
        [
            long_named([1] * (n + seed % 2) + [0] * (20 - n - seed % 2), name, seed)
            for seed in range(8)
        ]
        for name, n in (("oreo", 12), ("dqo", 6))
    ]
    found = compare_methods(base, [*methods, base])
    for table in (seeds_table(found), seed_differences_table(found)):
        shown = text(table, 80)
        assert max(map(len, shown.splitlines())) <= 80
        assert "…" not in shown
    shown = text(seeds_table(found))
    assert "62.5  2.7  60.0  65.0  60.0  65.0" in shown
    shown = text(seed_differences_table(found))
    for figure in ("+62.5", "[+8.2, +56.8]", "[+15.0, +52.5]", "[+8.1, +56.9]", "(0.000732)"):
        assert figure in shown


def test_a_plan_is_told_as_a_table_and_as_a_sentence():
    plan = plan_games(5, split_share=0.2)
    games = plan.assumptions[0].games
    shown = text(power_table(plan), 80)
    assert "20 %, as told" in shown
    for count in games.values():
        assert f"{count:,}" in shown
    told = power_in_plain_words(plan)
    assert f"about {games[1]:,} games with each of the two agents" in told
    assert f"about {games[3]:,} with each of 3 seeds" in told
    assert "5 points better" in told
    shown = text(power_table(plan_games(2.5, success=0.4)), 80)
    assert "2.5 points from a success of 40.0 %" in shown
    assert "worst case" in shown
    assert max(map(len, shown.splitlines())) <= 80
