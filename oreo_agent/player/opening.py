"""From settings to a session: who plays, where, and with which game it begins."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from oreo_agent.agent.making import SEARCHES, own_settings
from oreo_agent.agent.strategies import STRATEGIES
from oreo_agent.errors import SettingError
from oreo_agent.model.bundle import read_card
from oreo_agent.player.recording import Recorder
from oreo_agent.player.session import Session, find_game
from oreo_agent.rollouts.casting import TEXT_POLICIES, Cast, is_plain_model
from oreo_agent.rollouts.collect import policy_identity
from oreo_agent.rollouts.plan import make_plan
from oreo_agent.rollouts.stage import Stage

EXPERT = "expert"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaySettings:
    """What is played by whom."""

    agent: str = EXPERT
    """``expert``, ``random``, or the folder of a bundle or of a model in Hugging Face format."""
    strategy: str | None = None
    """How a bundle decides; None is best-of-k by value if the bundle has one, else greedy."""
    k: int = 5
    """Candidates of best-of-k."""
    temperature: float | None = None
    """Of what is drawn; None is .5."""
    stage: Stage = field(default_factory=lambda: Stage(split="valid_seen", live=1))
    instance: str | None = None
    """The game to begin with, by its id or a part that no other id has, or the first of a task
    type; None takes the first of all."""
    prompt: str | None = None
    """Prompt format of a model that is no bundle; None is ``react``."""
    only_admissible: bool = False
    """Whether a bundle chooses among commands that the world would admit."""
    trust_value: bool = False
    """Whether V may choose although its own evidence speaks against it."""
    record: Path | None = None
    """A store that the episodes go to; None keeps none."""
    seed: int = 0
    device: str = "auto"
    dtype: str = "auto"
    threads: int = 1
    """CPU threads of the engine."""

    def gated(self) -> tuple[Cast, str]:
        """Who plays once the gate has been asked, and what is to be said of it.

        Raises:
            OreoError: as `cast`.
        """
        return self.cast().gated(trust_value=self.trust_value)

    def cast(self) -> Cast:
        """Who is asked to play, with V asked for wherever there is one.

        Raises:
            BundleError: the bundle cannot be read.
            SettingError: the agent cannot play so, or not this task.
        """
        if self.agent in TEXT_POLICIES:
            if self.strategy is not None:
                raise SettingError(
                    f"a strategy is for a trained agent and {self.agent!r} has none; "
                    "name a bundle with --agent, or leave --strategy out"
                )
            if self.prompt is not None:
                raise SettingError(f"{self.agent!r} reads no prompt; leave --prompt out")
            return Cast(policy=self.agent, dtype=self.dtype, threads=self.threads)
        if is_plain_model(self.agent):
            return self._plain_model()
        card = read_card(self.agent)
        if not card.has_learned(self.stage.task):
            raise SettingError(
                f"{self.agent} is an agent for {card.task} and --task is {self.stage.task!r}; "
                "name the agent's own task"
            )
        if self.prompt is not None:
            raise SettingError("a bundle brings its own prompt format; leave --prompt out")
        strategy = self.strategy or ("best-of-k" if card.has_value else "greedy")
        return Cast(
            policy=self.agent,
            strategy=strategy,
            settings=tuple(sorted(self._settings(strategy, has_value=card.has_value).items())),
            device=self.device,
            dtype=self.dtype,
            threads=self.threads,
        )

    def _plain_model(self) -> Cast:
        strategy = self.strategy or "greedy"
        settings = dict(self._settings(strategy, has_value=False))
        if strategy == "best-of-k":  # without a value, its likeliest candidate is taken
            settings |= {"score": "logp"}
        return Cast(
            policy=self.agent,
            strategy=strategy,
            settings=tuple(sorted(settings.items())),
            prompt=self.prompt,
            device=self.device,
            dtype=self.dtype,
            threads=self.threads,
        )

    def _settings(self, strategy: str, *, has_value: bool) -> Mapping[str, Any]:
        STRATEGIES.check(strategy)
        if STRATEGIES.load(strategy) in SEARCHES:
            raise SettingError(
                f"{strategy} chooses among whole solutions, and play goes one reply at a time; "
                f"take best-of-k, or score it with `oreo-agent eval --strategy {strategy}`"
            )
        kept: dict[str, Any] = {"only_admissible": True} if self.only_admissible else {}
        if strategy == "greedy" and self.temperature is not None:
            raise SettingError("greedy has no temperature; take --strategy sample, or leave it out")
        temperature = 0.5 if self.temperature is None else self.temperature
        if strategy not in STRATEGIES.names():
            usual = {"k": self.k, "temperature": temperature, "values": has_value}
            return own_settings(strategy, kept, usual)
        if strategy == "best-of-k":
            return kept | {"k": self.k, "temperature": temperature}
        settings = kept | ({"values": True} if has_value else {})
        return settings if strategy == "greedy" else settings | {"temperature": temperature}


def open_session(settings: PlaySettings) -> Session:
    """The session, its first game begun.

    Raises:
        OreoError: settings, data, bundle or game are wrong.
    """
    (cast, _), stage = settings.gated(), settings.stage
    instances = stage.instances()
    if settings.instance is not None:  # a wrong id is told before a model takes time to load
        find_game(instances, settings.instance)
    player = cast.player(stage)
    works = make_plan(
        instances,
        policy=policy_identity(player),
        world=stage.world,
        episodes=None,
        seed=settings.seed,
    )
    games = [work.instance for work in works]
    keep = None if settings.record is None else Recorder(settings.record, player.prompt)
    world = stage.open(1)
    try:
        return Session(
            player=player,
            world=world,
            works=works,
            environment=stage.environment,
            step_limit=stage.limit,
            agent=_named(cast),
            first=find_game(games, settings.instance) if settings.instance is not None else 0,
            open_world=stage.open,
            keep=keep,
        )
    except BaseException:
        world.close()
        raise


def _named(cast: Cast) -> str:
    """Who plays, in words."""
    if not cast.is_model:
        return cast.policy
    told = {key: value for key, value in cast.settings if key != "values"}
    details = " ".join(f"{key}={value}" for key, value in told.items())
    return f"{Path(cast.policy).resolve().name} · {cast.strategy} {details}".rstrip()
