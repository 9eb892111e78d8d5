"""The official games on disk: found where they are, counted, and told apart by split.

The official layout is ``<data>/json_2.1.1/<split>/<task folder>/<trial folder>/game.tw-pddl``. What
reading all files of a split once has shown (whether each is marked solvable, and its checksum) is
kept in ``oreo-agent/alfworld/`` in the user's cache folder, so that the second look only asks the
file system for sizes and times. ``traj_data.json`` is not needed.
"""

import difflib
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from oreo_tasks.cache import keep, read_cached

SPLITS = ("train", "valid_train", "valid_seen", "valid_unseen")
"""valid_train are games in training rooms that are not trained on: for choosing settings."""

OFFICIAL_COUNTS: Mapping[str, int] = {"train": 3553, "valid_seen": 140, "valid_unseen": 134}
"""Playable games in the official release."""

OFFICIAL_CHECKSUMS: Mapping[str, Mapping[str, str]] = {
    "train": {"e1bbb722b295e862": "2.1.2", "f0ca70d027bd588d": "2.1.1"},
    "valid_train": {"ba9375106c51ed77": "2.1.2", "616cfb096f07648e": "2.1.1"},
    "valid_seen": {"50dc29195dacf173": "2.1.2", "c8d7660024bb91f8": "2.1.1"},
}
"""`games_checksum` of the official releases: 2.1.2 says "move X to Y", 2.1.1 "put X in/on Y"."""

RELEASES = ("json_2.1.2", "json_2.1.1")
"""Folders of the official download, the newest first."""

TASK_TYPES = (
    "pick_and_place_simple",
    "look_at_obj_in_light",
    "pick_clean_then_place_in_recep",
    "pick_heat_then_place_in_recep",
    "pick_cool_then_place_in_recep",
    "pick_two_obj_and_place",
)
GAME_FILE = "game.tw-pddl"
_SKIPPED = ("movable", "Sliced")
"""Task folders whose name holds one of these are no games, as in the stock environment."""


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """What is known of one game file."""

    size: int
    modified: int
    """Nanoseconds since 1970."""
    solvable: bool
    checksum: str


class _Flags(msgspec.Struct):
    """The one field of a game file that decides whether it is listed."""

    solvable: bool = False


_Index = dict[str, Entry]
_INDEX = msgspec.json.Decoder(_Index)
_FLAGS = msgspec.json.Decoder(_Flags)


def check_split(split: str) -> None:
    """Refuse a split that ALFWorld does not have.

    Raises:
        LookupError: the message holds the nearest name.
    """
    if split not in SPLITS:
        near = difflib.get_close_matches(split, SPLITS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(SPLITS)}"
        raise LookupError(f"ALFWorld has no split {split!r}; {hint}")


def split_folder(data: str, split: str) -> Path:
    """The folder of a split below ``data``: in a release's folder, or in ``data`` itself.

    Raises:
        FileNotFoundError: there is none; the message says where was looked and how to mend it.
        LookupError: there is no such split.
    """
    check_split(split)
    root = Path(data).expanduser()
    tried = [root / release / split for release in RELEASES] + [root / split]
    for folder in tried:
        if folder.is_dir():
            return folder
    raise FileNotFoundError(_missing(split, data, "looked for " + ", ".join(map(str, tried))))


def find_games(data: str, split: str, *, unsolvable: bool = False) -> dict[str, Path]:
    """The playable games of a split: instance id -> game file, sorted by id.

    Args:
        data: a folder that holds json_2.1.1, json_2.1.2 or the splits themselves.
        split: one of `SPLITS`.
        unsolvable: also list games that are not marked as solvable.

    Raises:
        FileNotFoundError: no game is there.
        LookupError: there is no such split.
        ValueError: a game file is broken.
    """
    folder = split_folder(data, split)
    listed = _listed(folder, split, data)
    games = {
        id: folder / id / GAME_FILE for id, entry in listed.items() if unsolvable or entry.solvable
    }
    if not games:
        looked = f"{folder} holds {len(listed)} games, none of them marked as solvable"
        raise FileNotFoundError(_missing(split, data, looked))
    return games


def games_checksum(data: str, split: str) -> str:
    """A checksum of the playable games of a split: their ids and the bytes of their files."""
    digest = hashlib.sha256()
    for id, entry in _listed(split_folder(data, split), split, data).items():
        if entry.solvable:
            digest.update(f"{id} {entry.checksum}\n".encode())
    return digest.hexdigest()[:16]


def count_remark(split: str, found: int) -> str | None:
    """What to say about a number of games that is not the official one; None if it is."""
    official = OFFICIAL_COUNTS.get(split)
    if official is None or found == official:
        return None
    return f"{split} holds {found:,} playable games; the official release has {official:,}"


def read_game(data: str, split: str, instance_id: str) -> str:
    """The content of one game's file.

    Raises:
        LookupError: the split has no such game; the message holds the nearest id.
        FileNotFoundError: ``data`` does not hold the split.
        ValueError: the file is not text.
    """
    folder = split_folder(data, split)
    parts = instance_id.split("/")
    path = folder / instance_id / GAME_FILE
    if len(parts) != 2 or not set(parts).isdisjoint({"", ".", ".."}) or not path.is_file():
        near = difflib.get_close_matches(instance_id, _files(folder), n=1, cutoff=0.3)
        hint = f"; the nearest is {near[0]!r}" if near else ""
        raise LookupError(
            f'no game {instance_id!r} in {folder}{hint} (an id is "<task folder>/<trial folder>")'
        )
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(_broken(path, error)) from error


def _listed(folder: Path, split: str, data: str) -> _Index:
    """Id -> entry of every game file, sorted by id, from the kept index where it still holds."""
    files = _files(folder)
    if not files:
        raise FileNotFoundError(_missing(split, data, f"{folder} holds no {GAME_FILE}"))
    place = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]
    name = f"alfworld/index-{split}-{place}.json"
    old = _read_index(name)
    new: _Index = {}
    for id, stat in files.items():
        entry = old.get(id)
        if entry is None or (entry.size, entry.modified) != (stat.st_size, stat.st_mtime_ns):
            entry = _examine(folder / id / GAME_FILE, stat)
        new[id] = entry
    if new != old:
        keep(name, msgspec.json.encode(new))
    return new


def _read_index(name: str) -> _Index:
    content = read_cached(name)
    try:
        return {} if content is None else _INDEX.decode(content)
    except msgspec.DecodeError:
        return {}


def _files(folder: Path) -> dict[str, os.stat_result]:
    """Id -> size and time of each game file, sorted by id."""
    found: dict[str, os.stat_result] = {}
    for task in os.scandir(folder):
        if not task.is_dir() or any(word in task.name for word in _SKIPPED):
            continue
        for trial in os.scandir(task.path):
            try:
                stat = os.stat(f"{trial.path}/{GAME_FILE}")
            except (FileNotFoundError, NotADirectoryError):
                continue
            found[f"{task.name}/{trial.name}"] = stat
    return dict(sorted(found.items()))


def _examine(path: Path, stat: os.stat_result) -> Entry:
    content = path.read_bytes()
    try:
        solvable = _FLAGS.decode(content).solvable
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(_broken(path, error)) from error
    return Entry(stat.st_size, stat.st_mtime_ns, solvable, hashlib.sha256(content).hexdigest())


def _broken(path: Path, error: Exception) -> str:
    return (
        f"{path} is not a readable game file ({error}); restore it from the official download, "
        "or delete it to leave the game out"
    )


def _missing(split: str, data: str, looked: str) -> str:
    return (
        f"no ALFWorld games of split {split!r} under {data!r}: {looked}. Name the folder that "
        "holds json_2.1.1 (with --data or in ALFWORLD_DATA), unpack the official games there "
        '(alfworld-download), or take our own games with "generated"'
    )
