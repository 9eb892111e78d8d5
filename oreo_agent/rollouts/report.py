"""A report: how one agent did on one set of games, with all that makes the score comparable."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from oreo_agent.agent.engines import USUAL_DTYPE
from oreo_agent.errors import RecordError
from oreo_agent.records.atomic import write_atomic
from oreo_agent.records.episode import End
from oreo_agent.rollouts.statistics import Rate, wilson

SCHEMA = 1
KIND = "oreo-agent report"

NO_ENGINE = "none"
"""The engine of the expert and of chance, which read no prompt."""
READING = (
    "prompt",
    "prompt_settings",
    "history",
    "admissible_shown",
    "only_admissible",
    "reply_token_limit",
    "engine",
)
"""Lines of a contract on how a model reads and replies; the others are about the games."""


class Contract(msgspec.Struct, frozen=True, kw_only=True):
    """All that two scores must share to be comparable; who played is apart, in `Settings`."""

    task: str
    environment: str
    """Registered Gymnasium id."""
    split: str
    data: str
    """Checksum of the split's problems."""
    prompt: str
    """Name of the prompt format."""
    prompt_settings: dict[str, Any] = {}
    """Plain data that makes the format again."""
    history: str = "full"
    """How much of the episode the agent is shown at each turn."""
    admissible_shown: bool
    """Whether the agent is shown the admissible commands."""
    only_admissible: bool = False
    """Whether it may say nothing else."""
    step_limit: int
    reply_token_limit: int
    seed: int
    engine: str
    versions: dict[str, str] = {}

    @property
    def hash(self) -> str:
        """Twelve hexadecimal digits; equal exactly if all lines are."""
        told = msgspec.to_builtins(self)
        if (
            not self.only_admissible
        ):  # older reports do not tell, and their hashes stay what they are
            del told["only_admissible"]
        canonical = msgspec.json.encode(told, order="sorted")
        return hashlib.sha256(canonical).hexdigest()[:12]

    @property
    def reads(self) -> bool:
        """Whether a model played: the expert and chance are given commands, not a prompt."""
        return self.engine != NO_ENGINE

    def first_difference(self, other: "Contract") -> tuple[str, Any, Any] | None:
        """The first line that differs, ``versions.torch`` for instance, with both values.

        Of a model beside the expert or chance only the lines on the games are compared.
        """
        mine, its = msgspec.to_builtins(self), msgspec.to_builtins(other)
        if self.reads != other.reads:
            for line in READING:
                mine.pop(line, None)
                its.pop(line, None)
        return _first_difference("", mine, its)


def _first_difference(at: str, first: Any, second: Any) -> tuple[str, Any, Any] | None:
    if not (isinstance(first, dict) and isinstance(second, dict)):
        return None if first == second else (at, first, second)
    for key in [*first, *(key for key in second if key not in first)]:
        line = f"{at}.{key}" if at else str(key)
        found = _first_difference(line, first.get(key), second.get(key))
        if found is not None:
            return found
    return None


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Who played and how it decided: what a comparison compares."""

    agent: str
    """Path of the bundle, or ``expert``, ``random``."""
    fingerprint: str = ""
    """Checksum of the bundle's weights, or of the expert's settings."""
    strategy: str = ""
    k: int = 1
    """Candidates a turn."""
    temperature: float | None = None
    """Of the candidates; None if nothing is sampled."""
    score: str = ""
    """What the candidates are ranked by: ``value``, ``logp``, ``random``, ``constant``."""
    logp_weight: float | None = 0.0
    """lambda in V + lambda * log-probability, where ``score`` is ``value`` or was to be."""
    own_weight: bool = False
    """Whether nobody asked for it: ``logp_weight`` is the value's own."""
    dtype: str = USUAL_DTYPE
    """Of the weights in memory, as it was asked for."""
    forbidden: str = ""
    """What the candidates were to be ranked by, had the value's own held-out evidence not spoken
    against it: ``score`` stands in its place."""

    @property
    def asked(self) -> "Settings":
        """The same as it was asked for, whatever the value's evidence says.

        A weight that nobody asked for is None.
        """
        return msgspec.structs.replace(
            self,
            score=self.forbidden or self.score,
            forbidden="",
            logp_weight=None if self.own_weight else self.logp_weight,
        )

    @property
    def label(self) -> str:
        """A few words for tables: ``oreo best-of-5 by value T=1``."""
        strategy = self.strategy
        if self.k > 1:
            strategy = strategy.replace("-of-k", f"-of-{self.k}")
            strategy = strategy.replace("-of-n", f"-of-{self.k}").replace("beam", f"beam-{self.k}")
        parts = [Path(self.agent).name, strategy]
        if self.k > 1 and self.score:
            parts.append(f"by {self.score}")
        if self.logp_weight is None:
            parts.append("+ logp")
        elif self.logp_weight and not self.forbidden:
            parts.append(f"+ {self.logp_weight:g} logp")
        if self.temperature is not None:
            parts.append(f"T={self.temperature:g}")
        if self.dtype != USUAL_DTYPE:
            parts.append(self.dtype)
        return " ".join(part for part in parts if part)


class GameResult(msgspec.Struct, frozen=True, kw_only=True):
    """How one game went."""

    instance: str
    task_type: str
    won: bool
    reward: float
    steps: int
    valid: float
    """Share of the commands that the environment admitted, 0 to 1."""
    tokens: int
    """Sampled and shown."""
    seconds: float
    end: End
    fault: str = ""
    """What broke, for a game that ended in a fault."""
    policy_tokens: int = 0
    """Drawn, those of rejected candidates included."""
    value_tokens: int = 0
    """Read by the value, as far as the strategy counts them."""


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """Sums and means over games."""

    success: Rate
    reward: float
    """Mean."""
    steps: float
    """Mean a game."""
    valid: float
    """Share of all commands that the environment admitted."""
    tokens: float
    """Mean a game."""
    seconds: float
    """Mean a game."""
    policy_tokens: float
    """Drawn, those of rejected candidates included; mean a game."""
    value_tokens: float
    """Read by the value, as far as the strategy counts them; mean a game."""
    faults: int
    """Games that broke; they count as not won."""


def totals(games: Sequence[GameResult]) -> Totals:
    """Add up one or more games."""
    n = len(games)
    steps = sum(game.steps for game in games)
    return Totals(
        success=wilson(sum(game.won for game in games), n),
        reward=sum(game.reward for game in games) / n,
        steps=steps / n,
        valid=sum(game.valid * game.steps for game in games) / steps if steps else 1.0,
        tokens=sum(game.tokens for game in games) / n,
        seconds=sum(game.seconds for game in games) / n,
        policy_tokens=sum(game.policy_tokens for game in games) / n,
        value_tokens=sum(game.value_tokens for game in games) / n,
        faults=sum(game.end == "fault" for game in games),
    )


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One agent's games under one contract; at least one game, each instance once."""

    contract: Contract
    settings: Settings
    games: tuple[GameResult, ...]

    def __post_init__(self) -> None:
        if not self.games:
            raise RecordError("a report needs at least one game: raise the number of episodes")
        seen: set[str] = set()
        for game in self.games:
            if game.instance in seen:
                raise RecordError(
                    f"a report counts each game once, {game.instance} is there twice: "
                    "ask for no more episodes than the split has games"
                )
            seen.add(game.instance)

    @property
    def totals(self) -> Totals:
        """Over all games."""
        return totals(self.games)

    @property
    def by_task_type(self) -> dict[str, Totals]:
        """Totals of each task type, sorted by name."""
        groups: dict[str, list[GameResult]] = {}
        for game in self.games:
            groups.setdefault(game.task_type, []).append(game)
        return {name: totals(groups[name]) for name in sorted(groups)}

    def document(self) -> dict[str, Any]:
        """Plain data, with the hash and the totals for other readers; `load` is its inverse."""
        return {
            "kind": KIND,
            "schema": SCHEMA,
            "contract": msgspec.to_builtins(self.contract),
            "contract_hash": self.contract.hash,
            "settings": msgspec.to_builtins(self.settings),
            "totals": msgspec.to_builtins(self.totals),
            "by_task_type": msgspec.to_builtins(self.by_task_type),
            "games": msgspec.to_builtins(self.games),
        }

    def save(self, path: str | Path) -> None:
        """Write JSON to ``path``: whole or not at all.

        Raises:
            RecordError: the place cannot be written to.
        """
        path = Path(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(path, msgspec.json.format(msgspec.json.encode(self.document())) + b"\n")
        except OSError as error:
            raise RecordError(
                f"report {path} cannot be written ({error}): name another place"
            ) from error

    @classmethod
    def load(cls, path: str | Path) -> "Report":
        """Read what `save` wrote; totals are added up anew.

        Raises:
            RecordError: no report is there, or it is damaged, changed by hand or too new.
        """
        try:
            data = msgspec.json.decode(Path(path).read_bytes())
            if not isinstance(data, dict) or data.get("kind") != KIND:
                raise RecordError(
                    f"{path} is not a report: make one with `oreo-agent eval --out {path}`"
                )
            if data.get("schema") != SCHEMA:
                raise RecordError(
                    f"report {path} has schema {data.get('schema')!r}, this version reads "
                    f"{SCHEMA}: use the version that wrote it, or run `oreo-agent eval` again"
                )
            report = msgspec.convert(data, cls)
        except OSError as error:
            raise RecordError(f"report {path} cannot be read: {error}") from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise RecordError(
                f"report {path} is damaged ({error}): run `oreo-agent eval` again"
            ) from error
        if data.get("contract_hash") != report.contract.hash:
            raise RecordError(
                f"report {path}: its contract is not the one that it was made under "
                f"({report.contract.hash} is not {data.get('contract_hash')}): "
                "run `oreo-agent eval` again"
            )
        return report
