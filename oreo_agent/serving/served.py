"""What is served: an agent, its name, and how it decides where a client does not say."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oreo_agent.agent.gate import by_policy, objection
from oreo_agent.agent.making import build_strategy
from oreo_agent.agent.runtime import Agent
from oreo_agent.agent.strategies import STRATEGIES, setting_names, settings_of
from oreo_agent.errors import SettingError, nearest
from oreo_agent.model.bundle import read_card
from oreo_agent.model.trust import Trust
from oreo_agent.serving.wire import Wish

_NAMES = {"best-of-k": ("k", "score"), "beam": ("beams", "score"), "best-of-n": ("n", "by")}
"""Strategies that choose, and what they call the number of candidates and what chooses."""
_BY_VALUE = ("value", "weighted-majority")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a decision is taken."""

    strategy: str
    settings: tuple[tuple[str, Any], ...]
    """All of the strategy's, in the order of their names."""
    objection: str = ""
    """Why V does not choose although it was asked to; empty if it does, or was not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """An agent with what the server itself decides about it."""

    agent: Agent
    name: str
    """By which clients call it."""
    strategy: str = ""
    """Where a client names none; empty is best-of-k, of solutions best-of-n."""
    k: int | None = None
    """Candidates where a client does not say; None is the strategy's own."""
    temperature: float | None = None
    """Likewise."""
    trust: Trust | None = None
    """The verdict on the value that judges here."""

    def plan(self, wish: Wish, *, most: int) -> Plan:
        """The strategy and all its settings, the gate having been asked.

        Args:
            wish: of a client; what it leaves open is the server's.
            most: candidates that may be asked for.

        Raises:
            SettingError: no such strategy or setting, or one that this agent cannot have.
        """
        name = wish.strategy or self.usual
        if name not in STRATEGIES.names():  # none of a client's own: a name there is code
            raise SettingError(
                f"no strategy is called {name!r}; {nearest(name, STRATEGIES.names())}"
            )
        settings = self._settings(name, wish)
        if name in _NAMES and (count := settings.get(_NAMES[name][0], 1)) > most:
            raise SettingError(f"k: {count} candidates; at most {most} are drawn here")
        if self.agent.has_value and self.agent.prompt.steps is None:
            known = setting_names(STRATEGIES.load(name))
            settings |= {"values": True} if "values" in known else {}
        longest = self.agent.prompt.max_reply_tokens
        asked = build_strategy(name, settings, max_tokens=longest, trust=self.trust)
        refused = objection(asked, self.trust)
        whole = settings_of(by_policy(asked) if refused else asked)
        return Plan(strategy=name, settings=tuple(sorted(whole.items())), objection=refused)

    @property
    def objection(self) -> str:
        """Why V does not choose where a client says nothing; empty if it does, or there is none.

        Raises:
            SettingError: the agent cannot be asked as the server would.
        """
        return self.plan(Wish(), most=self.k or 1_000).objection

    @property
    def usual(self) -> str:
        """The strategy where a client names none."""
        whole = "best-of-k" if self.agent.prompt.steps is None else "best-of-n"
        return self.strategy or whole

    def _settings(self, name: str, wish: Wish) -> dict[str, Any]:
        known = setting_names(STRATEGIES.load(name))
        counted, scored = _NAMES.get(name, ("k", "score"))
        own: dict[str, Any] = {counted: self.k, "temperature": self.temperature}
        asked = {
            counted: wish.k,
            scored: wish.score,
            "temperature": wish.temperature,
            "weight": wish.weight,
            "only_admissible": wish.only_admissible or None,
            "max_tokens": self._limit(wish.max_tokens),
        }
        given = {key: value for key, value in own.items() if key in known and value is not None}
        given |= {key: value for key, value in asked.items() if value is not None}
        if name in _NAMES:
            given.setdefault(scored, "value" if self.agent.has_value else "logp")
            if given[scored] in _BY_VALUE and not self.agent.has_value:
                raise SettingError(
                    f"score: this agent has no value to choose by {given[scored]!r}; take logp"
                )
        return given

    def _limit(self, asked: int | None) -> int | None:
        longest = self.agent.prompt.max_reply_tokens
        if asked is not None and asked > longest:
            raise SettingError(f"max_tokens: {asked}; this agent's longest reply has {longest}")
        return asked


def open_served(
    bundle: Path,
    *,
    strategy: str = "",
    k: int | None = None,
    temperature: float | None = None,
    value: Path | None = None,
    trust_value: bool = False,
    device: str = "auto",
    dtype: str = "auto",
    threads: int = 1,
) -> Served:
    """Load a bundle and check that it can be asked as the server would ask it.

    Args:
        bundle: folder of the agent; its last name is what clients call it.
        strategy: see `Served`.
        k: see `Served`.
        temperature: see `Served`.
        value: another bundle, whose value judges.
        trust_value: let V choose although its own evidence speaks against it.
        device: ``auto`` takes a GPU if there is one.
        dtype: of the weights in memory, see `Agent.load`.
        threads: CPU threads of the engine.

    Raises:
        OreoError: the bundle cannot be read, or cannot be asked so.
    """
    judge = read_card(bundle if value is None else value)
    read_card(bundle)
    agent = Agent.load(
        bundle,
        strategy="greedy",
        value=value,
        trust_value=True,
        device=device,
        dtype=dtype,
        threads=threads,
    )
    served = Served(
        agent=agent,
        name=bundle.resolve().name,
        strategy=strategy,
        k=k,
        temperature=temperature,
        trust=None if trust_value else judge.trust,
    )
    _ = served.objection  # settings that do not fit are told before the first client comes
    return served
