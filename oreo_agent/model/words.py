"""The words format: a small vocabulary of pieces, with which a tiny model writes solutions.

A task brings its words; text is cut into words, digits and marks, each with the space before it,
so that the pieces put together are the text again.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from oreo_agent.errors import SettingError
from oreo_agent.model.compact import BOS, END, SPECIALS, TURN, UNK
from oreo_agent.model.steps import Steps
from oreo_agent.records.episode import Segment

PIECE = r" ?(?:[A-Za-z]+|#+|[^A-Za-z\s#])|\s"
"""A word, digit or mark (of # all that stand together) with the space before it; or white space."""


class WordsPrompt:
    """A question, then its solution in steps; white space alone closes or separates them."""

    name = "words"

    def __init__(
        self, words: Sequence[str], delimiters: Sequence[str], max_reply_tokens: int = 256
    ) -> None:
        """Speak in ``words`` (words, digits, marks); ``delimiters`` close a step."""
        self.words = list(words)
        self.max_reply_tokens = max_reply_tokens
        plain = [word for word in words if not word.isspace()]
        spaces = dict.fromkeys(["\n", " ", *(word for word in words if word.isspace())])
        self.tokens = [*SPECIALS, *spaces, *plain, *(f" {word}" for word in plain)]
        self.ids = {token: i for i, token in enumerate(self.tokens)}
        if len(self.ids) != len(self.tokens):
            raise SettingError("the task names a word twice; give each once")
        self.steps = Steps(delimiters, self._piece)

    @classmethod
    def load(cls, settings: Mapping[str, Any], tokenizer: object = None) -> "WordsPrompt":
        """Make the format of its `settings`; ``tokenizer`` is not needed."""
        return cls(**settings)

    def settings(self) -> dict[str, Any]:
        """The words, the delimiters and the longest solution."""
        return {
            "format": self.name,
            "words": self.words,
            "delimiters": list(self.steps.delimiters),
            "max_reply_tokens": self.max_reply_tokens,
        }

    @property
    def stop_ids(self) -> frozenset[int]:
        """The end mark alone."""
        return frozenset((END,))

    @property
    def tokenizer_fingerprint(self) -> str:
        """Of the vocabulary and of what closes a step: both decide the ids of a reply."""
        text = json.dumps([self.tokens, self.steps.delimiters])
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def opening(self, observation: str) -> tuple[Segment, ...]:
        """``<bos>``, the question, ``<turn>``."""
        begin = Segment(kind="prompt", ids=(BOS,), text="")
        return begin, self.answer(observation, ended=True)

    def answer(self, observation: str, *, ended: bool) -> Segment:
        """What the world says, which after a step is mostly nothing."""
        ids = (*self._encoded(observation), TURN) if observation else ()
        return Segment(kind="observation", ids=ids, text=observation)

    def reply(self, command: str) -> tuple[int, ...]:
        """A step's pieces, and the end mark after one that does not close with white space.

        Raises:
            SettingError: there are no pieces for it.
        """
        ids = self._encoded(command)
        if UNK in ids:
            unknown = next(p for p in re.findall(PIECE, command) if p not in self.ids)
            raise SettingError(f"the words format has no piece for {unknown!r} in {command!r}")
        return ids if command[-1:].isspace() else (*ids, END)

    def quote(self, text: str, command: str) -> tuple[int, ...]:
        """A whole solution, as `reply` closes a step."""
        return self.reply(text)

    def read(self, ids: tuple[int, ...]) -> tuple[str, str]:
        """The reply's text; as a command a step that has closed ends in white space."""
        text = "".join(map(self._piece, ids))
        return text, as_command(text, ended=ids[-1:] == (END,))

    def relabelled(self, ids: Sequence[int], rng: Random) -> list[int]:
        """No symmetry is known."""
        return list(ids)

    def _encoded(self, text: str) -> tuple[int, ...]:
        return tuple(self.ids.get(piece, UNK) for piece in re.findall(PIECE, text))

    def _piece(self, token: int) -> str:
        return "" if token < len(SPECIALS) else self.tokens[token]


def as_command(text: str, *, ended: bool) -> str:
    """A step as the world hears it: white space at its end says that more is to come."""
    if ended:
        return text.rstrip()
    return text if text[-1:].isspace() else f"{text} "
