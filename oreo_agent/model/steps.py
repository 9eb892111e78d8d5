"""Where one reasoning step ends and the next begins, in text and in tokens.

A step closes with one of the task's delimiters (arXiv:2412.16145: line breaks, and sentence ends in
MATH). It is cut between two tokens: after the one that holds the delimiter's last character that
is not white space, or its last character where it is all white space. So "3. 5" with the tokens
"3", ".", " 5" closes before " 5", and whether "." closes a step is known when the next token is. A
step is never blank: empty lines belong to the step after them.
"""

import re
from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise

Piece = Callable[[int], str]
"""The text that a token adds to a reply."""


class Steps:
    """Cuts replies into steps."""

    def __init__(self, delimiters: Sequence[str], piece: Piece) -> None:
        """Cut by ``delimiters``; at least one, none of them empty."""
        if not delimiters or not all(delimiters):
            raise ValueError("steps need delimiters, and none of them empty")
        self.delimiters = tuple(delimiters)
        self._piece = piece
        self._found = re.compile("|".join(f"(?=({re.escape(each)}))" for each in delimiters))
        self._longest = max(map(len, delimiters))

    def ends(self, ids: Sequence[int]) -> list[int]:
        """How many tokens lie up to the end of each step that has closed, first to last."""
        pieces = [self._piece(token) for token in ids]
        text = "".join(pieces)
        reach = list(accumulate(map(len, pieces)))  # characters up to and with each token
        marks = sorted({self._mark(found) for found in self._found.finditer(text)})
        ends: list[int] = []
        token, begin = 0, 0
        for mark in marks:
            while reach[token] <= mark:
                token += 1
            if text[begin : reach[token]].strip():
                ends.append(token + 1)
                begin = reach[token]
        return ends

    def first(self, ids: Sequence[int]) -> int | None:
        """The first of `ends`, asked after every token that is drawn; None while the step is open.

        Only the last token can have closed it, so most tokens are told by a look at the text's end.
        """
        tail = "".join(self._piece(token) for token in ids[-self._longest :])
        if not any(each in tail for each in self.delimiters):
            return None
        return next(iter(self.ends(ids)), None)

    def cut(self, ids: Sequence[int]) -> list[tuple[int, ...]]:
        """A reply's steps, the last one (closed or not) included."""
        edges = [0, *self.ends(ids), len(ids)]
        return [tuple(ids[a:b]) for a, b in pairwise(edges) if b > a]

    def _mark(self, found: re.Match[str]) -> int:
        """Place of the character that closes a step."""
        delimiter = next(each for each in found.groups() if each is not None)
        core = delimiter.rstrip() or delimiter
        return found.start() + len(core) - 1
