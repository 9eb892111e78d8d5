"""What the prompt formats share that bring their own tokens, for models made from nothing."""

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, ClassVar, Self

from oreo_agent.errors import SettingError
from oreo_agent.records.episode import Segment

SPECIALS = ("<pad>", "<bos>", "<unk>", "<turn>", "<end>")
PAD, BOS, UNK, TURN, END = range(len(SPECIALS))


class Vocabulary(ABC):
    """Tokens that are texts, `SPECIALS` first; one message a turn, closed by ``<turn>``/``<end>``.

    A format says how a text becomes ids (`observed`, `reply`) and how ids are read.
    """

    name: ClassVar[str]

    def __init__(self, tokens: Sequence[str], max_reply_tokens: int, *, twice: str) -> None:
        """Speak in ``tokens``.

        Args:
            tokens: their texts, behind `SPECIALS`.
            max_reply_tokens: of a reply.
            twice: what is said where one stands there twice.

        Raises:
            SettingError: one does.
        """
        self.max_reply_tokens = max_reply_tokens
        self.tokens = [*SPECIALS, *tokens]
        self.ids = {token: i for i, token in enumerate(self.tokens)}
        if len(self.ids) != len(self.tokens):
            raise SettingError(twice)

    @classmethod
    def load(cls, settings: Mapping[str, Any], tokenizer: object = None) -> Self:
        """Make the format of its `settings`; ``tokenizer`` is not needed."""
        return cls(**settings)

    @property
    def stop_ids(self) -> frozenset[int]:
        """The end mark alone."""
        return frozenset((END,))

    def opening(self, observation: str) -> tuple[Segment, ...]:
        """``<bos>``, what the world says first, ``<turn>``."""
        begin = Segment(kind="prompt", ids=(BOS,), text="")
        return begin, self.answer(observation, ended=True)

    def answer(self, observation: str, *, ended: bool) -> Segment:
        """What the world says, and ``<turn>``; a reply that was cut gets its end mark first."""
        ids = (*self.observed(observation), TURN)
        return Segment(kind="observation", ids=ids if ended else (END, *ids), text=observation)

    @abstractmethod
    def observed(self, text: str) -> Sequence[int]:
        """The ids of what the world says, without marks."""

    @abstractmethod
    def reply(self, command: str) -> tuple[int, ...]:
        """The command and the end mark."""

    def quote(self, text: str, command: str) -> tuple[int, ...]:
        """The command alone: there are no tokens for thoughts."""
        return self.reply(command)

    def relabelled(self, ids: Sequence[int], rng: Random) -> list[int]:
        """No symmetry is known."""
        return list(ids)


def checksum(*told: Any) -> str:
    """A fingerprint of all that decides the ids; 16 hexadecimal digits."""
    text = json.dumps(told[0] if len(told) == 1 else told, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
