"""Minari data sets on disk, by Minari itself."""

from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from gymnasium.spaces import Text

from oreo_agent.errors import RecordError, SettingError
from oreo_agent.records.formats.minari import NAMED
from oreo_agent.records.formats.sinks import whole

CHARACTERS = "".join(chr(code) for code in (*range(32, 127), 10))
LONGEST = 1_000_000
"""Characters of a text; a `Text` space has to say."""
GROUP = 256
"""Episodes that are written together."""


def episodes(source: Path) -> Iterator[dict[str, Any]]:
    """The episodes of a data set as plain lists.

    Raises:
        SettingError: Minari is not installed.
        RecordError: the folder holds no data set that Minari can read, or none of texts.
    """
    minari = _minari()
    folder = source / "data" if (source / "data").is_dir() else source
    try:
        data = minari.MinariDataset(folder) if folder.is_dir() else minari.load_dataset(str(source))
    except Exception as error:  # whatever its storages raise
        raise RecordError(f"{source} is no data set that Minari can read: {error}") from error
    for space in (data.observation_space, data.action_space):
        if not isinstance(space, Text):
            raise RecordError(f"{source}: its spaces have to be Text, and one is {space}")
    for episode in data.iterate_episodes():
        named = {
            name: _text(values[0])
            for name, values in (episode.infos or {}).items()
            if name in NAMED and len(values)
        }
        yield {
            "observations": list(map(_text, episode.observations)),
            "actions": list(map(_text, episode.actions)),
            "rewards": [float(reward) for reward in episode.rewards],
            "terminations": [bool(ended) for ended in episode.terminations],
            "truncations": [bool(ended) for ended in episode.truncations],
            **named,
        }


def write(target: Path, rows: Iterable[dict[str, Any]], name: str = "oreo/episodes-v0") -> int:
    """Make a data set of the rows that `Minari.write` gives, in a new folder; returns how many.

    Raises:
        SettingError: Minari, or one of the packages that it needs for that, is not installed.
        RecordError: ``target`` is there, or its folder cannot be written to.
    """
    minari, collector = _minari(), _part("data_collector")
    storage = _part("dataset.minari_storage")
    text = Text(max_length=LONGEST, min_length=0, charset=CHARACTERS)
    with whole(target.absolute(), folder=True) as part:  # Minari loses its way in relative ones
        store = storage.MinariStorage.new(part / "data", text, text, data_format="hdf5")
        written = 0
        group: list[Any] = []
        for row in rows:
            group.append(_buffer(collector, row, written))
            written += 1
            if len(group) == GROUP:
                store.update_episodes(group)
                group = []
        store.update_episodes(group)
        store.update_metadata({"dataset_id": name, "minari_version": minari.__version__})
    return written


def _buffer(collector: Any, row: dict[str, Any], number: int) -> Any:
    turns = len(row["observations"])
    return collector.EpisodeBuffer(
        id=number,
        observations=row["observations"],
        actions=row["actions"],
        rewards=row["rewards"],
        terminations=row["terminations"],
        truncations=row["truncations"],
        infos={name: [row[name]] * turns for name in NAMED},
    )


def _text(told: Any) -> str:
    return told.decode() if isinstance(told, bytes) else str(told)


def _minari() -> Any:
    try:
        return import_module("minari")
    except ImportError as error:
        raise SettingError(
            f"Minari data sets need a package ({error}): pip install 'minari[hdf5]'"
        ) from error


def _part(name: str) -> Any:
    return import_module(f"minari.{name}")
