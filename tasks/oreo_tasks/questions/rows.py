"""Rows of JSON Lines, JSON, CSV and Parquet files, packed (.xz, .gz) or not; faults with a place.

Every fault is a ``ValueError`` that names the file, the line or row, and what is wrong there.
"""

import csv
import difflib
import gzip
import importlib
import io
import lzma
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import msgspec

PACKED: Mapping[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".xz": lzma.decompress,
    ".gz": gzip.decompress,
}
"""Ending of a packed file -> how it is unpacked."""
FORMATS = (".jsonl", ".json", ".csv", ".parquet")
SUFFIXES = tuple(kind + pack for kind in FORMATS for pack in PACKED)
"""Endings of the files that can be read, those looked for first in front."""
ENDINGS = f"{', '.join(FORMATS)}, packed or not: {', '.join(filter(None, PACKED))}"
_BROKEN_PACK = (OSError, EOFError, lzma.LZMAError, zlib.error)


@dataclass(frozen=True, slots=True)
class Row:
    """One record of a file, with the place that its faults are named by."""

    fields: Mapping[str, Any]
    file: Path
    number: int
    """Position in the file, from 0."""
    place: str
    """``line 12`` or ``row 12``, from 1, as an editor counts; ``""`` for a file of one record."""

    def get(self, field: str) -> Any:
        """What stands in ``field``, or in ``a`` of ``b`` for ``"b.a"``; None if nothing does."""
        if field in self.fields:
            return self.fields[field]
        value: Any = self.fields
        for part in field.split("."):
            value = cast(Mapping[str, Any], value).get(part) if isinstance(value, Mapping) else None
        return value

    def text(self, *fields: str) -> str:
        """The text in the first of ``fields`` that holds one, without the white space around it.

        Raises:
            ValueError: none does; the message names the nearest field there is.
        """
        for field in fields:
            if isinstance(value := self.get(field), str) and value.strip():
                return value.strip()
        raise self.fault(self._missing(fields))

    def fault(self, what: str) -> ValueError:
        """An error that says where."""
        place = f", {self.place}" if self.place else ""
        return ValueError(f"{self.file}{place}: {what}")

    def _missing(self, fields: tuple[str, ...]) -> str:
        wanted = " or ".join(map(repr, fields))
        held = next((self.get(f) for f in fields if self.get(f) is not None), None)
        if held is not None:
            return f"field {wanted} must hold text, not {held!r:.60}"
        if (null := next((f for f in fields if f in self.fields), None)) is not None:
            return f"field {null!r} is null, and must hold text"
        near = difflib.get_close_matches(fields[0], list(self.fields), n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(self.fields)}"
        return f"no field {wanted}; {hint}"


def read_rows(path: Path) -> Iterator[Row]:
    """The rows of a file, in its order; its format is told by its ending.

    Raises:
        ValueError: the file cannot be read as what its ending says.
        FileNotFoundError: it is not there.
    """
    kind, pack = _kind(path)
    if kind == ".parquet":
        yield from _parquet_rows(path, pack)
        return
    content = _unpacked(path, pack)
    readers = {".jsonl": _json_lines, ".json": _json_rows, ".csv": _csv_rows}
    yield from readers[kind](path, content)


def _kind(path: Path) -> tuple[str, str]:
    pack = path.suffix if path.suffix in PACKED else ""
    kind = path.with_suffix("").suffix if pack else path.suffix
    if kind not in FORMATS:
        raise ValueError(f"{path}: unknown kind of file; known endings: {ENDINGS}")
    return kind, pack


def _unpacked(path: Path, pack: str) -> bytes:
    content = path.read_bytes()
    try:
        return PACKED[pack](content).removeprefix(b"\xef\xbb\xbf")
    except _BROKEN_PACK as error:
        raise ValueError(f"{path}: cannot be unpacked ({error}); fetch it again") from error


def _json_lines(path: Path, content: bytes) -> Iterator[Row]:
    # Only "\n" ends a line: JSON text may hold the other characters that str.splitlines breaks at.
    number = 0
    for line, text in enumerate(content.split(b"\n"), 1):
        if text.strip():
            yield Row(_record(text, path, f"line {line}"), path, number, f"line {line}")
            number += 1


def _json_rows(path: Path, content: bytes) -> Iterator[Row]:
    """A list of records, one record, or (as some ``.json`` files are) JSON Lines."""
    try:
        whole = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        first, _, rest = content.strip().partition(b"\n")
        if rest and first.rstrip().endswith(b"}"):
            yield from _json_lines(path, content)
            return
        raise ValueError(f"{path}: no valid JSON ({error})") from error
    if isinstance(whole, dict):
        yield Row(cast(dict[str, Any], whole), path, 0, "")
        return
    if not isinstance(whole, list):
        raise ValueError(f"{path}: holds neither a record nor a list of records")
    for number, fields in enumerate(cast(list[object], whole)):
        place = f"row {number + 1}"
        if not isinstance(fields, dict):
            raise ValueError(f"{path}, {place}: no JSON object, but {fields!r:.60}")
        yield Row(cast(dict[str, Any], fields), path, number, place)


def _record(text: bytes, path: Path, place: str) -> dict[str, Any]:
    try:
        fields = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{path}, {place}: no valid JSON ({error})") from error
    if not isinstance(fields, dict):
        raise ValueError(f"{path}, {place}: no JSON object, but {fields!r:.60}")
    return cast(dict[str, Any], fields)


def _csv_rows(path: Path, content: bytes) -> Iterator[Row]:
    try:
        reader = csv.reader(io.StringIO(content.decode("utf-8"), newline=""), strict=True)
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: is not text in UTF-8 ({error})") from error
    try:
        head = next(reader, [])
        if len(set(head)) < len(head):
            raise ValueError(f"{path}: its first line names a column twice: {', '.join(head)}")
        number = 0
        for cells in reader:
            place = f"line {reader.line_num}"
            if not cells:
                continue
            if len(cells) != len(head):
                raise ValueError(f"{path}, {place}: {len(cells)} cells for {len(head)} columns")
            yield Row(dict(zip(head, cells, strict=True)), path, number, place)
            number += 1
    except csv.Error as error:
        raise ValueError(f"{path}, line {reader.line_num}: no valid CSV ({error})") from error


def _parquet_rows(path: Path, pack: str) -> Iterator[Row]:
    content = _unpacked(path, pack)
    try:
        parquet: Any = importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise ValueError(
            f"{path}: reading Parquet files needs pyarrow: pip install 'oreo-agent[questions]'"
        ) from error
    try:
        records = cast(list[dict[str, Any]], parquet.read_table(io.BytesIO(content)).to_pylist())
    except (ValueError, OSError, NotImplementedError) as error:  # pyarrow's own derive from these
        raise ValueError(f"{path}: no valid Parquet ({error})") from error
    for number, fields in enumerate(records):
        yield Row(fields, path, number, f"row {number + 1}")
