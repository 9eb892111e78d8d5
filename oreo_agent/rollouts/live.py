"""An episode while it is played, and the record that is made of it."""

import platform
from dataclasses import dataclass, field

from oreo_agent import __version__
from oreo_agent.agent.strategies import Candidate, Decision
from oreo_agent.errors import DataError, RecordError
from oreo_agent.model.prompt import PromptFormat
from oreo_agent.records.episode import (
    CandidateRecord,
    DecisionRecord,
    End,
    Episode,
    PolicyRecord,
    Segment,
)
from oreo_agent.rollouts.plan import Work
from oreo_agent.rollouts.players import Player, View
from oreo_agent.rollouts.worlds import Fault, Scene

VERSIONS = {"oreo_agent": __version__, "python": platform.python_version()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What all episodes of a run have in common."""

    environment: str
    """Gymnasium id."""
    policy: PolicyRecord
    prompt: str
    """Name of the prompt format."""
    tokenizer: str
    """Fingerprint of the tokenizer; ``""`` if the segments hold no ids."""

    @classmethod
    def of(cls, player: Player, environment: str) -> "Terms":
        """The terms of a player's episodes in a world."""
        return cls(
            environment=environment,
            policy=player.policy,
            prompt=player.prompt.name,
            tokenizer=player.prompt.tokenizer_fingerprint,
        )


@dataclass(slots=True, kw_only=True)
class LiveEpisode:
    """A history that grows by segments."""

    work: Work
    session: str
    """Names this attempt."""
    scene: Scene
    """What the world said last."""
    segments: list[Segment] = field(default_factory=list[Segment])
    ids: list[int] = field(default_factory=list[int])
    turn: int = 0
    """Number of replies so far."""
    seconds: float = 0.0
    """This episode's share of the rounds that it took part in."""

    @property
    def given(self) -> Segment | None:
        """The next reply of the beginning that is played again; None once the policy decides."""
        at = len(self.segments)
        return self.work.start[at] if at < len(self.work.start) else None

    def view(self) -> View:
        """What its player sees."""
        return View(
            session=self.session,
            turn=self.turn,
            seed=self.work.draw(self.turn),
            ids=tuple(self.ids),
            observation=self.scene.observation,
            info=self.scene.info,
        )

    def show(self, scene: Scene, *segments: Segment) -> None:
        """Append what the world said, as the prompt format tells it.

        Raises:
            RecordError: the world says something else than the beginning that is played again.
        """
        self.scene = scene
        for segment in segments:
            known = self.work.start[len(self.segments) :][:1]
            if known and (known[0].text, known[0].ids) != (segment.text, segment.ids):
                raise RecordError(
                    f"instance {self.work.instance.id!r}, turn {self.turn}: the world says "
                    f"{segment.text!r} and the stored episode {known[0].text!r}; branch from "
                    "episodes of the same data, prompt format and version"
                )
            self.segments.append(segment)
            self.ids.extend(segment.ids)

    def act(self, decision: Decision) -> None:
        """Append the chosen reply."""
        choice = decision.choice
        segment = Segment(
            kind="action",
            ids=choice.ids,
            text=choice.text,
            logps=choice.logps,
            command=choice.command,
            decision=_told(decision),
        )
        self.segments.append(segment)
        self.ids.extend(segment.ids)
        self.turn += 1

    def repeat(self, reply: Segment) -> None:
        """Append a reply of the beginning that is played again."""
        self.segments.append(reply)
        self.ids.extend(reply.ids)
        self.turn += 1

    def judge(self, valid: bool) -> None:
        """Note whether the world admitted the last command."""
        last = self.segments[-1]
        self.segments[-1] = Segment(
            kind=last.kind,
            ids=last.ids,
            text=last.text,
            logps=last.logps,
            command=last.command,
            valid=valid,
            decision=last.decision,
        )

    def hear(self, scene: Scene, prompt: PromptFormat, step_limit: int) -> End | None:
        """Take in what the world answered to the last reply, which closed itself.

        Returns:
            How the episode ended; None if it goes on. The observation of an end is not recorded:
            nobody replies to it.
        """
        if (valid := scene.info.get("valid")) is not None:
            self.judge(bool(valid))
        if scene.terminated:
            return "won" if scene.info.get("won", scene.reward > 0) else "lost"
        if scene.truncated or self.turn >= step_limit:
            return "step_limit"
        self.show(scene, prompt.answer(scene.observation, ended=True))
        return None

    def overlong(self, player: Player) -> bool:
        """Whether the history leaves its player no room for a reply."""
        most = player.max_context
        return most is not None and len(self.ids) > most - player.prompt.max_reply_tokens

    def forget_observation(self) -> None:
        """Take back the observation that nobody will reply to; the opening stays."""
        if self.turn:
            last = self.segments.pop()
            del self.ids[len(self.ids) - len(last.ids) :]


def refusal(work: Work, fault: Fault) -> DataError | None:
    """Why an instance can never be played; None if what broke may well go better next time."""
    if not isinstance(fault.error, LookupError | FileNotFoundError | ValueError):
        return None
    instance = work.instance
    return DataError(
        f"{instance.task} {instance.split}: instance {instance.id!r} cannot be played: "
        f"{fault.error}"
    )


def record(
    terms: Terms,
    work: Work,
    *,
    segments: list[Segment],
    end: End,
    seconds: float,
    fault: str = "",
) -> Episode:
    """The episode of a work; won pays 1, everything else 0."""
    return Episode(
        id=work.id,
        task=work.instance.task,
        environment=terms.environment,
        split=work.instance.split,
        instance=work.instance.id,
        branch=work.branch,
        task_type=work.instance.task_type,
        seed=work.seed,
        repeat=work.repeat,
        policy=terms.policy,
        prompt=terms.prompt,
        tokenizer=terms.tokenizer,
        segments=tuple(segments),
        reward=1.0 if end == "won" else 0.0,
        end=end,
        seconds=seconds,
        fault=fault,
        versions=VERSIONS,
    )


def _told(decision: Decision) -> DecisionRecord | None:
    """A decision's record; None if there was nothing to choose from and no value was asked."""
    values = (decision.value, *(candidate.value for candidate in decision.candidates))
    if len(decision.candidates) == 1 and set(values) == {None}:
        return None
    return DecisionRecord(
        strategy=decision.strategy,
        chosen=decision.chosen,
        candidates=tuple(map(_candidate, decision.candidates)),
        value=decision.value,
    )


def _candidate(candidate: Candidate) -> CandidateRecord:
    return CandidateRecord(
        ids=candidate.ids,
        command=candidate.command,
        logp=candidate.logp,
        value=candidate.value,
    )
