"""A score that can be compared: one agent, one strategy, the first N instances of a split."""

import importlib.metadata
import platform
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import msgspec

from oreo_agent import __version__
from oreo_agent.agent.making import SEARCHES
from oreo_agent.records.episode import Episode
from oreo_agent.rollouts.casting import Cast
from oreo_agent.rollouts.collect import keep, open_store, policy_identity, without_hopeless
from oreo_agent.rollouts.crew import play_all
from oreo_agent.rollouts.plan import Work, make_plan
from oreo_agent.rollouts.players import ModelPlayer, Player
from oreo_agent.rollouts.progress import Progress
from oreo_agent.rollouts.report import NO_ENGINE, Contract, GameResult, Report, Settings
from oreo_agent.rollouts.report_place import ReportPlace
from oreo_agent.rollouts.stage import Stage, find_task, named_faults
from oreo_envs.finding import is_environment

PACKAGES = ("gymnasium", "torch", "transformers")
"""Whose versions are part of the contract."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateSettings:
    """What is scored."""

    stage: Stage
    cast: Cast
    episodes: int | None = None
    """Games, each another instance, spread evenly over the split; None takes them all."""
    record: Path | None = None
    """A store that keeps the episodes; what it holds is not played again."""
    out: Path | None = None
    """Where the report is written."""
    overwrite: bool = False
    """Replace a report of something else that stands at ``out``."""
    seed: int = 0
    workers: int = 1


def evaluate(settings: EvaluateSettings) -> Report:
    """Play the games and add them up; the report is written where ``out`` says.

    Raises:
        OreoError: settings, data, bundle or store are wrong, or nothing can be played. Also where
            another report has come to ``out`` meanwhile: then this one is kept beside it.
    """
    stage = settings.stage
    instances = stage.instances()
    player = settings.cast.player(stage)
    contract = _contract(settings, player)
    works = make_plan(
        instances,
        policy=policy_identity(player),
        world=stage.world,
        episodes=settings.episodes,
        seed=settings.seed,
    )
    who = _who(settings.cast, player)
    place = None
    if settings.out is not None:
        place = ReportPlace(
            out=settings.out,
            contract=contract,
            settings=who,
            instances={work.instance.id for work in works},
            overwrite=settings.overwrite,
        )
        place.check()
    episodes = _episodes(settings, player, works)
    report = Report(
        contract=contract,
        settings=who,
        games=tuple(_result(episodes[work.id]) for work in works),
    )
    if place is not None:
        place.keep(report)
    return report


def _episodes(
    settings: EvaluateSettings, player: Player, works: Sequence[Work]
) -> dict[str, Episode]:
    """Every work's episode by id, from the store or played now."""
    if settings.record is None:
        episodes: dict[str, Episode] = {}
        with _played(settings, player, works) as playing, Progress(len(works)) as progress:
            for episode in without_hopeless(playing):
                episodes[episode.id] = episode
                progress.add(episode)
        return episodes
    with open_store(settings.record, player) as store:
        there = set(store.listed())
        missing = [work for work in works if work.id not in there]
        progress = Progress(len(works), already=len(works) - len(missing))
        with _played(settings, player, missing) as playing, progress:
            keep(store, without_hopeless(playing), progress)
        return {work.id: store.get(work.id) for work in works}


def _played(
    settings: EvaluateSettings, player: Player, works: Sequence[Work]
) -> "closing[Generator[Episode]]":
    """The episodes as they end; left early, nothing goes on playing."""
    return closing(play_all(settings.stage, settings.cast, player, works, settings.workers))


def _contract(settings: EvaluateSettings, player: Player) -> Contract:
    """All that another score must share to be compared with this one."""
    stage, prompt = settings.stage, player.prompt
    task, own = find_task(stage.task), is_environment(stage.task)
    with named_faults(f"task {stage.task}, split {stage.split}", own=own):
        data = task.fingerprint(stage.split, stage.data)
    return Contract(
        task=stage.task,
        environment=stage.environment,
        split=stage.split,
        data=data,
        prompt=prompt.name,
        # as it will be read back: JSON knows no tuples
        prompt_settings=msgspec.json.decode(msgspec.json.encode(prompt.settings())),
        admissible_shown=not settings.cast.is_model,
        only_admissible=isinstance(player, ModelPlayer)
        and bool(getattr(player.agent.strategy, "only_admissible", False)),
        step_limit=stage.limit,
        reply_token_limit=prompt.max_reply_tokens,
        seed=settings.seed,
        engine=settings.cast.engine if settings.cast.is_model else NO_ENGINE,
        versions=_versions(settings.cast.engine),
    )


def _versions(engine: str) -> dict[str, str]:
    """Of what decides how a game goes."""
    found = {
        "oreo_agent": __version__,
        "python": ".".join(platform.python_version_tuple()[:2]),
        **{name: importlib.metadata.version(name) for name in PACKAGES},
    }
    if engine not in found:  # engines are named for their libraries, distributions not always
        found[engine] = import_module(engine).__version__
    return found


def _who(cast: Cast, player: Player) -> Settings:
    """Who played and how it decided."""
    if not isinstance(player, ModelPlayer):
        epsilon = f"epsilon={cast.epsilon:g}" if cast.epsilon else ""
        return Settings(agent=cast.policy, strategy=epsilon)
    strategy = player.agent.strategy
    score, weight = getattr(strategy, "score", ""), getattr(strategy, "weight", 0.0)
    by_value = "value" in (score, cast.forbidden)
    return Settings(
        agent=cast.policy,
        fingerprint=player.policy.fingerprint,
        strategy=cast.strategy_name,
        k=getattr(strategy, "k", 1),
        temperature=getattr(strategy, "temperature", None),
        score=score,
        logp_weight=weight if by_value else 0.0,
        own_weight=by_value
        and isinstance(strategy, SEARCHES)
        and "weight" not in dict(cast.settings),
        dtype=cast.dtype,
        forbidden=cast.forbidden,
    )


def _result(episode: Episode) -> GameResult:
    """How a game went; a fault counts as not won."""
    replies = [segment for segment in episode.segments if segment.kind == "action"]
    judged = [reply.valid for reply in replies if reply.valid is not None]
    decisions = [reply.decision for reply in replies if reply.decision is not None]
    return GameResult(
        instance=episode.instance,
        task_type=episode.task_type,
        won=episode.end == "won",
        reward=episode.reward,
        steps=episode.steps,
        valid=sum(judged) / episode.steps if episode.steps else 1.0,
        tokens=episode.tokens,
        seconds=episode.seconds,
        end=episode.end,
        fault=episode.reason,
        policy_tokens=episode.drawn,
        value_tokens=sum(decision.value_tokens for decision in decisions),
    )
