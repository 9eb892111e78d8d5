"""The text format: any world's own words for a tiny model, of which nothing is lost.

A world brings words (or they are collected from its first games); each is one token, with and
without the space before it. What is not among them is spelt in bytes, so that every text has ids
and the ids are the text again.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Any

from oreo_agent.errors import SettingError
from oreo_agent.model.compact import BOS, END, SPECIALS, TURN
from oreo_agent.model.words import PIECE
from oreo_agent.records.episode import Segment

_FIRST_BYTE = len(SPECIALS)
_BYTES = tuple(f"<0x{value:02X}>" for value in range(256))


class TextPrompt:
    """A vocabulary of words and bytes; one message a turn, closed by ``<turn>`` or ``<end>``."""

    name = "text"
    steps = None

    def __init__(self, words: Sequence[str], max_reply_tokens: int = 32) -> None:
        """Speak in ``words``: runs of letters, digits and marks."""
        self.words = list(words)
        self.max_reply_tokens = max_reply_tokens
        for word in self.words:
            if word.isspace() or re.fullmatch(PIECE, word) is None:
                raise SettingError(
                    f"{word!r} is no word of the text format, which knows runs of letters, single "
                    "digits and single marks; give its parts one by one"
                )
        spaced = (f" {word}" for word in self.words)
        self.tokens = [*SPECIALS, *_BYTES, "\n", " ", *self.words, *spaced]
        self.ids = {token: i for i, token in enumerate(self.tokens)}
        if len(self.ids) != len(self.tokens):
            raise SettingError("the world names a word twice; give each once")

    @classmethod
    def load(cls, settings: Mapping[str, Any], tokenizer: object = None) -> "TextPrompt":
        """Make the format of its `settings`; ``tokenizer`` is not needed."""
        return cls(**settings)

    def settings(self) -> dict[str, Any]:
        """The words and the reply limit."""
        return {
            "format": self.name,
            "words": self.words,
            "max_reply_tokens": self.max_reply_tokens,
        }

    @property
    def stop_ids(self) -> frozenset[int]:
        """The end mark alone."""
        return frozenset((END,))

    @property
    def tokenizer_fingerprint(self) -> str:
        """Of the vocabulary, which decides the ids."""
        return hashlib.sha256(json.dumps(self.tokens).encode()).hexdigest()[:16]

    def opening(self, observation: str) -> tuple[Segment, ...]:
        """``<bos>``, what the world says first, ``<turn>``."""
        begin = Segment(kind="prompt", ids=(BOS,), text="")
        return begin, self.answer(observation, ended=True)

    def answer(self, observation: str, *, ended: bool) -> Segment:
        """What the world says, and ``<turn>``; a reply that was cut gets its end mark first."""
        ids = (*self.encoded(observation), TURN)
        return Segment(kind="observation", ids=ids if ended else (END, *ids), text=observation)

    def reply(self, command: str) -> tuple[int, ...]:
        """The command and the end mark."""
        return (*self.encoded(command), END)

    def read(self, ids: tuple[int, ...]) -> tuple[str, str]:
        """The reply's text; its first line is the command."""
        text = self.decoded(ids)
        return text, next((line.strip() for line in text.splitlines() if line.strip()), "")

    def relabelled(self, ids: Sequence[int], rng: Random) -> list[int]:
        """No symmetry is known."""
        return list(ids)

    def encoded(self, text: str) -> tuple[int, ...]:
        """The ids of a text; `decoded` is the inverse."""
        return tuple(token for piece in re.findall(PIECE, text) for token in self._spelt(piece))

    def decoded(self, ids: Sequence[int]) -> str:
        """The text of ids; marks of the format are no part of it, torn letters are replaced."""
        return b"".join(map(self._bytes, ids)).decode(errors="replace")

    def _spelt(self, piece: str) -> Iterator[int]:
        known = self.ids.get(piece)
        if known is not None and known >= _FIRST_BYTE + len(_BYTES):
            yield known
            return
        # a lone surrogate has no bytes in UTF-8; a model may not be shown it, and need not be
        yield from (_FIRST_BYTE + value for value in piece.encode(errors="replace"))

    def _bytes(self, token: int) -> bytes:
        if token < _FIRST_BYTE:
            return b""
        if token < _FIRST_BYTE + len(_BYTES):
            return bytes((token - _FIRST_BYTE,))
        return self.tokens[token].encode()
