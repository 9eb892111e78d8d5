"""The only door to the worlds: plays many live episodes in lock-step batches.

A slot whose episode ends gets the next one at once, so that the player's batches stay full. The
observation that follows the last reply is not recorded: nobody replies to it.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from oreo_agent.agent.strategies import Decision
from oreo_agent.errors import OreoError
from oreo_agent.records.episode import End, Episode, Segment
from oreo_agent.rollouts.live import LiveEpisode, Terms, record, refusal
from oreo_agent.rollouts.plan import Work
from oreo_agent.rollouts.players import Player, View
from oreo_agent.rollouts.worlds import Begin, Fault, Scene, World
from oreo_envs.faults import BREAKS

ATTEMPTS = 3
"""An episode that broke so often is recorded as a fault."""


def _unheard(*what: object) -> None:
    """Nobody wants to know."""


@dataclass(slots=True, kw_only=True)
class Clock:
    """Where the time of a run went, in seconds."""

    deciding: float = 0.0
    """In the player: engine and strategy."""
    playing: float = 0.0
    """In the world."""


@dataclass(slots=True, kw_only=True)
class Runner:
    """One player in one world; plays one lot of works at a time."""

    world: World
    player: Player
    environment: str
    """Gymnasium id, for the record."""
    step_limit: int
    """Turns after which an unfinished episode ends with reward 0."""
    began: Callable[[Work], None] = _unheard
    """Called before an attempt at an episode."""
    turned: Callable[[], None] = _unheard
    """Called after each round of turns; may raise to stop."""
    clock: Clock = field(default_factory=Clock)
    terms: Terms = field(init=False)
    """What all its episodes have in common."""
    _live: dict[int, LiveEpisode] = field(default_factory=dict[int, LiveEpisode])
    _again: list[Work] = field(default_factory=list[Work])
    _done: list[Episode] = field(default_factory=list[Episode])
    _faults: Counter[str] = field(default_factory=Counter[str])
    _round_began: float = 0.0
    _round_size: int = 1

    def __post_init__(self) -> None:
        self.terms = Terms.of(self.player, self.environment)

    def play(self, works: Iterable[Work]) -> Iterator[Episode]:
        """Episodes in the order in which they end, one for each of ``works``.

        Raises:
            DataError: the world cannot find or read an instance.
            OreoError: the player refuses to play.
        """
        waiting = iter(works)
        while True:
            self._round_began = time.perf_counter()
            self._round_size = self.world.size
            self._fill(waiting)
            if self._live:
                self._round_size = len(self._live)
                self._turn()
            for each in self._live.values():
                each.seconds += self._share()
            self.turned()
            done, self._done = self._done, []
            if not (self._live or done or self._again):
                return
            yield from done

    def leave(self) -> None:
        """Let the player forget the episodes that are still live, if no more of them is wanted."""
        for each in self._live.values():
            self.player.close(each.session)
        self._live.clear()

    def _share(self) -> float:
        """An episode's part of the time of this round so far."""
        return (time.perf_counter() - self._round_began) / self._round_size

    def _fill(self, waiting: Iterator[Work]) -> None:
        """Begin episodes in the free slots."""
        starts: dict[int, Work] = {}
        for slot in range(self.world.size):
            if slot not in self._live:
                work = self._again.pop() if self._again else next(waiting, None)
                if work is None:
                    break
                self.began(work)
                starts[slot] = work
        if not starts:
            return
        began = time.perf_counter()
        begins = {
            slot: Begin(instance=work.instance.id, seed=work.draw(-1))
            for slot, work in starts.items()
        }
        scenes = self.world.begin(begins)
        self.clock.playing += time.perf_counter() - began
        for slot, scene in scenes.items():
            self._open(slot, starts[slot], scene)

    def _open(self, slot: int, work: Work, scene: Scene | Fault) -> None:
        if isinstance(scene, Scene):
            each = LiveEpisode(work=work, session=f"{work.id}/{self._faults[work.id]}", scene=scene)
            each.show(scene, *self.player.prompt.opening(scene.observation))
            self._live[slot] = each
        elif (refused := refusal(work, scene)) is not None:
            raise refused from scene.error
        else:
            self._broken(work, scene, [], self._share())

    def _turn(self) -> None:
        """One reply in every live episode; beginnings that are played again catch up first."""
        commands: dict[int, str] = {}
        behind = [slot for slot, each in self._live.items() if each.given is not None]
        if behind:
            for slot in behind:
                self._live[slot].repeat()
        else:
            self._end_overlong()
            decisions = self._decide()
            behind = list(decisions)
            for slot, decision in decisions.items():
                self._live[slot].act(decision, self.player.prompt)
        for slot in behind:
            if self._live[slot].cut:
                self._end(slot, "token_limit")
            else:
                commands[slot] = self._live[slot].segments[-1].command or ""
        if commands:
            self._answer(commands)

    def _answer(self, commands: dict[int, str]) -> None:
        """Let the world answer."""
        began = time.perf_counter()
        scenes = self.world.step(commands)
        self.clock.playing += time.perf_counter() - began
        for slot, scene in scenes.items():
            if isinstance(scene, Fault):
                self._fault(slot, scene)
            else:
                self._arrive(slot, scene)

    def _end_overlong(self) -> None:
        """End the episodes whose history leaves no room for a reply."""
        for slot in [slot for slot, each in self._live.items() if each.overlong(self.player)]:
            self._live[slot].forget_observation()
            self._end(slot, "token_limit")

    def _decide(self) -> dict[int, Decision]:
        """Decisions for all live episodes; where the batch breaks, each is asked alone."""
        began = time.perf_counter()
        views = {slot: each.view(self.player.prompt) for slot, each in self._live.items()}
        try:
            decisions = self.player.decide(list(views.values())) if views else []
            return dict(zip(views, decisions, strict=True))
        except OreoError:
            raise
        except BREAKS:
            return self._decide_alone(views)
        finally:
            self.clock.deciding += time.perf_counter() - began

    def _decide_alone(self, views: dict[int, View]) -> dict[int, Decision]:
        decisions: dict[int, Decision] = {}
        for slot, view in views.items():
            try:
                (decisions[slot],) = self.player.decide([view])
            except OreoError:
                raise
            except BREAKS as error:
                self._fault(slot, Fault(error=error))
        return decisions

    def _arrive(self, slot: int, scene: Scene) -> None:
        """Take in what the world answered."""
        end = self._live[slot].hear(scene, self.player.prompt, self.step_limit)
        if end is not None:
            self._end(slot, end)

    def _end(self, slot: int, end: End) -> None:
        each = self._live.pop(slot)
        self.player.close(each.session)
        self._done.append(
            record(
                self.terms,
                each.work,
                segments=each.segments,
                end=end,
                seconds=each.seconds + self._share(),
                fault=each.fault,
            )
        )

    def _fault(self, slot: int, fault: Fault) -> None:
        each = self._live.pop(slot)
        self.player.close(each.session)
        self._broken(each.work, fault, each.segments, each.seconds + self._share())

    def _broken(self, work: Work, fault: Fault, segments: list[Segment], seconds: float) -> None:
        """Play it again, or record the fault if that was the last attempt."""
        self._faults[work.id] += 1
        if self._faults[work.id] < ATTEMPTS:
            self._again.append(work)
            return
        turn = sum(segment.kind == "action" for segment in segments)
        self._done.append(
            record(
                self.terms,
                work,
                segments=segments,
                end="fault",
                seconds=seconds,
                fault=f"turn {turn}: {fault.text}",
            )
        )
