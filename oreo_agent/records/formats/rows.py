"""Rows of files, one after another: what cannot be read is told with its place and does not stop.

JSON Lines, JSON (one array, or values one after another), Parquet, Arrow files of `datasets`, each
also as ``.xz``, ``.gz`` or ``.zst`` where it is text; or a folder of such files. Nothing is held in
memory but the row at hand.
"""

import gzip
import io
import json
import lzma
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import IO, Any, cast

import zstandard

from oreo_agent.errors import DataError, SettingError

LONGEST = 64 * 1024 * 1024
"""Bytes of a row; a longer one is not read."""
KEPT = 100_000
"""Characters of an unreadable row that are kept."""
_CHUNK = 1 << 20
_BETWEEN = tuple(" \t\r\n,")
_PACKED = (".xz", ".gz", ".zst")
_LINES = (".jsonl", ".ndjson")
_KNOWN = (*_LINES, ".json", ".parquet", ".arrow")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A row, or why there is none."""

    place: str
    """File and line, or file and number of the row."""
    row: Any = None
    fault: str = ""
    raw: str = ""
    """The row as it stands there, cut after `KEPT` characters; of a fault only."""


def find_rows(source: Path) -> Iterator[Found]:
    """All rows of a file or of a folder's files, in the order of their names.

    Raises:
        DataError: there is nothing there, or nothing of a kind that is known.
        SettingError: a file needs a package that is not installed.
    """
    if source.is_dir():
        files = sorted(path for path in source.rglob("*") if path.is_file() and _is_known(path))
        if (source / "dataset_info.json").exists():
            files = [path for path in files if path.suffix == ".arrow"]
        if not files:
            raise DataError(f"{source} holds no file that is known: {', '.join(_KNOWN)}")
        for path in files:
            yield from find_rows(path)
        return
    if not source.is_file():
        raise DataError(f"there is no file {source} that could be imported; name one, or a folder")
    kind = _kind(source)
    if kind in (".parquet", ".arrow"):
        yield from _columns(source, kind)
        return
    try:
        with _opened(source) as file:
            lines = kind in _LINES or (kind != ".json" and _begins_like_lines(source))
            yield from _by_line(file, source.name) if lines else _by_value(file, source.name)
    except (OSError, EOFError, lzma.LZMAError, zstandard.ZstdError) as error:
        yield Found(place=source.name, fault=f"the file cannot be read to its end ({error})")


def _kind(path: Path) -> str:
    """The suffix that says how a file is built, that of its packing left out."""
    name = path.name
    for packed in _PACKED:
        name = name.removesuffix(packed)
    return Path(name).suffix.lower()


def _is_known(path: Path) -> bool:
    named = path.name.startswith((".", "_")) or path.name in ("state.json", "dataset_info.json")
    return not named and _kind(path) in _KNOWN


def _opened(path: Path) -> IO[bytes]:
    if path.suffix == ".xz":
        return cast(IO[bytes], lzma.open(path))
    if path.suffix == ".gz":
        return cast(IO[bytes], gzip.open(path))
    if path.suffix == ".zst":
        raw = zstandard.ZstdDecompressor().stream_reader(path.open("rb"), closefd=True)
        return cast(IO[bytes], io.BufferedReader(cast(Any, raw)))
    return path.open("rb")


def _begins_like_lines(path: Path) -> bool:
    """Whether the first line of a file of unknown kind is an object of its own."""
    with _opened(path) as file:
        return _parsed(file.readline(LONGEST))[1] == ""


def _parsed(line: bytes) -> tuple[Any, str]:
    """A value and ``""``, or None and why there is none."""
    try:
        return json.loads(line.decode("utf-8-sig")), ""
    except UnicodeDecodeError as error:
        return None, f"it is not UTF-8 ({error.reason} at byte {error.start})"
    except (ValueError, RecursionError) as error:
        return None, f"it is no JSON ({error})"


def _by_line(file: IO[bytes], name: str) -> Iterator[Found]:
    number = 0
    while line := file.readline(LONGEST):
        number += 1
        place = f"{name}:{number}"
        if len(line) == LONGEST and not line.endswith(b"\n"):
            raw = _cut(line)
            while line and not line.endswith(b"\n"):
                line = file.readline(_CHUNK)
            yield Found(place=place, fault=f"the line is longer than {LONGEST:,} bytes", raw=raw)
        elif line.strip():
            row, fault = _parsed(line)
            yield Found(place=place, row=row, fault=fault, raw=_cut(line) if fault else "")


def _cut(line: bytes) -> str:
    return line[: 4 * KEPT].decode("utf-8", "replace")[:KEPT]


def _by_value(file: IO[bytes], name: str) -> Iterator[Found]:
    """Values of one array, or values that follow each other; ends at the first that is torn."""
    with io.TextIOWrapper(file, encoding="utf-8-sig", errors="strict") as text:
        yield from _values(text, name)


def _values(text: IO[str], name: str) -> Iterator[Found]:
    decoder = json.JSONDecoder()
    held, at, number = "", 0, 0
    begun = ended = False
    while True:
        at = _after_blanks(held, at)
        if not begun and at < len(held):
            begun = True
            at = _after_blanks(held, at + 1) if held[at] == "[" else at
        if held.startswith("]", at):
            return
        try:
            row, end = decoder.raw_decode(held, at)
            if end == len(held) and not ended and not isinstance(row, dict | list):
                raise ValueError("a number may go on")
        except (ValueError, RecursionError) as error:
            fault = f"it is no JSON ({error}); nothing after it was read"
            held, at = held[at:], 0
            if not ended and not isinstance(error, RecursionError) and len(held) < LONGEST:
                try:
                    more = text.read(max(_CHUNK, len(held)))
                    held, ended = held + more, not more
                    continue
                except UnicodeDecodeError as undecoded:
                    fault = f"it is not UTF-8 ({undecoded.reason}); nothing after it was read"
            if held:
                yield Found(place=f"{name}#{number + 1}", fault=fault, raw=held[:KEPT])
            return
        number, at = number + 1, end
        yield Found(place=f"{name}#{number}", row=row)


def _after_blanks(text: str, at: int) -> int:
    """Where the blanks and commas end that stand at a place."""
    while text[at : at + 1] in _BETWEEN and at < len(text):
        at += 1
    return at


def _columns(path: Path, kind: str) -> Iterator[Found]:
    number = 0
    try:
        for batch in _batches(path, kind):
            for row in batch.to_pylist():
                number += 1
                yield Found(place=f"{path.name}#{number}", row=row)
    except (OSError, ValueError) as error:  # pyarrow's errors are of these
        yield Found(place=path.name, fault=f"the file cannot be read to its end ({error})")


def _batches(path: Path, kind: str) -> Iterator[Any]:
    try:
        arrow: Any = import_module("pyarrow")
        parquet: Any = import_module("pyarrow.parquet")
    except ImportError as error:
        raise SettingError(f"{path} needs a package: pip install 'oreo-agent[data]'") from error
    if kind == ".parquet":
        with parquet.ParquetFile(path) as file:
            yield from file.iter_batches(batch_size=64)
    else:
        with arrow.memory_map(str(path)) as mapped:
            yield from import_module("pyarrow.ipc").open_stream(mapped)
