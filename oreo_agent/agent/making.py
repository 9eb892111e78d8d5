"""A strategy from its name, and what it decides: either may be wrong where it is a user's own."""

import traceback
from collections.abc import Mapping, Sequence
from typing import Any, cast

from oreo_agent.agent.engines import Engine, Request
from oreo_agent.agent.strategies import (
    STRATEGIES,
    Decision,
    Reading,
    Strategy,
    setting_names,
    settings_of,
)
from oreo_agent.agent.strategies.beam import Beam
from oreo_agent.agent.strategies.best_of_n import BestOfN
from oreo_agent.config import build
from oreo_agent.errors import OreoError, SettingError
from oreo_agent.model.trust import Trust

SEARCHES = (Beam, BestOfN)
"""The strategies that choose among whole solutions, at the weight found for a value."""

_OURS = __name__.partition(".")[0]


def build_strategy(
    name: str, settings: dict[str, Any], *, max_tokens: int, trust: Trust | None = None
) -> Strategy:
    """The strategy called ``name``.

    Args:
        name: in `STRATEGIES`, or ``module:Class`` or ``file.py:Class``.
        settings: of it; fields of the class, which is a dataclass if it has any.
        max_tokens: the longest reply, unless the settings tell another.
        trust: what is known of the value that it may choose by. The weight at which V chose best
            among whole solutions is that of the strategies that search them, unless the settings
            tell another.

    Raises:
        SettingError: no such strategy or setting.
    """
    kind = STRATEGIES.load(name)
    usual: dict[str, Any] = {}
    if "max_tokens" in setting_names(kind):
        usual |= {"max_tokens": max_tokens}
    if trust is not None and trust.whole and kind in SEARCHES:
        usual |= {"weight": trust.weight}
    return _built(kind, usual | settings, at=f"strategy {name}")


def changed(strategy: Strategy, settings: dict[str, Any]) -> Strategy:
    """``strategy`` with other settings.

    Raises:
        SettingError: it has no such setting.
    """
    name = type(strategy).__qualname__
    return _built(type(strategy), settings_of(strategy) | settings, at=f"strategy {name}")


def own_settings(name: str, given: Mapping[str, Any], usual: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a user's strategy.

    Args:
        name: ``module:Class`` or ``file.py:Class``.
        given: by its user.
        usual: taken where the strategy has such a setting.

    Raises:
        SettingError: no such strategy, or a setting that was given is not its own.
    """
    known = setting_names(STRATEGIES.load(name))
    if strange := [each for each in given if each not in known]:
        raise SettingError(
            f"the strategy {name!r} has no setting {strange[0]!r}; leave "
            f"--{strange[0].replace('_', '-')} out, or give its dataclass such a field"
        )
    return {each: told for each, told in usual.items() if each in known} | dict(given)


def _built(kind: Any, settings: dict[str, Any], *, at: str) -> Strategy:
    known = setting_names(kind)
    if not known and settings:
        raise SettingError(
            f"{at}: it has no settings, and {', '.join(settings)} was given; make its class a "
            "dataclass with such fields, or leave them out"
        )
    try:
        found = build(kind, settings, at=at) if known else kind()
    except OreoError:
        raise
    except Exception as error:  # a user's class may raise whatever it likes
        raise SettingError(
            f"{at} cannot be made: {_told(error)}; name a class that can be made without arguments"
        ) from error
    if not callable(found):
        raise SettingError(
            f"{at} cannot be asked; give its class a "
            "`__call__(self, engine, read, requests)` that returns a list of decisions"
        )
    return cast(Strategy, found)


def decided(
    strategy: Strategy, engine: Engine, read: Reading, requests: Sequence[Request]
) -> list[Decision]:
    """What ``strategy`` decides: one decision a request, each with a candidate that is chosen.

    Raises:
        SettingError: it is a user's own and raises, or gives something else.
    """
    own = type(strategy).__module__.partition(".")[0] != _OURS
    name = f"strategy {type(strategy).__qualname__}"
    try:
        found = strategy(engine, read, requests)
    except OreoError:
        raise
    except Exception as error:
        if not own:
            raise
        raise SettingError(f"{name} broke: {_told(error)}; mend it there") from error
    fault = _fault(found, len(requests))
    if fault:
        raise SettingError(f"{name} {fault}")
    return list(found)


def _fault(found: Any, wanted: int) -> str:
    """What is wrong with a strategy's answer; empty if nothing is."""
    if not isinstance(found, list | tuple):
        return f"returned {type(found).__name__}; return a list with one decision a request"
    lines = cast(Sequence[Any], found)
    if len(lines) != wanted:
        return (
            f"gave {len(lines)} decisions on {wanted} requests; give one a request, in their order"
        )
    for at, decision in enumerate(lines):
        if not isinstance(decision, Decision):
            return f"gave {type(decision).__name__} on request {at}; give a Decision"
        count = len(decision.candidates)
        if not 0 <= decision.chosen < count:
            return (
                f"chose {decision.chosen} of {count} candidates on request {at}; `chosen` is an "
                "index into `candidates`, of which there is at least one"
            )
    return ""


def _told(error: Exception) -> str:
    """An error with the place where it was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{place}"
