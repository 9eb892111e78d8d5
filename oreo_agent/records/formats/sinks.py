"""Rows to files: whole or not there at all, and never over something that is there.

JSON Lines (also ``.gz``, ``.xz`` or ``.zst``), one JSON array, Parquet, or a folder: one that
`datasets.load_from_disk` opens, or one JSON file a row.
"""

import gzip
import json
import lzma
import os
import shutil
import tempfile
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import IO, Any, cast

import zstandard

from oreo_agent.errors import RecordError, SettingError
from oreo_agent.records.atomic import sync_folder, umask

Row = Mapping[str, Any]
GROUP = 64
"""Rows that are held while Parquet is written."""
REMEDY = "pip install 'oreo-agent[data]'"


def refuse_taken(target: Path, *, folder: bool = True) -> None:
    """Refuse a target that exists, unless a ``folder`` is wanted and it is an empty one.

    Raises:
        RecordError: there is something.
    """
    # os.path says of names that are too long that nothing is there; pathlib raises
    if folder and os.path.isdir(target) and not target.is_symlink() and not any(target.iterdir()):
        return
    if os.path.lexists(target):
        raise RecordError(f"{target} is there already; name another target, or move it away")


@contextmanager
def whole(target: Path, *, folder: bool = False) -> Generator[Path]:
    """A place beside ``target`` to write to, which becomes ``target`` if all goes well.

    Raises:
        RecordError: ``target`` is there, or the disk refuses.
    """
    refuse_taken(target, folder=folder)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        beside: dict[str, Any] = {"dir": target.parent, "prefix": f".{target.name}."}
        if folder:
            part = Path(tempfile.mkdtemp(suffix=".part", **beside))
        else:
            handle, name = tempfile.mkstemp(suffix=".part", **beside)
            os.close(handle)
            part = Path(name)
    except OSError as error:
        raise RecordError(f"{target} cannot be written ({error}); name another target") from error
    try:
        yield part
        part.chmod((0o777 if folder else 0o666) & ~umask())
        for path in sorted(part.rglob("*")) if folder else [part]:
            if path.is_file():
                with path.open("rb") as file:
                    os.fsync(file.fileno())
        refuse_taken(target, folder=folder)
        os.replace(part, target)
        sync_folder(target.parent)
    except BaseException as error:
        if folder:
            shutil.rmtree(part, ignore_errors=True)
        else:
            part.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise RecordError(
                f"{target} cannot be written ({error}); make room there, or name another target"
            ) from error
        raise


def write_lines(path: Path, rows: Iterable[Row], kind: str = "") -> int:
    """Write JSON Lines; ``kind`` is the suffix of a packing, or empty. Returns how many."""
    number = 0
    with _packed(path, kind) as file:
        for row in rows:
            file.write(_json(row) + b"\n")
            number += 1
    return number


def _write_array(path: Path, rows: Iterable[Row]) -> int:
    number = 0
    with path.open("wb") as file:
        for row in rows:
            file.write((b",\n" if number else b"[\n") + _json(row))
            number += 1
        file.write(b"\n]\n" if number else b"[]\n")
    return number


def _write_each(folder: Path, rows: Iterable[Row]) -> int:
    number = 0
    for row in rows:
        (folder / f"{number:06}.json").write_bytes(_json(row) + b"\n")
        number += 1
    return number


def _write_parquet(path: Path, rows: Iterable[Row]) -> int:
    arrow, parquet = _arrow()
    waiting = iter(rows)
    group = list(islice(waiting, GROUP))
    schema = schema_of(group[0]) if group else arrow.schema([])
    number = 0
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        while group:
            try:
                table = arrow.Table.from_pylist([dict(row) for row in group], schema=schema)
            except arrow.ArrowException as error:
                raise RecordError(
                    f"rows {number + 1} to {number + len(group)} do not fit into the columns of "
                    f"the first ({error}); write them to .jsonl"
                ) from error
            writer.write_table(table)
            number += len(group)
            group = list(islice(waiting, GROUP))
    return number


def _write_dataset(folder: Path, rows: Iterable[Row]) -> int:
    try:
        datasets: Any = import_module("datasets")
    except ImportError as error:
        raise SettingError(f"a folder of `datasets` needs that package: {REMEDY}") from error
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as name:
        table = Path(name) / "rows.parquet"
        number = _write_parquet(table, rows)
        datasets.disable_progress_bars()
        data = datasets.Dataset.from_parquet(str(table), cache_dir=name)
        data.save_to_disk(folder)
    return number


def schema_of(row: Row) -> Any:
    """The columns that rows like this one have, whatever is null in it."""
    arrow, _ = _arrow()
    return arrow.schema([(name, _type(name, value, arrow)) for name, value in row.items()])


def _type(name: str, value: Any, arrow: Any) -> Any:
    """A column's type, by its name where values may be null or empty."""
    text, reals = arrow.string(), arrow.list_(arrow.float64())
    if name == "segments":
        fields: list[tuple[str, Any]] = [("kind", text), ("ids", arrow.list_(arrow.int64()))]
        fields += [("text", text), ("logps", reals), ("command", text)]
        return arrow.list_(arrow.struct([*fields, ("valid", arrow.bool_()), ("decision", text)]))
    if name == "steps":
        results = arrow.list_(arrow.struct([("content", text)]))
        fields = [("step_id", arrow.int64()), ("source", text), ("message", text)]
        fields += [("extra", arrow.struct([("command", text)]))]
        return arrow.list_(
            arrow.struct([*fields, ("observation", arrow.struct([("results", results)]))])
        )
    if name in ("prompt", "completion", "chosen", "rejected", "messages", "conversations"):
        if isinstance(value, str):
            return text
        pair = (
            ("from", "value") if name == "conversations" and _from(value) else ("role", "content")
        )
        return arrow.list_(arrow.struct([(field, text) for field in pair]))
    if isinstance(value, Mapping):
        inner = cast(Row, value)
        return arrow.struct([(key, _type(key, one, arrow)) for key, one in inner.items()])
    kinds = ((bool, arrow.bool_()), (int, arrow.int64()), (float, arrow.float64()))
    return next((found for kind, found in kinds if isinstance(value, kind)), text)


def _from(messages: Any) -> bool:
    return isinstance(messages, list) and bool(messages) and "from" in messages[0]


def _arrow() -> tuple[Any, Any]:
    try:
        return import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError as error:
        raise SettingError(f"Parquet needs the package pyarrow: {REMEDY}") from error


@contextmanager
def _packed(path: Path, kind: str) -> Generator[IO[bytes]]:
    makers: dict[str, Callable[[IO[bytes]], Any]] = {
        ".gz": lambda raw: gzip.GzipFile(fileobj=raw, mode="wb", mtime=0),
        ".xz": lambda raw: lzma.LZMAFile(raw, "wb"),  # noqa: SIM115 (closed by who asked)
        ".zst": lambda raw: zstandard.ZstdCompressor().stream_writer(raw, closefd=False),
    }
    with path.open("wb") as raw:
        if kind not in makers:
            yield raw
            return
        with makers[kind](raw) as file:
            yield cast(IO[bytes], file)


def _json(row: Row) -> bytes:
    return json.dumps(row, ensure_ascii=False).encode()


def write_rows(target: Path, rows: Iterable[Row], *, each: bool = False) -> int:
    """Write rows to a new file or folder; the name says in which form. Returns how many.

    Args:
        target: ``.jsonl`` (packed or not), ``.json``, ``.parquet``; a folder without a suffix.
        rows: to write, read once.
        each: of a folder: one JSON file a row; else a data set of `datasets`.

    Raises:
        RecordError: the target is there already, or cannot be written.
        SettingError: the suffix is not known, or a package is missing.
    """
    suffixes = target.suffixes
    kind = suffixes[-1] if suffixes else ""
    lines = ".jsonl" in suffixes[-2:]
    single: dict[str, Callable[[Path, Iterable[Row]], int]] = {
        ".json": _write_array,
        ".parquet": _write_parquet,
    }
    if not suffixes:
        with whole(target, folder=True) as part:
            return (_write_each if each else _write_dataset)(part, rows)
    if not lines and kind not in single:
        raise SettingError(
            f"{target}: rows are written to .jsonl (or .jsonl.gz, .xz, .zst), .json, .parquet, or "
            "a folder, whose name has no dot; name such a target"
        )
    with whole(target) as part:
        return write_lines(part, rows, kind) if lines else single[kind](part, rows)
