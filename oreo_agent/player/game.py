"""One game, live in its world, with a person beside the agent.

The seeds, the history and the record are those of `oreo_agent.rollouts.runner`: a game that nobody
interferes with is the episode that `oreo-agent rollout` would store.
"""

import time
from dataclasses import replace

from oreo_agent.agent.strategies import Decision
from oreo_agent.errors import EnvironmentFault, OreoError, SettingError
from oreo_agent.player.attempt import Attempt, proposed
from oreo_agent.player.snapshot import (
    By,
    Move,
    Option,
    Snapshot,
    option,
    options,
    policy_shares,
    standing,
)
from oreo_agent.player.what_if import Question
from oreo_agent.records.episode import End, Episode
from oreo_agent.rollouts.live import Terms
from oreo_agent.rollouts.plan import Work
from oreo_agent.rollouts.players import Player
from oreo_agent.rollouts.worlds import Fault, World
from oreo_envs.faults import BREAKS


class Game:
    """A work that is played in slot 0 of a world; `begin` comes first."""

    def __init__(
        self, work: Work, *, player: Player, world: World, terms: Terms, step_limit: int
    ) -> None:
        """Nothing is begun yet.

        Args:
            work: what is played, with its seeds.
            player: the agent that decides.
            world: its slot 0 is taken.
            terms: what the record says of every game.
            step_limit: turns after which an unfinished game ends.
        """
        self.work = work
        self.end: End | None = None
        """How the game ended; None while it goes on."""
        self._player, self._world, self._terms = player, world, terms
        self._step_limit = step_limit
        self._attempt: Attempt | None = None
        self._verdict, self._trouble = "", ""
        self._moves: list[Move] = []
        self._played: list[Decision] = []
        """What each move chose, and from what."""
        self._values: list[float] = []
        self._chances: list[float] = []
        self._decision: Decision | None = None

    @property
    def turns(self) -> int:
        """Moves so far."""
        return len(self._moves)

    def begin(self, session: str) -> None:
        """Enter the world and let the agent think about the first turn.

        Args:
            session: names this attempt at the game.

        Raises:
            OreoError: the game cannot be played; it has ended in a fault then.
        """
        self._enter(session)
        self._decide()

    def begin_as(self, other: "Game", turns: int, session: str) -> None:
        """Play the first moves of another game of the same work again, then think on.

        Args:
            other: whose moves are played.
            turns: how many of them.
            session: names this attempt at the game.

        Raises:
            OreoError: the game cannot be played, or the world does not answer as it did.
        """
        live = self._enter(session).live
        for decision, move in zip(other._played[:turns], other._moves, strict=False):
            self._player.retold(live.view(self._player.prompt), decision.choice.command)
            self._note(decision.value, decision.probability)
            end = self._play(decision, move.by)
            if end is not None or self._moves[-1].observation != move.observation:
                self.end, self._trouble = "fault", "the world did not repeat itself"
                raise EnvironmentFault(
                    f"{self.work.instance.id}, turn {move.turn}: the world answers otherwise than "
                    "it did, so no earlier turn can be gone back to; play the game anew"
                )
        self._decide()

    def snapshot(self, *, agent: str, place: int, games: int) -> Snapshot:
        """The game as it stands.

        Args:
            agent: who plays, in words.
            place: among the session's games, from 1.
            games: number of the session's games.
        """
        instance, attempt, decision = self.work.instance, self._attempt, self._decision
        live = attempt.live if attempt is not None else None
        info = live.scene.info if live is not None else {}
        probability = decision.probability if decision is not None else None
        known = [move.probability for move in self._moves] + [probability]
        return Snapshot(
            agent=agent,
            task=instance.task,
            split=instance.split,
            instance=instance.id,
            task_type=instance.task_type,
            game=place,
            games=games,
            goal=attempt.goal if attempt is not None else "",
            opening=attempt.opening if attempt is not None else "",
            moves=tuple(self._moves),
            options=options(decision, info) if decision is not None else (),
            chosen=decision.chosen if decision is not None else 0,
            value=decision.value if decision is not None else None,
            values=tuple(self._values),
            probability=probability,
            chances=tuple(self._chances),
            calibrated=any(each is not None for each in known),
            solution=self._player.prompt.steps is not None,
            verdict=self._verdict,
            admissible=tuple(info.get("admissible_commands", ())) if self.end is None else (),
            step_limit=self._step_limit,
            end=self.end,
            trouble=self._trouble,
            tokens=len(live.ids) if live is not None else 0,
            seconds=live.seconds if live is not None else 0.0,
        )

    def step(self) -> None:
        """Take the agent's choice; nothing if the game is over."""
        if self._decision is not None:
            self._go_on(self._decision, "agent")

    def take(self, number: int) -> None:
        """Take a candidate in the agent's place.

        Args:
            number: 1 for the first.

        Raises:
            SettingError: there is no such candidate.
        """
        decision = self._awaited()
        if not 1 <= number <= len(decision.candidates):
            raise SettingError(
                f"there is no candidate {number}; there are {len(decision.candidates)}"
            )
        if number - 1 == decision.chosen:
            self._go_on(decision, "agent")
        else:
            self._go_on(replace(decision, strategy="person", chosen=number - 1), "you")

    def appraise(self, command: str) -> Option:
        """What a command of one's own would be worth; plays nothing.

        Raises:
            SettingError: the agent's prompt format cannot say it, or the game is over.
        """
        decision = self._awaited()
        number, said = proposed(self._player, self._begun.live, decision, command)
        info = self._begun.live.scene.info
        if number is not None:
            return options(decision, info)[number]
        share = policy_shares((*decision.candidates, said))[-1]
        return option(said, share=share, info=info)

    def act(self, command: str) -> None:
        """Play a command of one's own.

        Raises:
            SettingError: the agent's prompt format cannot say it, or the game is over.
        """
        decision = self._awaited()
        number, said = proposed(self._player, self._begun.live, decision, command)
        if number is not None:
            self.take(number + 1)
            return
        candidates = (*decision.candidates, said)
        chosen = len(decision.candidates)
        self._go_on(
            replace(decision, strategy="person", chosen=chosen, candidates=candidates), "you"
        )

    def question(self, replies: int, games: int) -> Question:
        """What `what_if` is asked of the turn to come.

        Args:
            replies: different ones that are tried, at most.
            games: played from each.

        Raises:
            SettingError: the game is over, or a number is below 1.
        """
        decision, live = self._awaited(), self._begun.live
        return Question(
            work=self.work,
            segments=tuple(live.segments),
            view=live.view(self._player.prompt),
            decision=decision,
            replies=replies,
            games=games,
        )

    def episode(self) -> Episode:
        """The record of the game; one that was left before its end is a fault's.

        Raises:
            SettingError: nothing has been played.
        """
        if self._attempt is None or not (self._moves or self.end):
            raise SettingError("nothing has been played; play a turn first")
        return self._attempt.episode(self._terms, self._moves, self.end, self._trouble)

    def close(self) -> None:
        """Let the agent forget the game."""
        if self._attempt is not None:
            self._player.close(self._attempt.live.session)

    def _enter(self, session: str) -> Attempt:
        try:
            self._attempt = Attempt(
                self.work,
                player=self._player,
                world=self._world,
                step_limit=self._step_limit,
                session=session,
            )
        except OreoError as error:
            self.end, self._trouble = "fault", str(error)
            raise
        return self._attempt

    @property
    def _begun(self) -> Attempt:
        assert self._attempt is not None, "begin comes first"
        return self._attempt

    def _awaited(self) -> Decision:
        if self._decision is None:
            raise SettingError("the game is over; begin it anew, or play the next one")
        return self._decision

    def _decide(self) -> None:
        """Let the agent think about the turn to come."""
        live = self._begun.live
        self._decision = None
        if live.overlong(self._player):
            live.forget_observation()
            self.end = "token_limit"
            return
        began = time.perf_counter()
        try:
            (self._decision,) = self._player.decide([live.view(self._player.prompt)])
        except OreoError as error:
            self.end, self._trouble = "fault", str(error)
            raise
        except BREAKS as error:  # what breaks in a player ends the game, not the session
            self.end, self._trouble = "fault", Fault(error=error).text
        finally:
            live.seconds += time.perf_counter() - began
        if self._decision is not None:
            self._note(self._decision.value, self._decision.probability)

    def _go_on(self, decision: Decision, by: By) -> None:
        """Act on a decision, then think about the next turn."""
        self.end = self._play(decision, by)
        if by == "you":
            self._player.replaced(self._begun.live.session, decision.choice.command)
        if self.end is None:
            self._decide()
        else:
            self._decision = None
            self._note(decision.choice.value, decision.choice.probability)

    def _play(self, decision: Decision, by: By) -> End | None:
        """Act on a decision and hear the world; tells how the game ended."""
        shown = options(decision, self._begun.live.scene.info)
        heard = self._begun.say(decision)
        self._verdict, self._trouble = heard.verdict, heard.trouble
        self._played.append(decision)
        self._moves.append(
            Move(
                turn=len(self._moves) + 1,
                option=shown[decision.chosen],
                by=by,
                observation=heard.observation,
                value=decision.value,
                probability=decision.probability,
                valid=heard.valid,
                options=shown,
            )
        )
        return heard.end

    def _note(self, value: float | None, probability: float | None) -> None:
        """Remember where the game stands, for those who look back."""
        chance = standing(value, probability)
        if value is not None and chance is not None:
            self._values.append(value)
            self._chances.append(chance)
