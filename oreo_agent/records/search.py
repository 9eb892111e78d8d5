"""Looking for a text in stored episodes: in what was shown, said and done, and in what broke.

Strings stand in a record as they are, so that a record without the text is passed over as bytes;
only one that has it is looked at closer, as it may be the name of a field or the ids of tokens.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import msgspec
import zstandard

from oreo_agent.errors import SettingError
from oreo_agent.records.reader import StoreReader

CHUNK = 256
"""Episodes that are looked through before what was found is told."""


@dataclass(frozen=True)
class Needle:
    """A text that is looked for, whatever the case of its letters.

    A letter is found as it is, and as its one-letter small or capital form.
    """

    text: str

    def __post_init__(self) -> None:
        if not self.text.strip():
            raise SettingError("nothing to search for; name a text that is not blank")
        try:
            self.text.encode()
        except UnicodeEncodeError as error:
            raise SettingError(f"{self.text!r} cannot be searched for: {error}") from error

    def within(self, text: bytes) -> bool:
        """Whether it is in UTF-8 text, or might be in an encoded record."""
        if self.text.isascii():
            return self._small in text.lower()
        return self._pattern.search(text) is not None

    @cached_property
    def _small(self) -> bytes:
        return self.text.encode().lower()

    @cached_property
    def _pattern(self) -> re.Pattern[bytes]:
        return re.compile(b"".join(map(_either_case, self.text)))


def _either_case(letter: str) -> bytes:
    forms = sorted({form for form in (letter, letter.lower(), letter.upper()) if len(form) == 1})
    return b"(?:" + b"|".join(re.escape(form.encode()) for form in forms) + b")"


class _Words(msgspec.Struct):
    text: str
    command: str | None = None


class _Told(msgspec.Struct):
    """Of an episode, what a person would read."""

    segments: tuple[_Words, ...]
    fault: str = ""


_TOLD = msgspec.msgpack.Decoder(_Told)


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What a search knows after some more episodes."""

    looked: int
    """Episodes that were looked through so far, damaged ones included."""
    found: tuple[str, ...]
    """Ids of those that have the text, of the last chunk, in their order."""
    damaged: tuple[str, ...]
    """Ids of those that cannot be read, of the last chunk."""


def search(
    reader: StoreReader, names: Sequence[str], text: str, *, chunk: int = CHUNK
) -> Iterator[Looked]:
    """Look through episodes one after the other; to stop asking stops the search.

    Args:
        reader: of the store.
        names: ids of the episodes, in the order in which they are looked through.
        text: that is looked for.
        chunk: episodes that are looked through before what was found is told.

    Raises:
        SettingError: the text is blank.
        RecordError: the database is gone.
    """
    needle = Needle(text)
    return _search(reader, names, needle, chunk)


def _search(
    reader: StoreReader, names: Sequence[str], needle: Needle, chunk: int
) -> Iterator[Looked]:
    decompressor = zstandard.ZstdDecompressor()
    for start in range(0, len(names), chunk):
        asked = names[start : start + chunk]
        packed = reader.packed(asked)
        found: list[str] = []
        damaged: list[str] = []
        for name in asked:
            try:
                if _has(decompressor.decompress(packed[name]), needle):
                    found.append(name)
            except (KeyError, TypeError, zstandard.ZstdError, msgspec.DecodeError):
                damaged.append(name)
        yield Looked(looked=start + len(asked), found=tuple(found), damaged=tuple(damaged))


def _has(record: bytes, needle: Needle) -> bool:
    if not needle.within(record):
        return False
    told = _TOLD.decode(record)
    if needle.within(told.fault.encode()):
        return True
    return any(
        needle.within(words.text.encode()) or needle.within((words.command or "").encode())
        for words in told.segments
    )
