"""A stored episode cut into turns: what was said, what else could have been, what was answered."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from oreo_agent.model.prompt import PromptFormat
from oreo_agent.player.snapshot import By
from oreo_agent.records.episode import CandidateRecord, DecisionRecord, Episode, Segment
from oreo_agent.records.formats.of_episode import SOLUTIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What was said, or could have been."""

    ids: tuple[int, ...]
    """In the episode's own tokens; empty in records made without a tokenizer."""
    text: str
    command: str
    logp: float | None = None
    """Under the policy that played, in nats; None for what no policy drew."""
    value: float | None = None
    """V at its end as recorded; None if nobody asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A reply and its answer."""

    at: int
    """Index of the reply's segment."""
    replies: tuple[Reply, ...]
    """Everything that was considered, what was said among it."""
    chosen: int
    """Index of what was said."""
    value: float | None
    """V before the reply as recorded."""
    by: By
    observation: str
    """The answer; ``""`` if none was recorded, as after the last reply."""
    valid: bool | None

    @property
    def said(self) -> Reply:
        """The reply that was given."""
        return self.replies[self.chosen]


def is_solution(episode: Episode) -> bool:
    """Whether its replies are steps of one solution."""
    return episode.prompt in SOLUTIONS


def opening(episode: Episode) -> str:
    """The world's first words."""
    shown = (segment.text for segment in episode.segments if segment.kind == "observation")
    return next(shown, "")


def turns(episode: Episode, prompt: PromptFormat | None) -> tuple[Turn, ...]:
    """The episode's turns, a step of a solution each.

    Args:
        episode: of any format.
        prompt: the episode's own format, which reads the replies that were not given; None if it
            cannot be had, and they are known by their commands then.
    """
    found: list[Turn] = []
    rest: tuple[int, ...] = ()  # what is still to come of a reply of several steps
    value: float | None = None  # V at its end
    for at, segment in enumerate(episode.segments):
        if segment.kind != "action":
            continue
        turn = _turn(episode, at, prompt)
        if (decision := _whole(segment.decision)) is not None:
            choice = decision.candidates[decision.chosen]
            rest, value = choice.ids, choice.value
        if segment.ids and rest[: len(segment.ids)] == segment.ids:
            rest = rest[len(segment.ids) :]
            if not rest:
                turn = _worth(turn, value)
        found.append(turn)
    return tuple(found)


def _whole(decision: DecisionRecord | None) -> DecisionRecord | None:
    """The decision, unless its choice is not among its candidates."""
    if decision is None or not 0 <= decision.chosen < len(decision.candidates):
        return None
    return decision


def _worth(turn: Turn, value: float | None) -> Turn:
    """The turn with V at the end of what was said."""
    replies = list(turn.replies)
    replies[turn.chosen] = replace(turn.said, value=value)
    return replace(turn, replies=tuple(replies))


def _turn(episode: Episode, at: int, prompt: PromptFormat | None) -> Turn:
    segment = episode.segments[at]
    decision = _whole(segment.decision)
    said = Reply(
        ids=segment.ids,
        text=segment.text,
        command=segment.command or "",
        logp=sum(segment.logps) if segment.logps else None,
    )
    replies, chosen = [said], 0
    if decision is not None:
        replies, chosen = _considered(decision, said, prompt)
    return Turn(
        at=at,
        replies=tuple(replies),
        chosen=chosen,
        value=decision.value if decision is not None else None,
        by="you" if decision is not None and decision.strategy == "person" else "agent",
        observation=_answer(episode.segments[at + 1 :]),
        valid=segment.valid,
    )


def _answer(after: Sequence[Segment]) -> str:
    return after[0].text if after and after[0].kind == "observation" else ""


def _considered(
    decision: DecisionRecord, said: Reply, prompt: PromptFormat | None
) -> tuple[list[Reply], int]:
    """The candidates with what was said among them, and its index.

    Of candidates that are several steps, their first ones; what is known of the whole is not
    known of these.
    """
    choice = decision.candidates[decision.chosen]
    if choice.ids == said.ids:
        replies = [_reply(candidate, prompt) for candidate in decision.candidates]
        replies[decision.chosen] = replace(said, value=choice.value)
        return replies, decision.chosen
    firsts = {said.ids: said}
    if prompt is not None and prompt.steps is not None:
        firsts = {}
        for candidate in decision.candidates:
            first = (prompt.steps.cut(candidate.ids) or [candidate.ids])[0]
            text, command = prompt.read(first)
            firsts.setdefault(first, Reply(ids=first, text=text, command=command))
        firsts[said.ids] = said
    return list(firsts.values()), list(firsts).index(said.ids)


def _reply(candidate: CandidateRecord, prompt: PromptFormat | None) -> Reply:
    read = prompt is not None and candidate.ids
    return Reply(
        ids=candidate.ids,
        text=prompt.read(candidate.ids)[0] if prompt is not None and read else candidate.command,
        command=candidate.command,
        logp=candidate.logp,
        value=candidate.value,
    )
