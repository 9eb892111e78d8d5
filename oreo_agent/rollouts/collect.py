"""Many episodes into a store, resumable: what the store holds is not played again."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from oreo_agent.errors import EnvironmentFault, SettingError
from oreo_agent.records.episode import Episode
from oreo_agent.records.reader import policy_name
from oreo_agent.records.store import Store
from oreo_agent.rollouts.branches import Branching, make_branch_plan
from oreo_agent.rollouts.casting import Cast
from oreo_agent.rollouts.crew import play_all
from oreo_agent.rollouts.plan import Work, make_plan
from oreo_agent.rollouts.players import Player
from oreo_agent.rollouts.progress import Progress
from oreo_agent.rollouts.stage import Stage

HOPELESS = 10
"""So many faults without one episode that could be played stop a run; none of them is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectSettings:
    """What is collected, and where it goes."""

    out: Path
    """Folder of the store; a store that is there is continued."""
    stage: Stage = field(default_factory=Stage)
    cast: Cast = field(default_factory=Cast)
    episodes: int | None = None
    """In all; None takes every instance ``repeats`` times."""
    repeats: int = 1
    """Episodes an instance."""
    branching: Branching | None = None
    """Branch from stored episodes; ``episodes`` and ``repeats`` have no meaning then."""
    seed: int = 0
    workers: int = 1
    """Processes that play, each with an engine of its own."""

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise SettingError(f"the number of workers must be 1 or more, got {self.workers}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeRow:
    """The store's episodes of one task type."""

    task_type: str
    episodes: int
    won: int
    faults: int
    steps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectSummary:
    """What a run did, and what the store holds now."""

    out: str
    planned: int
    already: int
    """Of those planned, in the store before."""
    played: int
    won: int
    faults: int
    reasons: dict[str, int]
    """Of this run's faults, how often each."""
    tokens: int
    seconds: float
    by_type: tuple[TypeRow, ...]
    """Of all that the store holds."""

    def plain(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)


def collect(settings: CollectSettings) -> CollectSummary:
    """Play what the store does not hold yet of the plan that the settings make.

    Raises:
        OreoError: settings, data, bundle or store are wrong, or nothing can be played; what was
            played before stays in the store.
    """
    stage = settings.stage
    player = settings.cast.player(stage)
    works = _plan(settings, player)
    with open_store(settings.out, player) as store:
        there = set(store.listed())
        missing = [work for work in works if work.id not in there]
        progress = Progress(len(works), already=len(works) - len(missing))
        playing = play_all(stage, settings.cast, player, missing, settings.workers)
        with progress, closing(playing) as episodes:
            keep(store, without_hopeless(episodes), progress)
        rows = _rows(store)
    return CollectSummary(
        out=str(settings.out),
        planned=len(works),
        already=progress.already,
        played=progress.played,
        won=progress.won,
        faults=progress.faults,
        reasons=dict(progress.reasons),
        tokens=progress.tokens,
        seconds=progress.seconds,
        by_type=rows,
    )


def _plan(settings: CollectSettings, player: Player) -> list[Work]:
    stage, policy = settings.stage, policy_identity(player)
    if settings.branching is None:
        return make_plan(
            stage.instances(),
            policy=policy,
            world=stage.world,
            episodes=settings.episodes,
            repeats=settings.repeats,
            seed=settings.seed,
        )
    if settings.episodes is not None or settings.repeats != 1:
        raise SettingError(
            "how many episodes branch follows from states, actions and continuations; "
            "leave --episodes and --repeats out"
        )
    if settings.out.resolve() == settings.branching.source.resolve():
        raise SettingError(
            f"{settings.out} cannot branch into itself: which states it takes would change as it "
            "grows; name another --out"
        )
    return make_branch_plan(
        settings.branching,
        stage.instances(),
        player,
        policy=policy,
        world=stage.world,
        step_limit=stage.limit,
        seed=settings.seed,
    )


def policy_identity(player: Player) -> str:
    """Tells a player from all that may play otherwise; begins with its kind."""
    return f"{policy_name(player.policy)} {player.policy.fingerprint}"


def open_store(folder: Path, player: Player) -> Store:
    """The store for a player's episodes, made if it is not there."""
    prompt = player.prompt
    return Store.create(
        folder,
        prompt=prompt.name,
        tokenizer=prompt.tokenizer_fingerprint,
        settings=prompt.settings(),
    )


def keep(store: Store, episodes: Iterable[Episode], progress: Progress) -> None:
    """Store episodes as they come; ``progress`` hears of those that are on disk."""
    pending: dict[str, Episode] = {}

    def told() -> None:
        for name in store.take_committed():
            progress.add(pending.pop(name))

    for episode in episodes:
        pending[episode.id] = episode
        store.append(episode)
        told()
    store.flush()
    told()


def without_hopeless(episodes: Iterable[Episode]) -> Iterator[Episode]:
    """The same episodes; the first faults are held back until one episode could be played.

    Raises:
        EnvironmentFault: the first `HOPELESS` episodes were faults.
    """
    held: list[Episode] = []
    hopeful = False
    for episode in episodes:
        if episode.end == "fault" and not hopeful:
            held.append(episode)
            if len(held) >= HOPELESS:
                raise EnvironmentFault(
                    f"the first {len(held)} episodes all broke, the last one "
                    f"({episode.task}, {episode.instance}) at {episode.fault}; mend that, then "
                    "run the same command again (nothing was stored)"
                )
            continue
        hopeful = True
        yield from held
        held = []
        yield episode
    yield from held


def _rows(store: Store) -> tuple[TypeRow, ...]:
    """The store's table by task type."""
    table: dict[str, list[int]] = {}
    for row in store.summary():
        counts = (row.episodes, row.wins, row.faults, row.steps)
        sums = table.get(row.task_type, [0, 0, 0, 0])
        table[row.task_type] = [a + b for a, b in zip(sums, counts, strict=True)]
    return tuple(
        TypeRow(task_type=name, episodes=n, won=won, faults=faults, steps=steps)
        for name, (n, won, faults, steps) in sorted(table.items())
    )
