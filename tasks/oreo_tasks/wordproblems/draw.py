"""Draws from a seeded generator in few instructions: thousands of problems are made at a time."""

from collections.abc import Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")


def whole(rng: Random, lowest: int, highest: int) -> int:
    """A whole number from ``lowest`` to ``highest``, all alike."""
    return lowest + int(rng.random() * (highest - lowest + 1))


def pick(rng: Random, among: Sequence[T]) -> T:
    """One of several, all alike."""
    return among[int(rng.random() * len(among))]


def shuffled(rng: Random, items: Sequence[T]) -> list[T]:
    """The items in another order, every order alike."""
    left = list(items)
    return [left.pop(int(rng.random() * len(left))) for _ in items]
