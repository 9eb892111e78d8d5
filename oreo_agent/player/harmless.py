"""Words of the world made fit for a terminal, a page or a file: nothing in them acts."""

import re

_PICTURES = {0x7F: 0x2421} | {code: 0x2400 + code for code in range(0x20) if code not in (9, 10)}
_LOST = re.compile("[\x80-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
_ACTING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_MOST = 4000


def harmless(text: str) -> str:
    """The text with its control characters as pictures ("␛"), and nothing that turns directions."""
    return _LOST.sub("\ufffd", text.replace("\r\n", "\n").translate(_PICTURES))


def one_line(text: str) -> str:
    """The same with a blank in the place of line breaks and other white space."""
    return harmless(" ".join(text.split()))


def disarmed(text: str) -> str:
    """The text without all that acts; none of it takes a cell, so that a screen keeps its lines."""
    return _ACTING.sub("", text)


def shortened(text: str, most: int = _MOST) -> str:
    """A text of a sane length: of a longer one its beginning, and how much was left out."""
    if len(text) <= most:
        return text
    return f"{text[:most]} … ({len(text) - most:,} more characters)"
