"""One attempt at a game: the history as it grows, and what the world says to it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from oreo_agent.agent.strategies import Candidate, Decision
from oreo_agent.errors import EnvironmentFault, SettingError
from oreo_agent.player.snapshot import Move, told_apart
from oreo_agent.records.episode import End, Episode, PolicyRecord
from oreo_agent.rollouts.live import LiveEpisode, Terms, record, refusal
from oreo_agent.rollouts.plan import Work, digest
from oreo_agent.rollouts.players import Player
from oreo_agent.rollouts.worlds import Begin, Fault, Scene, World

_SLOT = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """How the game stands after a reply, and what the world answered."""

    end: End | None
    observation: str = ""
    valid: bool | None = None
    """Whether the world admitted the command; None if it does not tell."""
    verdict: str = ""
    """What a verifier says of a solution that is over."""
    trouble: str = ""
    """What broke."""


class Attempt:
    """A work that was begun in slot 0 of a world."""

    def __init__(
        self, work: Work, *, player: Player, world: World, step_limit: int, session: str
    ) -> None:
        """Enter the world.

        Args:
            work: what is played, with its seeds.
            player: whose prompt format tells the history.
            world: its slot 0 is taken.
            step_limit: turns after which an unfinished game ends.
            session: names this attempt.

        Raises:
            OreoError: the game cannot be played.
        """
        instance = work.instance
        began = time.perf_counter()
        start = Begin(instance=instance.id, seed=work.draw(-1))
        scene = world.begin({_SLOT: start})[_SLOT]
        if isinstance(scene, Fault):
            raise (
                refusal(work, scene)
                or EnvironmentFault(
                    f"{instance.task} {instance.split}: instance {instance.id!r} broke as it was "
                    f"begun: {scene.text}; try it again, or play another"
                )
            ) from scene.error
        self._work, self._world, self._prompt = work, world, player.prompt
        self._step_limit = step_limit
        self.live = LiveEpisode(work=work, session=session, scene=scene)
        self.live.show(scene, *self._prompt.opening(scene.observation))
        self.live.seconds += time.perf_counter() - began
        self.goal, self.opening = told_apart(scene.observation)

    def say(self, decision: Decision) -> Heard:
        """Give the world the reply that was chosen; of several steps one after the other."""
        live = self.live
        live.act(decision, self._prompt)
        heard = self._sent()
        while heard.end is None and live.given is not None:
            live.repeat()
            heard = self._sent()
        return heard

    def episode(
        self, terms: Terms, moves: Sequence[Move], end: End | None, trouble: str
    ) -> Episode:
        """The record; of a game that a person had a hand in it is the person's.

        Args:
            terms: what the record says of every game.
            moves: that were played.
            end: None for a game that was left. It is recorded as a fault: nobody learns from it.
            trouble: what broke.
        """
        work = self._work
        if any(move.by == "you" for move in moves):
            name = digest(work.id, *(move.option.command for move in moves), end)
            work = replace(work, id=f"{work.instance.task}-person-{name:016x}")
            policy = PolicyRecord(kind="person", fingerprint=terms.policy.fingerprint)
            terms = replace(terms, policy=policy)
        elif end is None:
            work = replace(work, id=f"{work.id}-left-{len(moves)}")
        return record(
            terms,
            work,
            segments=self.live.segments,
            end=end or "fault",
            seconds=self.live.seconds,
            fault=trouble if end else f"left by the player after turn {len(moves)}",
        )

    def _sent(self) -> Heard:
        live = self.live
        if live.cut:  # neither sent nor graded
            return Heard(end="token_limit")
        began = time.perf_counter()
        scene = self._world.step({_SLOT: live.segments[-1].command or ""})[_SLOT]
        live.seconds += time.perf_counter() - began
        if isinstance(scene, Fault):
            return Heard(end="fault", trouble=scene.text)
        end = live.hear(scene, self._prompt, self._step_limit)
        return _told(end, scene, live.fault)


def _told(end: End | None, scene: Scene, fault: str) -> Heard:
    valid = scene.info.get("valid")
    return Heard(
        end=end,
        observation=scene.observation,
        valid=None if valid is None else bool(valid),
        verdict=str(scene.info.get("verdict", "")),
        trouble=fault if end == "fault" else "",
    )


def proposed(
    player: Player, live: LiveEpisode, decision: Decision, typed: str
) -> tuple[int | None, Candidate]:
    """What a person typed as a candidate, with its index if the agent has thought of it as well.

    Raises:
        SettingError: nothing is typed, or the agent's prompt format cannot say it.
    """
    typed = " ".join(typed.split())
    if not typed:
        raise SettingError("nothing is typed; name a command of the world")
    told = [candidate.command for candidate in decision.candidates]
    near = [command.strip() for command in told]  # a step of a solution closes with white space
    if typed in near:
        return near.index(typed), decision.candidates[near.index(typed)]
    steps = player.prompt.steps
    command = typed if steps is None else f"{typed}{steps.delimiters[0]}"
    said = player.appraise(live.view(player.prompt), command)
    if said.command not in told:
        return None, said
    return told.index(said.command), decision.candidates[told.index(said.command)]
