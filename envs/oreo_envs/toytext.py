"""Gymnasium's FrozenLake and Taxi in words, each with an expert who knows its odds."""

import re
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any

import gymnasium

from oreo_envs.adapter import TextAdapter, paid
from oreo_envs.players import Player
from oreo_envs.registration import Prompt

LAKE_MAP = ("SFFF", "FHFH", "FFFH", "HFFG")
LAKE_ACTIONS = ("west", "south", "east", "north")
LAKE_PROMPT = Prompt(
    instructions=(
        "You walk over a frozen lake of four rows and four columns, from row 0, column 0 to the "
        "present at row 3, column 3. There are holes at row 1, column 1; row 1, column 3; row 2, "
        "column 3; and row 3, column 0: who steps into one is lost. The ice is slippery: you go "
        "where you mean to go one time in three, and else to the left or right of it. Reply with "
        "one of the actions west, south, east, north."
    ),
    example="You are at row 0, column 0.\nAction: south",
)
TAXI = next(name for name in ("Taxi-v4", "Taxi-v3") if name in gymnasium.registry)
"""Gymnasium's id; a later version replaces the earlier one."""
TAXI_ACTIONS = ("south", "north", "east", "west", "pick up", "drop off")
STOPS = ("red", "green", "yellow", "blue")
TAXI_PROMPT = Prompt(
    instructions=(
        "You drive a taxi in a town of five rows and five columns. The stops are red (row 0, "
        "column 0), green (row 0, column 4), yellow (row 4, column 0) and blue (row 4, column 3). "
        "Walls stand between columns 1 and 2 of rows 0 and 1, and between columns 0 and 1 and "
        "columns 2 and 3 of rows 3 and 4. Fetch the passenger and drop them off where they want "
        "to go. Reply with one of the actions south, north, east, west, pick up, drop off."
    ),
    example=(
        "You are at row 0, column 0. The passenger waits at red and wants to go to blue.\n"
        "Action: pick up"
    ),
)
TAXI_WON = 20
"""What Taxi pays for a passenger who has arrived."""
_PLACE = re.compile(r"row (\d), column (\d)")
_WISH = re.compile(r"The passenger (?:waits at (\w+)|sits in the taxi) and wants to go to (\w+)")
Odds = Mapping[int, Mapping[int, Any]]
"""For each state and action the ways it can go: (chance, next state, reward, over)."""


class Seeded(TextAdapter):
    """A world that knows no names: an instance is a seed."""

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[str, dict[str, Any]]:
        """Begin an instance.

        Raises:
            LookupError: it is no seed.
        """
        asked = (options or {}).get("instance")
        if asked is not None:
            name = str(asked)
            if not (name.isascii() and name.isdigit()):
                raise LookupError(f"there is no instance {name!r}; name a seed, such as '000007'")
            seed = int(name)
        return super().reset(seed=seed)


def frozen_lake(**kwargs: Any) -> Seeded:
    """FrozenLake-v1 on its own map of 4 x 4; ``kwargs`` are its own (``is_slippery=False``)."""
    env = gymnasium.make("FrozenLake-v1", disable_env_checker=True, **kwargs).unwrapped
    return Seeded(env, actions=LAKE_ACTIONS, describe=_told_lake)


def taxi(**kwargs: Any) -> Seeded:
    """Taxi in the version that is there; ``kwargs`` are its own."""
    world: Any = gymnasium.make(TAXI, disable_env_checker=True, **kwargs).unwrapped
    return Seeded(
        world,
        actions=TAXI_ACTIONS,
        describe=_told_taxi,
        success=_delivered,
        possible=partial(_can_drive, world),
    )


class LakeExpert(Player):
    """Takes the action with the best odds of reaching the present."""

    def act(self, observation: str, info: Mapping[str, Any]) -> str:
        """The likeliest way to the present."""
        row, column = _place(observation)
        return LAKE_ACTIONS[_lake_plan()[4 * row + column]]


class TaxiExpert(Player):
    """Takes a shortest way."""

    def act(self, observation: str, info: Mapping[str, Any]) -> str:
        """The next action of a shortest way."""
        row, column = _place(observation)
        found = _WISH.search(observation)
        assert found is not None
        waits = 4 if found[1] is None else STOPS.index(found[1])
        state = ((row * 5 + column) * 5 + waits) * 4 + STOPS.index(found[2])
        return TAXI_ACTIONS[_taxi_plan()[state]]


def _can_drive(world: Any, state: int) -> list[str]:
    return [name for name, can in zip(TAXI_ACTIONS, world.action_mask(state), strict=True) if can]


def _delivered(reward: float) -> bool:
    return reward == TAXI_WON


def _told_lake(state: int) -> str:
    row, column = divmod(state, 4)
    return f"You are at row {row}, column {column}."


def _told_taxi(state: int) -> str:
    rest, wish = divmod(state, 4)
    rest, waits = divmod(rest, 5)
    row, column = divmod(rest, 5)
    where = "sits in the taxi" if waits == 4 else f"waits at {STOPS[waits]}"
    return (
        f"You are at row {row}, column {column}. "
        f"The passenger {where} and wants to go to {STOPS[wish]}."
    )


def _place(observation: str) -> tuple[int, int]:
    found = _PLACE.search(observation)
    assert found is not None
    return int(found[1]), int(found[2])


@cache
def _lake_plan() -> dict[int, int]:
    return best_actions(frozen_lake().unwrapped.P, paid)  # pyright: ignore[reportAttributeAccessIssue]


@cache
def _taxi_plan() -> dict[int, int]:
    return best_actions(taxi().unwrapped.P, _delivered)  # pyright: ignore[reportAttributeAccessIssue]


def best_actions(
    odds: Odds, success: Callable[[float], bool], discount: float = 0.999
) -> dict[int, int]:
    """The action of each state with the best discounted chance of success, by value iteration.

    Args:
        odds: of the world.
        success: whether the last step's reward means that the episode was won.
        discount: a step; below 1, so that of equal ways the shorter is taken.
    """
    chance = dict.fromkeys(odds, 0.0)

    def worth(state: int, action: int) -> float:
        return sum(
            p * ((1.0 if success(reward) else 0.0) if over else discount * chance[then])
            for p, then, reward, over in odds[state][action]
        )

    for _ in range(1000):
        change = 0.0
        for state, actions in odds.items():
            best = max(worth(state, action) for action in actions)
            change = max(change, best - chance[state])
            chance[state] = best
        if change < 1e-6:
            break
    return {
        state: max(actions, key=lambda action, s=state: worth(s, action))
        for state, actions in odds.items()
    }
