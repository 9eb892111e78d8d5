"""How hard the problems are: named tiers, each with knobs that ``data`` can turn."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from oreo_tasks.questions.problem import check_known

GENERATED = "generated"
_KNOBS = ("steps", "largest", "asides")
_LONGEST = 8
_LARGEST = 9999


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """What problems of a tier are like."""

    name: str
    fewest: int
    """Steps of the shortest problems, 2 or more."""
    most: int
    """Steps of the longest problems, 8 at most."""
    largest: int
    """No number in a problem or its solution is larger; 20 to 9999."""
    people: tuple[int, ...] = (1,)
    """How many people may have things that count: 1, 2 or 3."""
    asides: int = 0
    """Sentences at most that do not matter; 0 to 3."""
    is_puzzle: bool = False

    def __post_init__(self) -> None:
        if not 2 <= self.fewest <= self.most <= _LONGEST:
            raise ValueError(f"steps must be 2 to {_LONGEST}, not {self.fewest}-{self.most}")
        if not 20 <= self.largest <= _LARGEST:
            raise ValueError(f"largest must be 20 to {_LARGEST}, not {self.largest}")
        if not 0 <= self.asides <= (0 if self.is_puzzle else 3):
            raise ValueError(f"asides must be 0 to 3, and 0 in puzzles, not {self.asides}")

    @property
    def text(self) -> str:
        """What `tier` reads back: the name, and the knobs that are not as they were."""
        usual = TIERS[self.name]
        turned: list[str] = []
        if (self.fewest, self.most) != (usual.fewest, usual.most):
            turned.append(f"steps={self.fewest}-{self.most}")
        if self.largest != usual.largest:
            turned.append(f"largest={self.largest}")
        if self.asides != usual.asides:
            turned.append(f"asides={self.asides}")
        return "?".join(filter(None, [self.name, "&".join(turned)]))


TIERS: Mapping[str, Tier] = {
    tier.name: tier
    for tier in (
        Tier(name="easy", fewest=2, most=3, largest=50, people=(1, 1, 1, 2)),
        Tier(name="medium", fewest=3, most=5, largest=99, people=(1, 1, 2)),
        Tier(name="hard", fewest=5, most=8, largest=500, people=(1, 2, 3), asides=2),
        Tier(name="puzzle", fewest=2, most=5, largest=99, is_puzzle=True),
    )
}


def tier(data: str | None) -> Tier:
    """The tier that ``data`` names: ``"medium"``, ``"medium?steps=3-5&largest=50"``; None: easy.

    ``"generated"`` and ``"generated:medium"`` are understood too, as in every task that makes its
    own problems.

    Raises:
        LookupError: there is no such tier or knob, or a knob cannot be turned that far.
    """
    name, _, knobs = (data or GENERATED).partition("?")
    if name == GENERATED or name.startswith(f"{GENERATED}:"):
        name = name.removeprefix(GENERATED).removeprefix(":") or next(iter(TIERS))
    check_known(name, list(TIERS), "the generator of word problems", "tier")
    made = TIERS[name]
    try:
        for knob in filter(None, knobs.split("&")):
            made = _turned(made, *knob.split("=", 1))
    except (ValueError, TypeError) as error:
        raise LookupError(
            f"word problems {data!r}: {error}; the form is 'medium?steps=3-5&largest=50'"
        ) from error
    return made


def _turned(made: Tier, knob: str, value: str = "") -> Tier:
    check_known(knob, _KNOBS, f"the tier {made.name!r}", "knob")
    if knob == "steps":
        fewest, _, most = value.partition("-")
        return replace(made, fewest=int(fewest), most=int(most or fewest))
    return (
        replace(made, largest=int(value)) if knob == "largest" else replace(made, asides=int(value))
    )
