"""Who and what word problems tell of, and the sentences they tell it in.

In a sentence ``{S}`` is who it is about (a name, or she or he), ``{N}`` and ``{O}`` are names,
``{his}`` and ``{him}`` belong to S; ``{things}`` are what the problem counts, ``{boxes}`` and
``{box}`` what holds them; ``{n}``, ``{m}`` and ``{k}`` are numbers, ``{times}`` is "twice" or
"3 times".
"""

from collections.abc import Mapping
from dataclasses import dataclass

WOMEN = ("Anna", "Clara", "Emma", "Lily", "Maya", "Nora")
MEN = ("Ben", "Carl", "David", "Hugo", "Leo", "Sam")
HOLDERS: Mapping[str, str] = {
    "bags": "bag",
    "baskets": "basket",
    "boxes": "box",
    "jars": "jar",
    "packs": "pack",
}
FAMILY = ("mother", "father", "sister", "brother", "teacher")
BUYS = ("ball", "cake", "hat", "kite")
PLACES = ("market", "school", "garden")


@dataclass(frozen=True, slots=True)
class Kind:
    """What one does with a kind of things beyond buying, selling and giving."""

    holders: tuple[str, ...]
    gained: tuple[str, ...] = ()
    """Verbs for coming by some more."""
    lost: tuple[str, ...] = ()
    """Verbs for having some fewer."""
    coloured: bool = False
    """Comes in red and blue."""


THINGS: Mapping[str, Kind] = {
    "apples": Kind(("bags", "baskets", "boxes"), ("picks",), ("eats",)),
    "books": Kind(("bags", "boxes"), (), (), coloured=True),
    "cards": Kind(("boxes", "packs"), ("makes", "wins"), ("loses",), coloured=True),
    "cookies": Kind(("bags", "boxes", "jars"), ("makes",), ("eats",)),
    "eggs": Kind(("baskets", "boxes"), ("finds",), ("breaks", "eats", "uses")),
    "flowers": Kind(("baskets", "boxes"), ("finds", "picks"), ("uses",), coloured=True),
    "marbles": Kind(("bags", "jars"), ("finds", "wins"), ("loses",), coloured=True),
    "pencils": Kind(("boxes", "packs"), ("finds",), ("breaks", "loses", "uses"), coloured=True),
    "shells": Kind(("bags", "jars"), ("finds",), ("breaks", "loses")),
    "stamps": Kind(("boxes", "packs"), ("finds",), ("loses", "uses")),
    "stickers": Kind(("boxes", "packs"), ("wins",), ("loses", "uses")),
    "toys": Kind(("bags", "boxes"), ("makes", "wins"), ("breaks",), coloured=True),
}

HAVE = (
    "{N} has {n} {things}.",
    "{N} starts the day with {n} {things}.",
    "In the morning {N} has {n} {things}.",
    "There are {n} {things} in {N}'s {box}.",
)
HAVE_BOXES = (
    "{N} has {k} {boxes} with {n} {things} in each {box}.",
    "{N} buys {k} {boxes} of {things}. There are {n} {things} in each {box}.",
    "{N} has {k} {boxes} at home. There are {n} {things} in each {box}.",
)
HAVE_TWO = (
    "{N} has {n} {things} at home and {m} {things} at school.",
    "{N} gets {n} {things} from {his} mother and {m} {things} from {his} father.",
)
HAVE_COLOURS = "{N} has {n} red {things} and {m} blue {things}."

GAIN = (
    "{S} buys {n} more {things}.",
    "{S} buys {n} more {things} at the market.",
    "{S} gets {n} more {things} from {his} {family}.",
    "{His} {family} gives {him} {n} more {things}.",
)
GAIN_VERB = "{S} {verb} {n} more {things}."
LOSS = (
    "{S} gives {n} {things} to {his} {family}.",
    "{S} sells {n} {things} at the market.",
    "{S} gives {n} of {his} {things} away.",
)
LOSS_VERB = "{S} {verb} {n} {things}."
GAIN_MANY = (
    "{S} buys {k} {boxes} with {n} {things} in each {box}.",
    "For {k} days {S} gets {n} {things} each day.",
    "Each of {k} friends gives {him} {n} {things}.",
)
LOSS_MANY = (
    "{S} gives {n} {things} to each of {k} friends.",
    "{S} sells {k} {boxes} with {n} {things} in each {box}.",
    "For {k} days {S} sells {n} {things} each day.",
)
TIMES = (
    "After a week {S} has {times} as many {things} as before.",
    "After a month {S} has {times} as many {things} as before.",
    "Soon {S} has {times} as many {things} as before.",
)
HALF = (
    "{S} gives half of {his} {things} to {his} {family}.",
    "{S} sells half of {his} {things}.",
)
KEEP_ONE = (
    "{S} puts all {his} {things} into {k} equal {boxes} and keeps only one {box}.",
    "{S} divides all {his} {things} equally among {k} {boxes} and keeps only one {box}.",
)
PASS_ON = (
    "{S} gives {n} of {his} {things} to {O}.",
    "{S} gives {O} {n} {things}.",
)

MORE = "{O} has {n} more {things} than {N}."
FEWER = "{O} has {n} fewer {things} than {N}."
TIMES_AS_MANY = "{O} has {times} as many {things} as {N}."
HALF_AS_MANY = "{O} has half as many {things} as {N}."

NOW = (
    "How many {things} does {N} have now?",
    "How many {things} does {N} have in the end?",
)
LEFT = "How many {things} does {N} have left?"
SHARE = (
    "{S} shares all {his} {things} equally among {k} friends. "
    "How many {things} does each friend get?"
)
PACK = (
    "{S} puts all {his} {things} into {boxes} with {n} {things} in each {box}. "
    "How many {boxes} does {N} need?"
)
SELL = "{S} sells all {his} {things} for {n} coins each. How many coins does {N} get?"
SPEND = (
    "{S} sells all {his} {things} for {n} coins each and buys a {buy} for {m} coins. "
    "How many coins are left?"
)
WANT = "{S} wants to have {n} {things}. How many more {things} does {N} need?"
THAN_MORE = "{O} has {n} {things}. How many more {things} does {N} have than {O}?"
THAN_FEWER = "{O} has {n} {things}. How many fewer {things} does {N} have than {O}?"

TOGETHER = ("How many {things} do {all} have together?",)
DIFFERENCE = (
    "How many more {things} does {N} have than {O}?",
    "How many fewer {things} does {O} have than {N}?",
)
SHARE_ALL = (
    "{all} put all their {things} together and share them equally among {k} friends. "
    "How many {things} does each friend get?"
)
PACK_ALL = (
    "{all} put all their {things} together into {boxes} with {n} {things} in each {box}. "
    "How many {boxes} do they need?"
)

ASIDE = (
    "{O} has {n} {others}.",
    "The {place} is {n} miles away.",
    "{O} is {n} years old.",
    "It takes {n} minutes to walk to the {place}.",
)
"""Sentences that say nothing about what is asked."""
LINKS = ("Then", "Later", "Next")

NUMBERS = (
    "Use {numbers} once each with +, - and * to make {goal}.",
    "Make {goal} with +, - and * from {numbers}. Use each number once.",
)
CHAIN = (
    "Start with {start}. Each move can {moves}. Reach {goal} in {k} moves.",
    "Reach {goal} from {start} in {k} moves. Each move can {moves}.",
)
MOVES: Mapping[str, str] = {"+": "add {n}", "*": "multiply by {n}", "-": "subtract {n}"}
