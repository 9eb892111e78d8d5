"""Puzzles that are easier to check than to solve: make a number of others, or reach it by moves.

In both, a wrong step makes the goal impossible, and that can be seen by thinking before the end
shows it: of the possible first steps, a quarter (numbers) to under a half (moves) keep it possible.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from oreo_tasks.wordproblems import wording as w
from oreo_tasks.wordproblems.draw import pick, shuffled, whole
from oreo_tasks.wordproblems.tiers import Tier

SIGNS = ("+", "-", "*")
MOST_WAYS = 2
"""Ways in which moves may lead to a goal; with more, careless moves would often do."""


@dataclass(frozen=True, slots=True)
class Puzzle:
    """One puzzle with one of its solutions."""

    question: str
    gold: str
    """What `Derivation` judges by: ``18 from 3 4 6``, ``24 from 5 in 3 by +3 *2 -1``."""
    lines: tuple[str, ...]
    goal: int


def numbers_puzzle(tier: Tier, steps: int, rng: Random) -> Puzzle:
    """Make a goal of ``steps + 1`` numbers, each used once.

    The solution is the one that the puzzle was made from. The goal is larger than all numbers, so
    that it is not there from the beginning.
    """
    while True:
        numbers = [whole(rng, 2, 12) for _ in range(steps + 1)]
        held, lines = list(numbers), list[str]()
        while len(held) > 1:
            a, b = (held.pop(whole(rng, 0, len(held) - 1)) for _ in range(2))
            sign = pick(rng, SIGNS)
            if (c := result(a, sign, b)) is None or not 1 <= c <= tier.largest:
                break
            lines.append(f"{a} {sign} {b} = {c}")
            held.append(c)
        else:
            goal = held[0]
            if goal > max(numbers):
                break
    *some, last = map(str, numbers)
    listed = f"{', '.join(some)} and {last}"
    question = pick(rng, w.NUMBERS).format(numbers=listed, goal=goal)
    gold = f"{goal} from {' '.join(map(str, sorted(numbers)))}"
    return Puzzle(question, gold, tuple(lines), goal)


def chain_puzzle(tier: Tier, steps: int, rng: Random) -> Puzzle:
    """Reach a goal from a start in ``steps`` moves; it cannot be reached in fewer.

    The solution is the first that a breadth-first search finds.
    """
    while True:
        start = whole(rng, 2, 12)
        moves = {"+": whole(rng, 2, 9), "*": whole(rng, 2, 4), "-": whole(rng, 1, 9)}
        paths = shortest_paths(start, moves, steps, tier.largest)
        ways = count_ways(start, moves, steps)
        sooner = set().union(*(count_ways(start, moves, fewer) for fewer in range(steps)))
        goals = [
            goal
            for goal, lines in paths.items()
            if len(lines) == steps and goal > 1 and ways[goal] <= MOST_WAYS and goal not in sooner
        ]
        if goals:
            break
    goal = pick(rng, goals)
    *some, last = (w.MOVES[sign].format(n=n) for sign, n in shuffled(rng, list(moves.items())))
    question = pick(rng, w.CHAIN).format(
        start=start, goal=goal, k=steps, moves=f"{', '.join(some)} or {last}"
    )
    by = " ".join(f"{sign}{n}" for sign, n in moves.items())
    return Puzzle(question, f"{goal} from {start} in {steps} by {by}", paths[goal], goal)


def shortest_paths(
    start: int, moves: Mapping[str, int], steps: int, largest: int
) -> dict[int, tuple[str, ...]]:
    """Every number from 0 to ``largest`` within ``steps`` moves, with the lines that lead there."""
    paths: dict[int, tuple[str, ...]] = {start: ()}
    edge = [start]
    for _ in range(steps):
        reached: list[int] = []
        for a in edge:
            for sign, n in moves.items():
                c = result(a, sign, n)
                if c is not None and c <= largest and c not in paths:
                    paths[c] = (*paths[a], f"{a} {sign} {n} = {c}")
                    reached.append(c)
        edge = reached
    return paths


def count_ways(start: int, moves: Mapping[str, int], steps: int) -> Counter[int]:
    """Number -> in how many ways exactly ``steps`` moves lead there."""
    ways = Counter({start: 1})
    for _ in range(steps):
        after: Counter[int] = Counter()
        for a, count in ways.items():
            for sign, n in moves.items():
                if (c := result(a, sign, n)) is not None:
                    after[c] += count
        ways = after
    return ways


def result(a: int, sign: str, b: int) -> int | None:
    """``a sign b`` in whole numbers from 0; None if there is no such number."""
    if sign == "-":
        return a - b if a >= b else None
    return a + b if sign == "+" else a * b


def reachable(held: Sequence[int], goal: int) -> bool:
    """Whether the numbers, each used once, make the goal; tries everything."""
    if len(held) == 1:
        return held[0] == goal
    for i, a in enumerate(held):
        for j, b in enumerate(held):
            if i == j:
                continue
            rest = [n for k, n in enumerate(held) if k not in (i, j)]
            for sign in SIGNS:
                c = result(a, sign, b)
                if c is not None and reachable([*rest, c], goal):
                    return True
    return False
