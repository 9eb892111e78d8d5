"""What happened, once: the frozen record that every other part of the toolkit reads.

An episode is a row of segments of token ids. Only ``action`` segments are what the policy did;
``prompt`` and ``observation`` segments are what it was shown. Masks are made from the segments,
never by searching text::

    prompt       instructions, and marks of the chat template
    observation  what the environment said (and the marks that lead up to the reply)
    action       the reply, its end-of-turn token included exactly if the policy generated one
"""

import re
from typing import Any, Literal, get_args

import msgspec

from oreo_agent.errors import RecordError

SCHEMA = 1
"""Raised whenever a field changes its meaning; an older record is read or refused, not guessed."""

SegmentKind = Literal["prompt", "observation", "action"]
End = Literal["won", "lost", "step_limit", "token_limit", "fault"]
ENDS: tuple[str, ...] = get_args(End)
PolicyKind = Literal["model", "expert", "random", "person", "import"]
_TURN = re.compile(r"^turn \d+: ")


class CandidateRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One reply that was considered at a decision."""

    ids: tuple[int, ...]
    command: str
    logp: float
    """Sum of the reply's log-probabilities under the policy at temperature 1, in nats."""
    value: float | None = None
    """V at the end of the reply; None if no value was asked."""


class DecisionRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a reply was chosen."""

    strategy: str
    chosen: int
    """Index into ``candidates``."""
    candidates: tuple[CandidateRecord, ...]
    value: float | None = None
    """V of the state before the reply."""
    policy_tokens: int = 0
    """Tokens that were drawn for it, those of rejected candidates included; 0 if not counted."""
    value_tokens: int = 0
    """Tokens that the value read for it; 0 if not counted."""


class Segment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A stretch of tokens with one author."""

    kind: SegmentKind
    ids: tuple[int, ...]
    """Token ids as they were shown or sampled; empty in records made without a tokenizer."""
    text: str
    """What the ids say: the environment's own words, or the reply."""
    logps: tuple[float, ...] = ()
    """Actions only: log-probability of each id under the policy at temperature 1, in nats."""
    command: str | None = None
    """Actions only: the command as the environment got it."""
    valid: bool | None = None
    """Actions only: whether the environment admitted the command."""
    decision: DecisionRecord | None = None


class PolicyRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who played."""

    kind: PolicyKind
    fingerprint: str = ""
    """Checksum of the weights, or of the expert's settings."""
    strategy: str = ""
    temperature: float = 1.0
    epsilon: float = 0.0
    """Share of an expert's turns that were played at random."""


class BranchRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where an episode left another one, whose beginning it shares."""

    parent: str
    """Id of the episode whose first ``turn`` turns were played again."""
    turn: int
    """The first reply that may differ, counted from 0."""


class Episode(msgspec.Struct, frozen=True, kw_only=True):
    """One played instance with its terminal reward; it needs no partner to be learned from."""

    id: str
    task: str
    environment: str
    split: str
    instance: str
    task_type: str
    seed: int
    repeat: int
    policy: PolicyRecord
    prompt: str
    """Name of the prompt format that rendered the segments."""
    tokenizer: str
    """Fingerprint of the tokenizer whose ids the segments hold; ``""`` if they hold none."""
    segments: tuple[Segment, ...]
    reward: float
    """Terminal, undiscounted, in [0, 1]."""
    end: End
    seconds: float
    fault: str = ""
    """What broke, for episodes that ended in a fault; such episodes are never learned from."""
    branch: BranchRecord | None = None
    """Set for episodes that begin as another one did."""
    versions: dict[str, str] = msgspec.field(default_factory=dict[str, str])
    schema: int = SCHEMA

    def __post_init__(self) -> None:
        if not 0.0 <= self.reward <= 1.0:
            raise RecordError(f"episode {self.id}: reward {self.reward} is outside [0, 1]")
        if self.end not in ENDS:
            raise RecordError(f"episode {self.id}: unknown end {self.end!r}; known: {ENDS}")

    @property
    def steps(self) -> int:
        """Number of replies."""
        return sum(segment.kind == "action" for segment in self.segments)

    @property
    def tokens(self) -> int:
        """Number of tokens, shown and sampled."""
        return sum(len(segment.ids) for segment in self.segments)

    @property
    def reason(self) -> str:
        """What broke, without the turn: the same for episodes that broke alike."""
        return _TURN.sub("", self.fault)

    @property
    def drawn(self) -> int:
        """Number of tokens that were drawn, those of rejected candidates included."""
        total = told = 0
        for segment in self.segments:
            if segment.kind != "action":
                continue
            if (decision := segment.decision) is not None:
                taken = decision.candidates[decision.chosen :][:1]  # a foreign log may lack it
                told = len(taken[0].ids) if taken else 0  # steps of it may follow
                total += decision.policy_tokens or told or len(segment.ids)
            elif told <= 0:
                total += len(segment.ids)
            told -= len(segment.ids)
        return total


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Episode)


def encode(episode: Episode) -> bytes:
    """MessagePack bytes; `decode` is the inverse."""
    return _ENCODER.encode(episode)


def decode(data: bytes) -> Episode:
    """Read what `encode` wrote.

    Raises:
        RecordError: the bytes are torn, or of a schema that this version does not read.
    """
    try:
        episode = _DECODER.decode(data)
    except (msgspec.DecodeError, RecordError) as error:
        found = _schema(data)
        if found in (None, SCHEMA):
            raise RecordError(f"a stored episode is damaged: {error}") from error
        raise _strange(found) from error
    if episode.schema != SCHEMA:
        raise _strange(episode.schema)
    return episode


def _strange(schema: object) -> RecordError:
    return RecordError(
        f"episode of schema {schema}; this version reads schema {SCHEMA}: "
        "use the version that wrote it"
    )


def _schema(data: bytes) -> Any:
    try:
        loose = msgspec.msgpack.decode(data)
    except msgspec.DecodeError:
        return None
    return loose.get("schema") if isinstance(loose, dict) else None
