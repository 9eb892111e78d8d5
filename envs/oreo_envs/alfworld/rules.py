"""Which game logics the interpreter knows: fingerprints of PDDL domains and of text grammars.

Every ``game.tw-pddl`` carries its own rules, a PDDL domain and a text grammar. The interpreter does
not read them; it knows a few of them by heart. So it first asks whether the two texts are ones it
knows, by their fingerprints, and refuses a game whose rules might differ in any way.

To teach it another logic whose rules and texts are the same as those of one of the two dialects:
print ``domain_fingerprint(text)`` and ``grammar_fingerprint(text)``, add one line to each table,
and let ``tests/envs/test_alfworld_stock.py`` compare such a game with the stock engine.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Literal

Dialect = Literal["move", "put"]
"""``move``: "move X to Y", "You arrive at desk 1.", a help text (games since 2024). ``put``: the
older "put X in/on Y", "You arrive at loc 12.", no help."""


@dataclass(frozen=True, slots=True)
class DomainRules:
    """What may differ between the domains that the interpreter knows."""

    dialect: Dialect
    washers: tuple[str, ...]
    """Receptacle types, lower-case, at which an object can be cleaned."""


SINKS = ("sinktype", "sinkbasintype")
BASINS = ("sinkbasintype",)

DOMAINS: dict[str, DomainRules] = {
    "54e29bce2933d7dc": DomainRules("move", SINKS),  # the official games since 2024
    "67f42dd49a0b9d54": DomainRules("move", BASINS),  # our generated games
    "da18d44ab1bcf831": DomainRules("move", BASINS),  # the file packaged in alfworld 0.4
    "2bb2c5c7591ba445": DomainRules("put", SINKS),  # the official games before
    "6eca02b13b273d84": DomainRules("put", BASINS),  # a few of them, and alfworld 0.3
}
"""`domain_fingerprint` -> what that domain does. A documented place to add your own."""

GRAMMARS: dict[str, Dialect] = {
    "10da93e13b58e1a6": "move",  # the official games since 2024
    "502d6ffd1dae33eb": "move",  # our generated games
    "c294eb280206a442": "move",  # the file packaged in alfworld 0.4
    "de0a5951f63a9b4f": "put",  # the official games before
}
"""`grammar_fingerprint` -> the dialect it speaks. A documented place to add your own."""

_COMMENT = re.compile(r";[^\n]*")
_GOAL = re.compile(r'"Your task is to: ([^"\n]*)"')
_UNSAFE = frozenset("\\;|<>[]{}#")
"""Characters that the stock engine's template parser treats as its own."""


def domain_fingerprint(domain: str) -> str:
    """A name for what a PDDL domain says: blind to comments, spacing and case, to nothing else."""
    return _digest(" ".join(_COMMENT.sub(" ", domain).lower().split()))


def grammar_fingerprint(grammar: str) -> str:
    """A name for a text grammar, blind to the goal sentence alone."""
    return _digest(_GOAL.sub('"Your task is to: "', grammar, count=1))


def goal_sentence(grammar: str) -> str | None:
    """What follows "Your task is to: "; None where there is no sentence that is printed as it is.

    A sentence written by a person may hold characters that the stock engine cuts off or stumbles
    over; what it would print is then not known here.
    """
    found = _GOAL.search(grammar)
    if found is None:
        return None
    sentence = found.group(1)
    return None if _UNSAFE & set(sentence) else sentence


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
