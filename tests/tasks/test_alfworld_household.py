"""Counts of real homes: what one game adds, and what the shipped table holds."""

from oreo_tasks.alfworld.count_household import Count
from oreo_tasks.alfworld.household import household, read_household

PROBLEM = """
(define (problem p) (:objects agent1 - agent) (:init
  (receptacleType Shelf_bar_1 ShelfType) (receptacleType Shelf_bar_2 ShelfType)
  (receptacleType Safe_bar_1 SafeType) (openable Safe_bar_1)
  (objectType Book_bar_1 BookType) (objectType Book_bar_2 BookType)
  (objectType Window_bar_1 WindowType) (pickupable Book_bar_1) (pickupable Book_bar_2)
  (pickupable Egg_bar_1_EggCracked)
  (inReceptacle Book_bar_1 Shelf_bar_1) (inReceptacle Book_bar_2 Shelf_bar_1)
  (canContain ShelfType BookType) (canContain ShelfType WindowType))
 (:goal (and (inReceptacle Book_bar_1 Safe_bar_1))))
"""


def test_a_game_adds_what_stands_what_lies_and_what_it_asks_for():
    count = Count()
    count.add("pick_and_place_simple-Book-None-Safe-301", PROBLEM)
    counts = read_household(count.table())
    bedroom = counts.rooms["bedroom"]
    assert bedroom.homes == 1
    assert bedroom.receptacles == {"Safe": {1: 1}, "Shelf": {2: 1}}
    assert bedroom.objects == {"Book": {2: 1}}
    assert counts.holds == {"Book": {"Shelf": (1, 2)}}
    assert counts.openable == {"Safe": (1, 1), "Shelf": (0, 2)}
    assert counts.fits == {"Shelf": ("Book",)}
    assert counts.traits == {"Book": ("pickupable",)}
    assert counts.goals == {"pick_and_place_simple": {"bedroom": {"Book Safe": 1}}}


def test_the_shipped_table_counts_all_official_train_games():
    counts = household()
    assert sum(room.homes for room in counts.rooms.values()) == 3553
    games = [n for rooms in counts.goals.values() for row in rooms.values() for n in row.values()]
    assert sum(games) == 3553
    assert set(counts.rooms) == {"kitchen", "livingroom", "bedroom", "bathroom"}


def test_in_the_shipped_table_nothing_is_held_more_often_than_it_could_be():
    for places in household().holds.values():
        for holding, standing in places.values():
            assert 0 < holding <= standing
