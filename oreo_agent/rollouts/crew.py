"""Who does the playing: this process, or a crew of worker processes.

A worker has an engine, a world and a share of the works; it sends finished episodes home, where the
only writer is. A worker that dies is replaced. The episodes it was playing are suspects: its
successor plays them one at a time, so that the next death names the episode that kills.
"""

import multiprocessing
import os
import signal
from collections import Counter, deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from threading import Thread
from typing import Any

from oreo_agent.agent.engines import ONE_PROCESS
from oreo_agent.errors import EnvironmentFault, OreoError, SettingError
from oreo_agent.records.episode import Episode, decode, encode
from oreo_agent.rollouts.casting import Cast
from oreo_agent.rollouts.live import Terms, record
from oreo_agent.rollouts.plan import Work
from oreo_agent.rollouts.players import Player
from oreo_agent.rollouts.runner import ATTEMPTS, Runner
from oreo_agent.rollouts.stage import Stage


def play(stage: Stage, player: Player, works: Sequence[Work]) -> Iterator[Episode]:
    """Play works in this process; episodes come in the order in which they end.

    Raises:
        OreoError: the world or the player refuses.
    """
    if not works:
        return
    with closing(stage.open(min(stage.live, len(works)))) as world:
        runner = Runner(
            world=world, player=player, environment=stage.environment, step_limit=stage.limit
        )
        yield from runner.play(works)


@dataclass(frozen=True, slots=True)
class _Share:
    """Works for one worker."""

    works: tuple[Work, ...]
    live: int
    """Episodes at a time."""


@dataclass(slots=True, kw_only=True)
class _Worker:
    """A process, seen from home."""

    process: BaseProcess
    pipe: "Connection[Any, Any]"
    waiting: deque[_Share]
    """Shares that it has not been sent."""
    open: dict[str, Work] = field(default_factory=dict[str, Work])
    """Works that it was sent and has not sent back."""
    begun: set[str] = field(default_factory=set[str])
    """Those of them that it is playing."""
    live: int = 1
    """Episodes that it plays at a time."""


def play_all(
    stage: Stage, cast: Cast, player: Player, works: Sequence[Work], workers: int
) -> Generator[Episode]:
    """Play works here by ``player``, or in several processes by players of the same ``cast``.

    Raises:
        OreoError: the world or the player refuses.
        EnvironmentFault: workers die before they play anything.
    """
    if workers < 1:
        raise SettingError(f"the number of workers must be 1 or more, got {workers}")
    if workers > 1 and cast.engine in ONE_PROCESS:
        raise SettingError(f"{cast.engine} fills the machine from one process; take --workers 1")
    stage.prepare([work.instance.id for work in works])
    if workers == 1:
        yield from play(stage, player, works)
        return
    crew = Crew(stage, cast, Terms.of(player, stage.environment))
    try:
        yield from crew.play(works, workers)
    finally:
        crew.dismiss()


class Crew:
    """Worker processes and what each has to do."""

    def __init__(self, stage: Stage, cast: Cast, terms: Terms) -> None:
        """Play ``cast`` on ``stage``; nothing is started yet."""
        self._stage, self._cast, self._terms = stage, cast, terms
        self._workers: list[_Worker] = []
        self._deaths: Counter[str] = Counter()
        self._barren = 0
        """Deaths in a row of workers that had begun nothing."""

    def play(self, works: Sequence[Work], workers: int) -> Iterator[Episode]:
        """Share the works out, and pass on what comes home."""
        for first in range(min(workers, len(works))):
            self._hire([_Share(tuple(works[first::workers]), self._stage.live)])
        while self._workers:
            pipes: dict[Any, _Worker] = {worker.pipe: worker for worker in self._workers}
            for pipe in wait(list(pipes)):
                yield from self._hear(pipes[pipe])

    def dismiss(self) -> None:
        """End every worker, whatever it is doing."""
        for worker in self._workers:
            worker.process.terminate()
        for worker in self._workers:
            worker.process.join()
            worker.pipe.close()
        self._workers = []

    def _hire(self, shares: Sequence[_Share]) -> None:
        context = multiprocessing.get_context("spawn")
        here, there = context.Pipe()
        process = context.Process(
            target=_labour, args=(there, self._stage, self._cast), daemon=True
        )
        process.start()
        there.close()  # the worker's own copy is then the last: it closes when the worker dies
        self._workers.append(_Worker(process=process, pipe=here, waiting=deque(shares)))

    def _hear(self, worker: _Worker) -> Iterator[Episode]:
        """One message of a worker, or its death."""
        try:
            kind, what = worker.pipe.recv()
        except (EOFError, OSError):
            yield from self._mourn(worker)
            return
        if kind == "begun":
            worker.begun.add(what)
        elif kind == "done":
            episode = decode(what)
            self._barren = 0
            worker.begun.discard(episode.id)
            worker.open.pop(episode.id)
            yield episode
        elif kind == "refused":
            raise what
        elif worker.waiting:
            share = worker.waiting.popleft()
            worker.open = {work.id: work for work in share.works}
            worker.live = share.live
            self._tell(worker, share)
        else:
            self._tell(worker, None)
            self._leave(worker)

    def _tell(self, worker: _Worker, share: _Share | None) -> None:
        with suppress(OSError):  # it has died; the next message we read from it is its end
            worker.pipe.send(share)

    def _leave(self, worker: _Worker) -> None:
        worker.process.join()
        worker.pipe.close()
        self._workers.remove(worker)

    def _mourn(self, worker: _Worker) -> Iterator[Episode]:
        """Replace a dead worker; what it was playing comes first, one episode at a time."""
        self._leave(worker)
        told = f"the worker process died ({_how(worker.process.exitcode)})"
        self._barren = 0 if worker.begun else self._barren + 1
        if self._barren >= ATTEMPTS:
            raise EnvironmentFault(
                f"{told} before it played anything, {ATTEMPTS} times; "
                "run with --workers 1 to see why"
            )
        suspects: list[Work] = []
        for name in sorted(worker.begun):
            work = worker.open.pop(name)
            self._deaths[name] += 1
            if self._deaths[name] < ATTEMPTS:
                suspects.append(work)
            else:
                yield record(self._terms, work, segments=[], end="fault", seconds=0.0, fault=told)
        rest = _Share(tuple(worker.open.values()), worker.live)
        shares = [_Share(tuple(suspects), 1), rest, *worker.waiting]
        shares = [share for share in shares if share.works]
        if shares:
            self._hire(shares)


def _labour(home: "Connection[Any, Any]", stage: Stage, cast: Cast) -> None:
    """What a worker does: play the shares that it is sent, until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends us
    Thread(target=_follow, daemon=True).start()
    try:
        player = cast.player(stage)
        home.send(("idle", None))
        while (share := home.recv()) is not None:
            _play_share(home, stage, player, share)
            home.send(("idle", None))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass  # nobody is at home any more
    except OreoError as error:
        home.send(("refused", error))
    except KeyboardInterrupt:  # a world's own: it dies like one that leaves, without a traceback
        raise SystemExit(128 + signal.SIGINT) from None


def _follow() -> None:
    """End this process when its parent is gone, whatever the world is doing."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _play_share(home: "Connection[Any, Any]", stage: Stage, player: Player, share: _Share) -> None:
    with closing(stage.open(min(share.live, len(share.works)))) as world:
        runner = Runner(
            world=world,
            player=player,
            environment=stage.environment,
            step_limit=stage.limit,
            began=lambda work: home.send(("begun", work.id)),
        )
        for episode in runner.play(share.works):
            home.send(("done", encode(episode)))


def _how(code: int | None) -> str:
    if code is None or code >= 0:
        return f"exit code {code}"
    return f"signal {signal.Signals(-code).name}"
