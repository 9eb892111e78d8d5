"""An episode while it is played, and the record that is made of it."""

import platform
from dataclasses import dataclass, field

from oreo_agent import __version__
from oreo_agent.agent.strategies import Candidate, Decision
from oreo_agent.errors import DataError, RecordError
from oreo_agent.model.prompt import PromptFormat, spent
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
from oreo_envs.faults import is_meant
from oreo_envs.finding import is_environment

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
    fault: str = ""
    """Why nobody can say how it ended."""
    _ahead: list[Segment] = field(default_factory=list[Segment])
    """Steps of a reply that the world has not heard yet."""
    _cut: bool = False
    """Whether the last of the reply's steps was cut by the token limit."""

    @property
    def given(self) -> Segment | None:
        """The next reply that is known: of the beginning that is played again, or a further step.

        None once the policy decides.
        """
        at = len(self.segments)
        return next(iter(self.work.start[at : at + 1] or self._ahead[:1]), None)

    @property
    def cut(self) -> bool:
        """Whether the last reply was cut: it is neither sent nor graded."""
        return self._cut and not self._ahead

    def view(self, prompt: PromptFormat) -> View:
        """What its player sees."""
        drawn = 0 if prompt.steps is None else self._spent
        return View(
            session=self.session,
            turn=self.turn,
            seed=self.work.draw(self.turn if prompt.steps is None else 0),
            drawn=drawn,
            limit=None if prompt.steps is None else prompt.max_reply_tokens - drawn,
            ids=tuple(self.ids),
            observation=self.scene.observation,
            info=self.scene.info,
        )

    @property
    def _spent(self) -> int:
        """Tokens of all replies so far."""
        return spent(self.segments)

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

    def act(self, decision: Decision, prompt: PromptFormat) -> None:
        """Append the chosen reply; of several steps the first, the others follow one by one."""
        steps, self._cut = replies(decision, prompt)
        self._ahead = steps[1:]
        self._add(steps[0])

    def repeat(self) -> None:
        """Append the reply that is `given`."""
        reply = self.given
        assert reply is not None
        if len(self.segments) >= len(self.work.start):
            self._ahead.pop(0)
        self._add(reply)

    def _add(self, reply: Segment) -> None:
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
        if scene.terminated and (fault := scene.info.get("fault")):
            self.fault = str(fault)
            return "fault"
        if scene.terminated:
            return "won" if scene.info.get("won", scene.reward > 0) else "lost"
        if scene.truncated or self.turn >= step_limit:
            return "step_limit"
        if prompt.steps is None:
            self.show(scene, prompt.answer(scene.observation, ended=True))
        self.scene = scene
        return None

    def overlong(self, player: Player) -> bool:
        """Whether the history leaves its player no room for a reply."""
        most, left = player.max_context, player.prompt.max_reply_tokens
        if player.prompt.steps is not None:
            left -= self._spent
            if left <= 0:
                return True
        return most is not None and len(self.ids) > most - left

    def forget_observation(self) -> None:
        """Take back the observation that nobody will reply to; the opening stays."""
        if self.turn and self.segments[-1].kind == "observation":
            last = self.segments.pop()
            del self.ids[len(self.ids) - len(last.ids) :]


def refusal(work: Work, fault: Fault) -> DataError | None:
    """Why an instance can never be played; None if what broke may well go better next time."""
    instance = work.instance
    if not is_meant(fault.error, own=is_environment(instance.task)):
        return None
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


def replies(decision: Decision, prompt: PromptFormat) -> tuple[list[Segment], bool]:
    """The segments of the reply that was chosen, and whether the last of them was cut."""
    choice, steps = decision.choice, prompt.steps
    parts = [choice.ids] if steps is None else steps.cut(choice.ids)
    if len(parts) < 2:
        parts, said = [choice.ids], [(choice.text, choice.command)]
    else:
        said = [prompt.read(part) for part in parts]
    segments: list[Segment] = []
    at = 0
    for part, (text, command) in zip(parts, said, strict=True):
        segments.append(
            Segment(
                kind="action",
                ids=part,
                text=text,
                logps=choice.logps[at : at + len(part)],
                command=command,
                decision=None if segments else _told(decision),
            )
        )
        at += len(part)
    closed = choice.ended or (steps is not None and steps.ends(choice.ids)[-1:] == [at])
    return segments, not closed


def _told(decision: Decision) -> DecisionRecord | None:
    """A decision's record; None if it tells nothing that the reply itself does not."""
    values = (decision.value, *(candidate.value for candidate in decision.candidates))
    drew_no_other = decision.policy_tokens in (0, decision.choice.tokens)
    if len(decision.candidates) == 1 and set(values) == {None} and drew_no_other:
        return None
    return DecisionRecord(
        strategy=decision.strategy,
        chosen=decision.chosen,
        candidates=tuple(map(_candidate, decision.candidates)),
        value=decision.value,
        policy_tokens=decision.policy_tokens,
        value_tokens=decision.value_tokens,
    )


def _candidate(candidate: Candidate) -> CandidateRecord:
    return CandidateRecord(
        ids=candidate.ids,
        command=candidate.command,
        logp=candidate.logp,
        value=candidate.value,
    )
