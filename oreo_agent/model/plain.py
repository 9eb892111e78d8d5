"""The text format: any world's own words for a tiny model, of which nothing is lost.

A world brings words (or they are collected from its first games); each is one token, with and
without the space before it. What is not among them is spelt in bytes, so that every text has ids
and the ids are the text again.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from oreo_agent.errors import SettingError
from oreo_agent.model.vocabulary import END, SPECIALS, Vocabulary, checksum
from oreo_agent.model.words import PIECE

_FIRST_BYTE = len(SPECIALS)
_BYTES = tuple(f"<0x{value:02X}>" for value in range(256))


class TextPrompt(Vocabulary):
    """A vocabulary of words and bytes."""

    name = "text"
    steps = None

    def __init__(self, words: Sequence[str], max_reply_tokens: int = 32) -> None:
        """Speak in ``words``: runs of letters, digits and marks."""
        self.words = list(words)
        for word in self.words:
            if word.isspace() or re.fullmatch(PIECE, word) is None:
                raise SettingError(
                    f"{word!r} is no word of the text format, which knows runs of letters, single "
                    "digits and single marks; give its parts one by one"
                )
        spaced = (f" {word}" for word in self.words)
        super().__init__(
            [*_BYTES, "\n", " ", *self.words, *spaced],
            max_reply_tokens,
            twice="the world names a word twice; give each once",
        )

    def settings(self) -> dict[str, Any]:
        """The words and the reply limit."""
        return {
            "format": self.name,
            "words": self.words,
            "max_reply_tokens": self.max_reply_tokens,
        }

    @property
    def tokenizer_fingerprint(self) -> str:
        """Of the vocabulary, which decides the ids."""
        return checksum(self.tokens)

    def reply(self, command: str) -> tuple[int, ...]:
        """The command and the end mark."""
        return (*self.encoded(command), END)

    def quote(self, text: str, command: str) -> tuple[int, ...]:
        """The text as it stands where its first line gives the command, else the command alone."""
        return self.reply(text if _first_line(text) == command else command)

    def read(self, ids: tuple[int, ...]) -> tuple[str, str]:
        """The reply's text; its first line is the command."""
        text = self.decoded(ids)
        return text, _first_line(text)

    def observed(self, text: str) -> tuple[int, ...]:
        """All of it."""
        return self.encoded(text)

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


def _first_line(text: str) -> str:
    """The first line that is not blank."""
    return next((line.strip() for line in text.splitlines() if line.strip()), "")
