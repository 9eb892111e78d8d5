"""One game, live in its world, with a person beside the agent.

The seeds, the history and the record are those of `oreo_agent.rollouts.runner`: a game that nobody
interferes with is the episode that `oreo-agent rollout` would store.
"""

import time
from dataclasses import replace

from oreo_agent.agent.strategies import Candidate, Decision
from oreo_agent.errors import EnvironmentFault, OreoError, SettingError
from oreo_agent.player.snapshot import (
    By,
    Move,
    Option,
    Snapshot,
    option,
    options,
    policy_shares,
    told_apart,
)
from oreo_agent.records.episode import End, Episode, PolicyRecord
from oreo_agent.rollouts.live import LiveEpisode, Terms, record, refusal
from oreo_agent.rollouts.plan import Work, digest
from oreo_agent.rollouts.players import Player
from oreo_agent.rollouts.worlds import Begin, Fault, Scene, World

_SLOT = 0


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
        self._live: LiveEpisode | None = None
        self._goal, self._opening, self._trouble = "", "", ""
        self._moves: list[Move] = []
        self._values: list[float] = []
        self._decision: Decision | None = None

    def begin(self, session: str) -> None:
        """Enter the world and let the agent think about the first turn.

        Args:
            session: names this attempt at the game.

        Raises:
            OreoError: the game cannot be played; it has ended in a fault then.
        """
        instance = self.work.instance
        began = time.perf_counter()
        start = Begin(instance=instance.id, seed=self.work.draw(-1))
        scene = self._world.begin({_SLOT: start})[_SLOT]
        if isinstance(scene, Fault):
            error = refusal(self.work, scene) or EnvironmentFault(
                f"{instance.task} {instance.split}: instance {instance.id!r} broke as it was "
                f"begun: {scene.text}; try it again, or play another"
            )
            self.end, self._trouble = "fault", str(error)
            raise error from scene.error
        live = LiveEpisode(work=self.work, session=session, scene=scene)
        live.show(scene, *self._player.prompt.opening(scene.observation))
        live.seconds += time.perf_counter() - began
        self._live = live
        self._goal, self._opening = told_apart(scene.observation)
        self._decide()

    def snapshot(self, *, agent: str, place: int, games: int) -> Snapshot:
        """The game as it stands.

        Args:
            agent: who plays, in words.
            place: among the session's games, from 1.
            games: number of the session's games.
        """
        instance, live, decision = self.work.instance, self._live, self._decision
        info = live.scene.info if live is not None else {}
        return Snapshot(
            agent=agent,
            task=instance.task,
            split=instance.split,
            instance=instance.id,
            task_type=instance.task_type,
            game=place,
            games=games,
            goal=self._goal,
            opening=self._opening,
            moves=tuple(self._moves),
            options=options(decision, info) if decision is not None else (),
            chosen=decision.chosen if decision is not None else 0,
            value=decision.value if decision is not None else None,
            values=tuple(self._values),
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
            self._play(self._decision, "agent")

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
            self._play(decision, "agent")
        else:
            self._play(replace(decision, strategy="person", chosen=number - 1), "you")

    def appraise(self, command: str) -> Option:
        """What a command of one's own would be worth; plays nothing.

        Raises:
            SettingError: the agent's prompt format cannot say it, or the game is over.
        """
        decision = self._awaited()
        number, said = self._proposed(decision, command)
        assert self._live is not None
        if number is not None:
            return options(decision, self._live.scene.info)[number]
        share = policy_shares((*decision.candidates, said))[-1]
        return option(said, before=decision.value, share=share, info=self._live.scene.info)

    def act(self, command: str) -> None:
        """Play a command of one's own.

        Raises:
            SettingError: the agent's prompt format cannot say it, or the game is over.
        """
        decision = self._awaited()
        number, said = self._proposed(decision, command)
        if number is not None:
            self.take(number + 1)
            return
        candidates = (*decision.candidates, said)
        chosen = len(decision.candidates)
        self._play(
            replace(decision, strategy="person", chosen=chosen, candidates=candidates), "you"
        )

    def episode(self) -> Episode:
        """The record of a game that is over; one that a person had a hand in is the person's.

        Raises:
            SettingError: the game still goes on.
        """
        live, work, terms = self._live, self.work, self._terms
        if live is None or self.end is None:
            raise SettingError("the game is not over; play it to its end first")
        if any(move.by == "you" for move in self._moves):
            name = digest(work.id, *(move.option.command for move in self._moves))
            work = replace(work, id=f"{work.instance.task}-person-{name:016x}")
            policy = PolicyRecord(kind="person", fingerprint=terms.policy.fingerprint)
            terms = replace(terms, policy=policy)
        return record(
            terms,
            work,
            segments=live.segments,
            end=self.end,
            seconds=live.seconds,
            fault=self._trouble,
        )

    def close(self) -> None:
        """Let the agent forget the game."""
        if self._live is not None:
            self._player.close(self._live.session)

    def _awaited(self) -> Decision:
        if self._decision is None:
            raise SettingError("the game is over; begin it anew, or play the next one")
        return self._decision

    def _proposed(self, decision: Decision, command: str) -> tuple[int | None, Candidate]:
        """A command as a candidate, with its index if the agent has thought of it as well."""
        assert self._live is not None
        commands = [candidate.command for candidate in decision.candidates]
        command = " ".join(command.split())
        if not command:
            raise SettingError("nothing is typed; name a command of the world")
        if command not in commands:
            said = self._player.appraise(self._live.view(self._player.prompt), command)
            if said.command not in commands:
                return None, said
            command = said.command
        return commands.index(command), decision.candidates[commands.index(command)]

    def _decide(self) -> None:
        """Let the agent think about the turn to come."""
        live = self._live
        assert live is not None
        self._decision = None
        if live.overlong(self._player):
            live.forget_observation()
            self._finish("token_limit")
            return
        began = time.perf_counter()
        try:
            (self._decision,) = self._player.decide([live.view(self._player.prompt)])
        except OreoError as error:
            self._trouble = str(error)
            self._finish("fault")
            raise
        except Exception as error:  # what breaks in a player ends the game, not the session
            self._trouble = Fault(error=error).text
            self._finish("fault")
        finally:
            live.seconds += time.perf_counter() - began
        if self._decision is not None and self._decision.value is not None:
            self._values.append(self._decision.value)

    def _play(self, decision: Decision, by: By) -> None:
        """Act on a decision, hear the world, think about the next turn."""
        live = self._live
        assert live is not None
        shown = options(decision, live.scene.info)
        choice = decision.choice
        live.act(decision, self._player.prompt)
        if by == "you":
            self._player.replaced(live.session, choice.command)
        end, scene = self._sent(live)
        while end is None and live.given is not None:  # further steps of the same reply
            live.repeat()
            end, scene = self._sent(live)
        observation, valid = "", None
        if isinstance(scene, Scene):
            observation, valid = scene.observation, scene.info.get("valid")
        self._moves.append(
            Move(
                turn=len(self._moves) + 1,
                option=shown[decision.chosen],
                by=by,
                observation=observation,
                value=decision.value,
                valid=bool(valid) if valid is not None else None,
                options=shown,
            )
        )
        if end is None:
            self._decide()
        else:
            self._finish(end, choice.value)

    def _sent(self, live: LiveEpisode) -> tuple[End | None, Scene | Fault | None]:
        """How the game stands after the last reply, and what the world answered."""
        if live.cut:  # neither sent nor graded
            return "token_limit", None
        began = time.perf_counter()
        scene = self._world.step({_SLOT: live.segments[-1].command or ""})[_SLOT]
        live.seconds += time.perf_counter() - began
        return self._heard(live, scene), scene

    def _heard(self, live: LiveEpisode, scene: Scene | Fault) -> End | None:
        if isinstance(scene, Fault):
            self._trouble = scene.text
            return "fault"
        return live.hear(scene, self._player.prompt, self._step_limit)

    def _finish(self, end: End, value: float | None = None) -> None:
        """End the game; ``value`` is V at the end of the last reply."""
        self.end, self._decision = end, None
        if value is not None:
            self._values.append(value)
