"""Whether V may choose: what held-out states say of its choices, in a word and in a sentence."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import msgspec

LEAST_INSTANCES = 20
"""Evidence from fewer instances decides nothing."""
PAPERS_BETA = 0.03
"""Reward units per nat (arXiv:2412.16145). Among solutions the policy that is optimal at this pull
toward pi takes the one with the largest V + beta * log pi (decision 0009)."""

_NO_BETTER = ", though that it chooses better than log-probability is not shown"

Trusted = Literal["yes", "no", "unknown"]


class Choice(NamedTuple):
    """What is chosen among, and by what."""

    weight: float = 0.0
    """Times the log-probability, added to V."""
    whole: bool = False
    """Whether whole solutions of a problem stand side by side, and not the replies of one state."""
    open: bool = False
    """Whether the weight gives way to one that chooses solutions better where V is judged."""


AMONG_REPLIES = Choice()
"""By V alone, as best-of-k chooses in a world."""


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """A mean over states, with its 95 % interval over instances."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:+.3f} [{self.low:+.3f}, {self.high:+.3f}]"

    @property
    def points(self) -> str:
        """As points of success."""
        return f"{100 * self.value:+.1f} points [{100 * self.low:+.1f}, {100 * self.high:+.1f}]"


class Trust(msgspec.Struct, frozen=True, kw_only=True):
    """What choosing by V gains or loses in a state, by how episodes went on from its replies.

    Success is in [0, 1]. One choice is judged: how it ends if the policy goes on as ever. What a
    whole episode gains by such choices is another number, as it makes many. Of problems whose
    solutions are searched the choice is one among whole solutions, as best-of-n makes it and as
    a beam ends (decision 0012).
    """

    trusted: Trusted
    """``yes``: more than chance's choice beyond doubt, and not less than the policy's likeliest
    reply; ``no``: less than one of the two beyond doubt; else ``unknown``."""
    states: int
    instances: int
    source: str
    """Where the episodes are from."""
    weight: float = 0.0
    """Times the log-probability of a reply, added to V in the choices that this is about."""
    whole: bool = False
    """Whether the replies are whole solutions; a state is a problem then."""
    over_chance: Estimate | None = None
    """Success after V's choice, less that after a reply drawn blindly; None without states."""
    over_logp: Estimate | None = None
    """The same, less that after the reply that the policy finds likeliest."""
    tau: Estimate | None = None
    """Kendall's tau-b of V and success within a state; None where nothing could be ordered."""
    tau_logp: Estimate | None = None
    """The same of the policy's log-probability."""
    regret: Estimate | None = None
    """Success after the best reply, less that after V's choice: at least so much, as the best was
    found by one half of the continuations and judged by the other. None if replies were not
    continued twice."""
    regret_most: Estimate | None = None
    """At most so much: the best by the very continuations that judge it flatters itself."""
    regret_logp: Estimate | None = None
    """As ``regret``, of the likeliest reply."""
    regret_chance: Estimate | None = None
    """As ``regret``, of a reply drawn blindly."""

    @property
    def estimates(self) -> dict[str, Estimate]:
        """Those that there are, by name."""
        plain = msgspec.structs.asdict(self)
        return {name: told for name, told in plain.items() if isinstance(told, Estimate)}

    @property
    def chooser(self) -> str:
        """What chooses here, for people."""
        return f"V + {self.weight:g} log-probability" if self.weight else "V"

    @property
    def sentence(self) -> str:
        """The verdict and what it rests on, for people."""
        if self.over_chance is None or self.over_logp is None:
            place, replies, option = (
                ("problem", "solutions", "--repeats")
                if self.whole
                else ("state", "replies", "--branch")
            )
            return (
                f"whether {self.chooser} may choose is not known: no {place} of {self.source} has "
                f"two {replies} to compare; `oreo-agent rollout {option}` makes some"
            )
        of = "solutions" if self.whole else f"{self.states} states"
        rests = f"{of} of {self.instances} instances, {self.source}"
        found = (
            f"{self.over_chance.points} against chance and {self.over_logp.points} against "
            f"log-probability a choice; {rests}"
        )
        if self.trusted == "yes":
            though = "" if self.over_logp.low > 0 else _NO_BETTER
            return f"{self.chooser} may choose here{though}: {found}"
        if self.trusted == "unknown":
            few = self.instances < LEAST_INSTANCES
            little = " from so little" if few else ""
            return f"whether {self.chooser} may choose is not known{little}: {found}"
        worse, other = min(
            (self.over_chance, "chance"),
            (self.over_logp, "log-probability"),
            key=lambda pair: pair[0].high,
        )
        return (
            f"choosing by {self.chooser} would lose {-100 * worse.value:.1f} points a choice here "
            f"against {other} [{100 * worse.low:+.1f}, {100 * worse.high:+.1f}]: {rests}"
        )


def verdict(over_chance: Estimate | None, over_logp: Estimate | None, instances: int) -> Trusted:
    """Trust is given and refused on evidence alone.

    Args:
        over_chance: of `Trust`.
        over_logp: of `Trust`.
        instances: that the two rest on.
    """
    if over_chance is None or over_logp is None or instances < LEAST_INSTANCES:
        return "unknown"
    if over_chance.high < 0 or over_logp.high < 0:
        return "no"
    return "yes" if over_chance.low > 0 and over_logp.value >= 0 else "unknown"


def usual_choice(prompt: Mapping[str, Any]) -> Choice:
    """What the strategies that play agents of this format choose among, and by what.

    Beams and whole solutions go by V and log-probability at the weight that is found where V is
    judged (decision 0013), replies to a world by V.

    Args:
        prompt: settings of a prompt format.
    """
    if not prompt.get("delimiters"):
        return AMONG_REPLIES
    return Choice(weight=PAPERS_BETA, whole=True, open=True)
