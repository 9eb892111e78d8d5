"""One game, live in its world, with a person beside the agent; no screen.

The seeds, the history and the record are those of `oreo_agent.rollouts.runner`: a game that nobody
interferes with is the episode that `oreo-agent rollout` would store.
"""

import time
from collections.abc import Sequence
from dataclasses import replace

from oreo_agent.agent.strategies import Candidate, Decision
from oreo_agent.errors import EnvironmentFault, OreoError, SettingError
from oreo_agent.player.snapshot import By, Move, Option, Snapshot, option, options, told_apart
from oreo_agent.records.episode import End, Episode, PolicyRecord
from oreo_agent.rollouts.live import LiveEpisode, Terms, record, refusal
from oreo_agent.rollouts.plan import Work, digest
from oreo_agent.rollouts.players import Player
from oreo_agent.rollouts.worlds import Begin, Fault, Scene, World

_SLOT = 0


class Session:
    """A row of games, one of them being played; not for use by two threads at a time."""

    def __init__(
        self,
        *,
        player: Player,
        world: World,
        works: Sequence[Work],
        environment: str,
        step_limit: int,
        agent: str,
        first: int = 0,
    ) -> None:
        """Begin a game.

        Args:
            player: the agent that decides.
            world: its slot 0 is played in.
            works: the games that can be played, in their order.
            environment: Gymnasium id, for the record.
            step_limit: turns after which an unfinished game ends.
            agent: who plays, in words.
            first: index of the game to begin with.

        Raises:
            OreoError: the game cannot be played.
        """
        self._player, self._world, self._works = player, world, works
        self._terms = Terms.of(player, environment)
        self._step_limit = step_limit
        self._agent = agent
        self._at = first
        self._attempts = 0
        self._live: LiveEpisode | None = None
        self._goal, self._opening = "", ""
        self._moves: list[Move] = []
        self._values: list[float] = []
        self._decision: Decision | None = None
        self._end: End | None = None
        self._trouble = ""
        self.restart()

    @property
    def over(self) -> bool:
        """Whether the game has ended."""
        return self._end is not None

    @property
    def instances(self) -> list[str]:
        """Ids of the games, in their order."""
        return [work.instance.id for work in self._works]

    def snapshot(self) -> Snapshot:
        """The game as it stands."""
        work, live, decision = self._works[self._at], self._live, self._decision
        info = live.scene.info if live is not None else {}
        return Snapshot(
            agent=self._agent,
            task=work.instance.task,
            split=work.instance.split,
            instance=work.instance.id,
            task_type=work.instance.task_type,
            game=self._at + 1,
            games=len(self._works),
            goal=self._goal,
            opening=self._opening,
            moves=tuple(self._moves),
            options=options(decision, info) if decision is not None else (),
            chosen=decision.chosen if decision is not None else 0,
            value=decision.value if decision is not None else None,
            values=tuple(self._values),
            admissible=tuple(info.get("admissible_commands", ())) if not self.over else (),
            step_limit=self._step_limit,
            end=self._end,
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
        return option(said, before=decision.value, share=None, info=self._live.scene.info)

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

    def restart(self) -> None:
        """Begin the same game anew.

        Raises:
            OreoError: the game cannot be played.
        """
        self._forget()
        work = self._works[self._at]
        self._attempts += 1
        begin = Begin(instance=work.instance.id, seed=work.draw(-1))
        began = time.perf_counter()
        scene = self._world.begin({_SLOT: begin})[_SLOT]
        if isinstance(scene, Fault):
            error = refusal(work, scene) or EnvironmentFault(
                f"{work.instance.task} {work.instance.split}: instance {work.instance.id!r} broke "
                f"as it was begun: {scene.text}; try it again, or play another"
            )
            self._end, self._trouble = "fault", str(error)
            raise error from scene.error
        live = LiveEpisode(work=work, session=f"{work.id}/{self._attempts}", scene=scene)
        live.show(scene, *self._player.prompt.opening(scene.observation))
        live.seconds += time.perf_counter() - began
        self._live = live
        self._goal, self._opening = told_apart(scene.observation)
        self._decide()

    def next_game(self) -> None:
        """Begin the next game; the first follows the last.

        Raises:
            OreoError: the game cannot be played.
        """
        self._at = (self._at + 1) % len(self._works)
        self.restart()

    def pick(self, instance: str) -> None:
        """Begin the game of that id.

        Raises:
            SettingError: there is no such game.
            OreoError: the game cannot be played.
        """
        self._at = find_game(self.instances, instance)
        self.restart()

    def episode(self) -> Episode:
        """The record of a game that is over; one that a person had a hand in is the person's.

        Raises:
            SettingError: the game still goes on.
        """
        live, terms = self._live, self._terms
        if live is None or self._end is None:
            raise SettingError("the game is not over; play it to its end first")
        work = live.work
        if any(move.by == "you" for move in self._moves):
            name = digest(work.id, *(move.option.command for move in self._moves))
            work = replace(work, id=f"{work.instance.task}-person-{name:016x}")
            policy = PolicyRecord(kind="person", fingerprint=terms.policy.fingerprint)
            terms = replace(terms, policy=policy)
        return record(
            terms,
            work,
            segments=live.segments,
            end=self._end,
            seconds=live.seconds,
            fault=self._trouble,
        )

    def close(self) -> None:
        """Let go of the world and of the agent's caches."""
        self._forget()
        self._world.close()

    def _forget(self) -> None:
        if self._live is not None:
            self._player.close(self._live.session)
        self._live = None
        self._goal, self._opening, self._trouble = "", "", ""
        self._moves, self._values = [], []
        self._decision = self._end = None

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
            said = self._player.appraise(self._live.view(), command)
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
            (self._decision,) = self._player.decide([live.view()])
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
        live.act(decision)
        if by == "you":
            self._player.replaced(live.session, choice.command)
        end: End | None = "token_limit"  # a reply that was cut is neither sent nor graded
        observation, valid = "", None
        if choice.ended:
            began = time.perf_counter()
            scene = self._world.step({_SLOT: choice.command})[_SLOT]
            live.seconds += time.perf_counter() - began
            end = self._heard(live, scene)
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

    def _heard(self, live: LiveEpisode, scene: Scene | Fault) -> End | None:
        if isinstance(scene, Fault):
            self._trouble = scene.text
            return "fault"
        return live.hear(scene, self._player.prompt, self._step_limit)

    def _finish(self, end: End, value: float | None = None) -> None:
        """End the game; ``value`` is V at the end of the last reply."""
        self._end, self._decision = end, None
        if value is not None:
            self._values.append(value)


def find_game(instances: Sequence[str], wanted: str) -> int:
    """Index of the game whose id is ``wanted``, or whose id alone contains it.

    Raises:
        SettingError: there is none, or there are several.
    """
    if wanted in instances:
        return instances.index(wanted)
    near = [i for i, name in enumerate(instances) if wanted.lower() in name.lower()]
    if len(near) == 1:
        return near[0]
    if near:
        raise SettingError(
            f"instance {wanted!r} could be {len(near)} games, the first two "
            f"{instances[near[0]]!r} and {instances[near[1]]!r}; write more of the id"
        )
    raise SettingError(
        f"there is no instance {wanted!r} among the {len(instances)} games of the split; "
        f"an id looks like {instances[0]!r}"
    )
