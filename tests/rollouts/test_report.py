"""Scores are comparable or refused."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_reports import CONTRACT, game, report

from oreo_agent.errors import RecordError
from oreo_agent.rollouts.comparison import compare, compare_all
from oreo_agent.rollouts.report import READING, Contract, Report, Settings
from oreo_agent.rollouts.seeds import compare_methods
from oreo_agent.rollouts.statistics import bootstrap_difference, mcnemar, wilson
from oreo_agent.rollouts.verdicts import sentences

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
    ("only_admissible", True, "only_admissible"),
    ("step_limit", 50, "step_limit"),
    ("reply_token_limit", 64, "reply_token_limit"),
    ("seed", 1, "seed"),
    ("engine", "vllm", "engine"),
    ("versions", CONTRACT.versions | {"torch": "2.6.0"}, "versions.torch"),
    ("versions", CONTRACT.versions | {"peft": "0.14"}, "versions.peft"),
]


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
    assert CONTRACT.first_difference(other)[0] == line
    with pytest.raises(RecordError, match=f"{line} is .* in the first .* in the second") as caught:
        compare(report([1, 0]), report([1, 0], contract=other))
    leaf = value[line.split(".")[1]] if line.count(".") == 1 else value
    if line != "prompt_settings.depth.inner":
        assert repr(leaf) in str(caught.value)


CHANCE = msgspec.structs.replace(
    CONTRACT, engine="none", admissible_shown=True, prompt="words", reply_token_limit=8
)


def test_a_model_is_compared_with_chance_and_told_what_chance_is_given():
    model, chance = report([1, 0, 1]), report([0, 0, 1], agent="random", contract=CHANCE)
    for found in (compare(chance, model), compare(model, chance)):
        assert found.note.startswith("random greedy reads no prompt")
        assert sentences(found)[-1] == found.note
    assert compare(chance, model).only_second == 1
    assert compare(model, model).note == ""


def test_chance_makes_no_unlike_models_alike():
    chance = report([0, 0], agent="random", contract=CHANCE)
    longer = report([1, 1], contract=msgspec.structs.replace(CONTRACT, reply_token_limit=64))
    assert len(compare_all(chance, [longer, longer])) == 2
    with pytest.raises(RecordError, match="reply_token_limit is 32 in the first"):
        compare_all(chance, [report([1, 0]), longer])
    for methods in ([[report([1, 0]), longer]], [[report([1, 0])] * 2, [longer] * 2]):
        with pytest.raises(RecordError, match="reply_token_limit is 32 in the first"):
            compare_methods([chance, chance], methods)
    (found,) = compare_methods([chance, chance], [[longer, longer]])
    assert sentences(found)[-1].startswith("random greedy reads no prompt")


@pytest.mark.parametrize(("field", "value", "line"), CHANGES)
def test_of_a_model_beside_chance_every_line_on_the_games_counts(field, value, line):
    other = report([1, 0], contract=msgspec.structs.replace(CONTRACT, **{field: value}))
    chance = report([1, 0], agent="random", contract=CHANCE)
    if field in READING:
        assert compare(chance, other).pairs == 2
    else:
        with pytest.raises(RecordError, match=f"{line} is .* in the first"):
            compare(chance, other)


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
    leads = [int(b) - int(a) for a, b in pairs]
    assert found.bootstrap == bootstrap_difference(leads)


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
        (
            {"agent": "oreo", "strategy": "beam", "k": 3, "score": "value"}
            | {"logp_weight": 0.1, "own_weight": True},
            "oreo beam-3 by value + 0.1 logp",
        ),
        ({"agent": "oreo", "strategy": "sample", "temperature": 1.0}, "oreo sample T=1"),
        ({"agent": "oreo", "strategy": "greedy", "dtype": "bfloat16"}, "oreo greedy bfloat16"),
    ],
)
def test_a_label_tells_settings_apart(settings, label):
    assert Settings(**settings).label == label
