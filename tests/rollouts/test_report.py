"""Scores are comparable or refused."""

import io
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from oreo_agent.errors import RecordError, SettingError
from oreo_agent.rollouts.comparison import (
    Comparison,
    compare,
    compare_all,
    compare_seeds,
    comparison_table,
    report_table,
    seeds_verdict,
    verdict,
)
from oreo_agent.rollouts.report import Contract, GameResult, Report, Settings
from oreo_agent.rollouts.statistics import mcnemar, wilson

CONTRACT = Contract(
    task="alfworld",
    environment="oreo/ALFWorld-v0",
    split="valid_seen",
    data="d1",
    prompt="bare",
    prompt_settings={"words": ["go", "take"], "depth": {"inner": 1}},
    admissible_shown=False,
    step_limit=40,
    reply_token_limit=32,
    seed=0,
    engine="transformers",
    versions={"oreo-agent": "0.1.0", "torch": "2.13.0"},
)
CHANGES = [
    ("task", "gsm8k", "task"),
    ("environment", "oreo/Other-v0", "environment"),
    ("split", "valid_unseen", "split"),
    ("data", "d2", "data"),
    ("prompt", "react", "prompt"),
    ("prompt_settings", {"words": ["go"], "depth": {"inner": 1}}, "prompt_settings.words"),
    ("prompt_settings", CONTRACT.prompt_settings | {"depth": {}}, "prompt_settings.depth.inner"),
    ("history", "last 5", "history"),
    ("admissible_shown", True, "admissible_shown"),
    ("step_limit", 50, "step_limit"),
    ("reply_token_limit", 64, "reply_token_limit"),
    ("seed", 1, "seed"),
    ("engine", "vllm", "engine"),
    ("versions", CONTRACT.versions | {"torch": "2.6.0"}, "versions.torch"),
    ("versions", CONTRACT.versions | {"peft": "0.14"}, "versions.peft"),
]


def game(instance: str, won: bool, **changes) -> GameResult:
    fields = {
        "instance": instance,
        "task_type": "pick",
        "won": won,
        "reward": float(won),
        "steps": 10,
        "valid": 0.9,
        "tokens": 500,
        "seconds": 0.25,
        "end": "won" if won else "step_limit",
    }
    return GameResult(**(fields | changes))


def report(won, agent: str = "runs/sft", contract: Contract = CONTRACT) -> Report:
    games = tuple(game(f"task/{index:03}", bool(one)) for index, one in enumerate(won))
    return Report(contract=contract, settings=Settings(agent=agent, strategy="greedy"), games=games)


def text(table) -> str:
    console = Console(file=io.StringIO(), width=160)
    console.print(table)
    return console.file.getvalue()  # type: ignore[attr-defined]


wins = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60)


def test_every_line_of_the_contract_is_tried_below():
    assert {field for field, _, _ in CHANGES} == set(Contract.__struct_fields__)


@pytest.mark.parametrize(("field", "value", "line"), CHANGES)
def test_changing_any_line_changes_the_hash_and_is_refused_by_name_and_both_values(
    field, value, line
):
    other = msgspec.structs.replace(CONTRACT, **{field: value})
    assert other.hash != CONTRACT.hash
    assert len(other.hash) == 12
    assert CONTRACT.first_difference(other)[0] == line  # type: ignore[index]
    with pytest.raises(RecordError, match=f"{line} is .* in the first .* in the second") as caught:
        compare(report([1, 0]), report([1, 0], contract=other))
    leaf = value[line.split(".")[1]] if line.count(".") == 1 else value
    if line != "prompt_settings.depth.inner":
        assert repr(leaf) in str(caught.value)


def test_the_hash_is_the_same_for_the_same_lines_in_any_order():
    turned = dict(reversed(CONTRACT.versions.items()))
    other = msgspec.structs.replace(CONTRACT, versions=turned)
    assert other.hash == CONTRACT.hash
    assert CONTRACT.first_difference(other) is None


def test_who_played_is_no_part_of_the_contract():
    found = compare(report([1, 0], agent="a"), report([0, 1], agent="b"))
    assert (found.first_settings.agent, found.second_settings.agent) == ("a", "b")


@pytest.mark.parametrize("which", ["first", "second"])
def test_games_that_only_one_has_are_refused_by_name(which):
    pair = [report([1, 0, 1]), report([1, 0])]
    pair = pair if which == "first" else pair[::-1]
    with pytest.raises(RecordError, match=f"1 games are in the {which} only.*task/002"):
        compare(*pair)


@given(wins)
def test_a_comparison_counts_pairs_and_mirrors(pairs):
    first, second = (report([pair[side] for pair in pairs], agent=str(side)) for side in (0, 1))
    found, mirror = compare(first, second), compare(second, first)
    assert found.only_first == mirror.only_second == sum(a and not b for a, b in pairs)
    assert found.only_second == mirror.only_first == sum(b and not a for a, b in pairs)
    assert found.both == sum(a and b for a, b in pairs)
    assert found.p == mirror.p == mcnemar(found.only_first, found.only_second)
    assert found.difference.value == pytest.approx(-mirror.difference.value)
    assert found.difference.value == pytest.approx(found.second.share - found.first.share)
    assert (found.first, found.second) == (mirror.second, mirror.first)
    assert found.first == first.totals.success
    assert verdict(found)


def test_the_order_of_games_does_not_matter():
    first, second = report([1, 0, 1, 0]), report([0, 0, 1, 1])
    turned = msgspec.structs.replace(second, games=second.games[::-1])
    assert compare(first, turned) == compare(first, second)


def test_comparisons_that_are_made_together_are_adjusted():
    base = report([0] * 20)
    others = [report([1] * n + [0] * (20 - n), agent=str(n)) for n in (6, 7, 10)]
    found = compare_all(base, others)
    assert [one.p for one in found] == [2 * 0.5**n for n in (6, 7, 10)]
    assert [one.p_adjusted for one in found] == pytest.approx([2 / 2**6, 4 / 2**7, 6 / 2**10])


def seeded(won, agent: str, seed: int) -> Report:
    return report(won, agent, msgspec.structs.replace(CONTRACT, seed=seed))


def test_seeds_are_compared_one_by_one_and_over_games():
    old = [seeded([1, 0, 0, 0], "old-1", 1), seeded([0, 0, 1, 0], "old-2", 2)]
    new = [seeded([1, 1, 1, 0], "new-1", 1), seeded([1, 1, 0, 0], "new-2", 2)]
    found = compare_seeds(old, new)
    assert found.seeds == [compare(*pair) for pair in zip(old, new, strict=True)]
    assert (found.games, found.first, found.second) == (4, 2, 5)
    assert (found.only_first, found.only_second) == (1, 4)
    # leads of the games: 1, 2, 0, 0
    assert found.difference.value == pytest.approx(3 / 8)
    assert found.p == 0.5
    first, second, together = seeds_verdict(found)
    assert "old-1 greedy against new-1 greedy: 1 and 3 of 4 games won (+2 -0)" in first
    assert "(+2 -1)" in second
    assert "all 2 together: 2 and 5 of 8 won (+4 -1), +37.5 points" in together


def test_seeds_may_differ_in_nothing_but_the_seed():
    old, new = [seeded([1, 0], "old", 1)], [seeded([0, 1], "new", 1)]
    with pytest.raises(SettingError, match="1 reports stand against 2"):
        compare_seeds(old, [*new, *new])
    with pytest.raises(RecordError, match="seed is 1 in the first"):
        compare_seeds(old, [seeded([0, 1], "new", 2)])
    other = msgspec.structs.replace(CONTRACT, seed=2, step_limit=50)
    with pytest.raises(RecordError, match="step_limit is 40 in the first"):
        compare_seeds([*old, report([1, 0], "old", other)], [*new, report([1, 0], "new", other)])


def verdict_of(only_first: int, only_second: int, both: int, **changes) -> str:
    first = report([1] * only_first + [0] * only_second + [1] * both, agent="first")
    second = report([0] * only_first + [1] * only_second + [1] * both, agent="second")
    found: Comparison = msgspec.structs.replace(compare(first, second), **changes)
    return verdict(found)


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


def test_totals_are_what_the_games_add_up_to():
    games = (
        game("a", True, task_type="heat", steps=10, valid=1.0, tokens=100, seconds=1.0),
        game("b", False, task_type="cool", steps=30, valid=0.5, tokens=300, seconds=2.0),
        game("c", False, task_type="heat", steps=0, valid=1.0, tokens=2, seconds=0.0, end="fault"),
    )
    full = Report(contract=CONTRACT, settings=Settings(agent="expert"), games=games)
    assert full.totals.success == wilson(1, 3)
    assert full.totals.valid == pytest.approx(25 / 40)
    assert full.totals.steps == pytest.approx(40 / 3)
    assert full.totals.tokens == pytest.approx(134)
    assert full.totals.faults == 1
    assert list(full.by_task_type) == ["cool", "heat"]
    assert full.by_task_type["heat"].success == wilson(1, 2)


def test_what_is_loaded_is_what_was_saved(tmp_path):
    saved = report([1, 0, 1])
    path = tmp_path / "deep" / "report.json"
    saved.save(path)
    assert Report.load(path) == saved
    data = json.loads(path.read_text())
    assert data["contract_hash"] == CONTRACT.hash
    assert data["totals"]["success"]["wins"] == 2
    assert [entry.name for entry in path.parent.iterdir()] == ["report.json"]


def spoiled(**changes) -> bytes:
    return json.dumps(report([1, 0]).document() | changes).encode()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "damaged"),
        (b"\xff\xfe", "damaged"),
        (spoiled()[:-20], "damaged"),
        (b"[]", "is not a report"),
        (spoiled(kind="songs"), "is not a report"),
        (spoiled(schema=2), "schema 2, this version reads 1"),
        (spoiled(contract={"task": "x"}), "damaged"),
        (spoiled(contract_hash="0" * 12), "not the one that it was made under"),
        (spoiled(games=[]), "at least one game"),
        (spoiled(games=[{"instance": "a"}]), "damaged"),
        (spoiled(games=report([1]).document()["games"] * 2), "there twice"),
    ],
)
def test_a_damaged_report_is_refused_with_a_reason(tmp_path, data, message):
    path = tmp_path / "report.json"
    path.write_bytes(data)
    with pytest.raises(RecordError, match=message):
        Report.load(path)


def test_a_report_that_is_not_there_or_cannot_be_written_is_told(tmp_path):
    with pytest.raises(RecordError, match="cannot be read"):
        Report.load(tmp_path / "none.json")
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordError, match="cannot be written"):
        report([1]).save(tmp_path / "file" / "report.json")


@pytest.mark.parametrize(
    ("settings", "label"),
    [
        ({"agent": "runs/sft", "strategy": "greedy"}, "sft greedy"),
        ({"agent": "expert"}, "expert"),
        (
            {"agent": "b/oreo", "strategy": "best-of-k", "k": 5, "temperature": 0.7}
            | {"score": "value", "logp_weight": 0.1},
            "oreo best-of-5 by value + 0.1 logp T=0.7",
        ),
        ({"agent": "oreo", "strategy": "sample", "temperature": 1.0}, "oreo sample T=1"),
    ],
)
def test_a_label_tells_settings_apart(settings, label):
    assert Settings(**settings).label == label


def test_tables_hold_every_rate_with_its_interval():
    base = report([0] * 14 + [1] * 6)
    other = report([1] * 20, agent="runs/oreo")
    shown = text(comparison_table(compare_all(base, [other, base])))
    assert "sft greedy" in shown
    assert "oreo greedy" in shown
    assert "30.0 % [14.5, 51.9]" in shown
    assert "0.000122 (0.000244)" in shown
    mixed = msgspec.structs.replace(base, games=(*base.games, game("z", True, task_type="heat")))
    shown = text(report_table(mixed))
    assert all(name in shown for name in ("pick", "heat", "all", CONTRACT.hash))
    assert "33.3 % [17.2, 54.6]" in shown
