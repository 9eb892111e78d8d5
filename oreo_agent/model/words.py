"""The words format: a small vocabulary of pieces, with which a tiny model writes solutions.

A task brings its words; text is cut into words, digits and marks, each with the space before it,
so that the pieces put together are the text again.
"""

import re
from collections.abc import Sequence
from typing import Any

from oreo_agent.errors import SettingError
from oreo_agent.model.steps import Steps
from oreo_agent.model.vocabulary import END, SPECIALS, TURN, UNK, Vocabulary, checksum
from oreo_agent.records.episode import Segment

PIECE = r" ?(?:[A-Za-z]+|#+|[^A-Za-z\s#])|\s"
"""A word, digit or mark (of # all that stand together) with the space before it; or white space."""


class WordsPrompt(Vocabulary):
    """A question, then its solution in steps; white space alone closes or separates them."""

    name = "words"

    def __init__(
        self, words: Sequence[str], delimiters: Sequence[str], max_reply_tokens: int = 256
    ) -> None:
        """Speak in ``words`` (words, digits, marks); ``delimiters`` close a step."""
        self.words = list(words)
        plain = [word for word in words if not word.isspace()]
        spaces = dict.fromkeys(["\n", " ", *(word for word in words if word.isspace())])
        super().__init__(
            [*spaces, *plain, *(f" {word}" for word in plain)],
            max_reply_tokens,
            twice="the task names a word twice; give each once",
        )
        self.steps = Steps(delimiters, self._piece)

    def settings(self) -> dict[str, Any]:
        """The words, the delimiters and the longest solution."""
        return {
            "format": self.name,
            "words": self.words,
            "delimiters": list(self.steps.delimiters),
            "max_reply_tokens": self.max_reply_tokens,
        }

    @property
    def tokenizer_fingerprint(self) -> str:
        """Of the vocabulary and of what closes a step: both decide the ids of a reply."""
        return checksum(self.tokens, self.steps.delimiters)

    def answer(self, observation: str, *, ended: bool) -> Segment:
        """What the world says, which after a step is mostly nothing."""
        ids = (*self.observed(observation), TURN) if observation else ()
        return Segment(kind="observation", ids=ids, text=observation)

    def reply(self, command: str) -> tuple[int, ...]:
        """A step's pieces, and the end mark after one that does not close with white space.

        Raises:
            SettingError: there are no pieces for it.
        """
        ids = self.observed(command)
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

    def observed(self, text: str) -> tuple[int, ...]:
        """The pieces of a text; ``<unk>`` for those that are not known."""
        return tuple(self.ids.get(piece, UNK) for piece in re.findall(PIECE, text))

    def _piece(self, token: int) -> str:
        return "" if token < len(SPECIALS) else self.tokens[token]


def as_command(text: str, *, ended: bool) -> str:
    """A step as the world hears it: white space at its end says that more is to come."""
    if ended:
        return text.rstrip()
    return text if text[-1:].isspace() else f"{text} "
