"""Generated games: ids that say everything, homes that hold together, plans kept apart by split."""

import json
import re
from collections import Counter, defaultdict

import pytest

from oreo_tasks.alfworld.floor_plans import TIER_SIZES, floor_plan
from oreo_tasks.alfworld.games import SPLITS, TASK_TYPES
from oreo_tasks.alfworld.generator import (
    SIZES,
    TIERS,
    export,
    fingerprint,
    game_text,
    instances,
)
from oreo_tasks.alfworld.lexicon import ENTITIES
from oreo_tasks.alfworld.pddl_ids import printed_names

OFFICIAL = {*range(1, 31), *range(201, 231), *range(301, 331), *range(401, 431)}
"""Floor plans of the official games."""


def plan_of(instance_id: str) -> int:
    return int(instance_id.split("/")[0].split("-")[-1])


def plans(split: str, tier: str) -> set[int]:
    return {plan_of(row.id) for row in instances(split, tier)}


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("split", SPLITS)
def test_a_split_has_its_size_all_types_alike_and_is_sorted(split, tier):
    rows = instances(split, tier)
    assert len({row.id for row in rows}) == len(rows) == SIZES[split]
    assert rows == sorted(rows, key=lambda row: row.id)
    numbers = Counter(row.task_type for row in rows)
    assert set(numbers) == set(TASK_TYPES)
    assert max(numbers.values()) - min(numbers.values()) <= 1


@pytest.mark.parametrize("tier", TIERS)
def test_unseen_plans_are_never_trained_on_and_the_other_plans_all_are(tier):
    train = plans("train", tier)
    assert not train & plans("valid_unseen", tier)
    assert plans("valid_seen", tier) | plans("valid_train", tier) <= train
    assert not (train | plans("valid_unseen", tier)) & OFFICIAL


def test_no_game_is_in_two_splits():
    ids = [row.id for split in SPLITS for row in instances(split, "small")]
    assert len(set(ids)) == len(ids)


def test_more_games_include_the_fewer():
    fewer = {row.id for row in instances("train", "small", 30)}
    assert fewer < {row.id for row in instances("train", "small", 60)}


@pytest.mark.parametrize("tier", TIERS)
def test_the_same_id_is_the_same_game_and_trials_of_a_plan_share_its_receptacles(tier):
    first = instances("valid_seen", tier, 6)[0].id
    assert game_text(first) == game_text(first)
    other = first[:-1] + ("1" if first[-1] != "1" else "2")
    a, b = (json.loads(game_text(id))["pddl_problem"] for id in (first, other))
    assert a != b
    stands = re.compile(r"\(receptacleAtLocation \S+ \S+\)")
    assert stands.findall(a) == stands.findall(b)


def test_what_games_are_made_from_has_not_changed_without_a_new_version():
    # if this fails, raise generator.VERSION and take these golden values anew
    assert {tier: fingerprint("valid_seen", tier) for tier in TIERS} == FINGERPRINTS


FINGERPRINTS = {
    "small": "947f1b205b3c2a11",
    "medium": "ee0720706288578c",
    "full": "54758f368564c3c7",
}


def test_fingerprints_tell_splits_and_tiers_apart():
    prints = [fingerprint(split, tier) for split in SPLITS[1:] for tier in TIERS]
    assert len(set(prints)) == len(prints)


@pytest.mark.parametrize("tier", TIERS)
def test_a_home_is_as_large_as_its_tier_says(tier):
    size = TIER_SIZES[tier]
    for row in instances("valid_unseen", tier, 60):
        fixtures = floor_plan(tier, plan_of(row.id)).fixtures
        assert size.receptacles[0] <= len(fixtures) <= size.receptacles[1]
        lying = re.findall(r"\(inReceptacle \S+_bar_", game_text(row.id))
        assert len(lying) <= (size.objects or (0, 80))[1]


def test_names_stay_within_what_a_vocabulary_foresees():
    seen: dict[str, int] = defaultdict(int)
    for tier in TIERS:
        for row in instances("train", tier, 120):
            problem = json.loads(game_text(row.id))["pddl_problem"]
            ids = re.findall(r"\((?:objectType|receptacleType) (\S+_bar_\S+) ", problem)
            for name in printed_names(ids).values():
                kind, number = name.split()
                seen[kind] = max(seen[kind], int(number))
    assert {kind: n for kind, n in seen.items() if n > ENTITIES.get(kind, 0)} == {}


def test_some_doors_are_shut_and_some_receptacles_share_a_place():
    shut = shared = 0
    for row in instances("valid_unseen", "full", 30):
        fixtures = floor_plan("full", plan_of(row.id)).fixtures
        shut += any(fixture.openable for fixture in fixtures)
        shared += len({fixture.location for fixture in fixtures}) < len(fixtures)
    assert shut > 20
    assert shared > 10


def test_an_export_has_the_official_layout(tmp_path):
    assert export(tmp_path, "valid_seen", "small", 6) == 6
    files = sorted((tmp_path / "json_2.1.1" / "valid_seen").glob("*/*/game.tw-pddl"))
    assert ["/".join(file.parts[-3:-1]) for file in files] == [
        row.id for row in instances("valid_seen", "small", 6)
    ]
    assert {"pddl_domain", "grammar", "pddl_problem", "solvable", "walkthrough"} == set(
        json.loads(files[0].read_text("utf-8"))
    )


@pytest.mark.parametrize(
    "id",
    [
        "nonsense",
        "pick_and_place_simple-Mug-None-Shelf-7/trial_T20190907",
        "pick_and_place_simple-Mug-None-Fridge-10001/trial_huge_t00000",
        "pick_and_place_simple-Mug-None-Fridge-77777/trial_small_t00000",
        "pick_and_place_simple-Mug-None-NoSuchThing-10001/trial_small_t00000",
        "no_such_type-Mug-None-Fridge-10001/trial_small_t00000",
    ],
)
def test_an_id_that_is_no_generated_game_is_refused(id):
    with pytest.raises(LookupError):
        game_text(id)


def test_unknown_splits_and_tiers_are_refused_by_name():
    with pytest.raises(LookupError, match="valid_sen"):
        instances("valid_sen", "small")
    with pytest.raises(LookupError, match="tiny"):
        instances("train", "tiny")
