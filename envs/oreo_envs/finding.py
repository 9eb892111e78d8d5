"""From what a person says to a registration: an id, a module, a file, an installed plug-in.

Plug-ins announce themselves through the entry-point group ``oreo_envs``; each names a module that
registers its environments when it is imported. They are imported when an id is asked for that is
not known yet, or when all are to be listed. One that breaks is remembered with its error, and
breaks no other.
"""

import difflib
import importlib
import importlib.metadata
import importlib.util
import re
import sys
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import gymnasium

from oreo_envs.adapters import adapted
from oreo_envs.registration import (
    REGISTRATIONS,
    STEP_LIMIT,
    Registration,
    reading,
    register,
)

GROUP = "oreo_envs"
"""Of the entry points by which installed packages bring environments."""
BREAKS = (Exception, SystemExit)
"""What importing somebody's file may raise, and does not end us."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlugIn:
    """An installed package's environments."""

    name: str
    """Of its entry point; the namespace of its ids, by custom."""
    module: str
    fault: str = ""
    """Why it cannot be imported; empty if it can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An environment under a name that finds it again, in another process too."""

    name: str
    """The id alone for what is installed, else ``module:id`` or ``file.py:Class``."""
    registration: Registration


_read: dict[str, PlugIn] = {}
_files: dict[Path, ModuleType] = {}


def is_environment(name: str) -> bool:
    """Whether a name is meant for an environment, not for a task: it has a colon or a version."""
    return ":" in name or re.search(r"-v\d+$", name) is not None


def plug_ins(first: str = "") -> list[PlugIn]:
    """All installed plug-ins, imported, sorted by name.

    Args:
        first: the one to be imported first, if it is there.
    """
    points = {point.name: point for point in importlib.metadata.entry_points(group=GROUP)}
    for name in sorted(points, key=lambda name: (name != first, name)):
        if name not in _read:
            _read[name] = _import(name, points[name].value, points[name].load)
    return [_read[name] for name in sorted(points)]


def find(name: str) -> Found:
    """The environment that ``name`` stands for.

    Args:
        name: an id (``games/Maze-v0``) that is registered, here or by an installed plug-in, or is
            known to Gymnasium; ``module:id`` or ``module:Class``; ``file.py:Class`` or
            ``file.py:id``; or that of another library (`oreo_envs.adapters`).

    Raises:
        LookupError: there is none, or what should register it cannot be imported; the message says
            which, and holds the nearest id.
    """
    if (foreign := adapted(name)) is not None:
        return Found(name=name, registration=foreign)
    place, _, rest = name.rpartition(":")
    if not place:
        return Found(name=name, registration=_installed(name))
    if place == GROUP:
        return Found(name=rest, registration=_installed(rest))
    own = _file(place) if place.endswith(".py") else _module(place)
    known = rest in gymnasium.registry
    registration = _registered(rest) if known else _of_class(own, rest, name)
    if registration.source or registration.task:
        name = registration.id
    return Found(name=name, registration=registration)


def named(name: str, known: Iterable[str]) -> str:
    """A hint for a mistyped ``name``: the nearest of ``known``; else how to see them all."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else "`oreo-agent envs list` tells all"


def _installed(name: str) -> Registration:
    """An id without a module before it."""
    if name not in REGISTRATIONS and name not in gymnasium.registry:
        found = plug_ins(first=name.partition("/")[0])
        if name not in REGISTRATIONS:
            faults = [plug_in for plug_in in found if plug_in.fault]
            told = "".join(f"; plug-in {p.name!r} cannot be imported: {p.fault}" for p in faults)
            own = [plug_in for plug_in in faults if name.startswith(f"{plug_in.name}/")]
            if own:
                raise LookupError(
                    f"environment {name!r} is of the plug-in {own[0].name!r}, which cannot be "
                    f"imported: {own[0].fault}; mend or reinstall the package that brings it"
                )
            hint = named(name, {*REGISTRATIONS, *gymnasium.registry})
            raise LookupError(f"no environment is called {name!r}; {hint}{told}")
    return _registered(name)


def _registered(id: str) -> Registration:
    """What is told of an id, or what Gymnasium knows of one that was registered there only."""
    if id in REGISTRATIONS:
        return REGISTRATIONS[id]
    spec = gymnasium.spec(id)
    assert spec.entry_point is not None
    return Registration(
        id=id,
        entry_point=spec.entry_point,
        step_limit=spec.max_episode_steps or STEP_LIMIT,
        kwargs=spec.kwargs,
    )


def _of_class(module: ModuleType, attribute: str, name: str) -> Registration:
    """The registration of a class or function in a module, made now if there is none."""
    made: Any = module
    for part in attribute.split("."):
        made = getattr(made, part, None)
    if not callable(made):
        own = [id for id, each in REGISTRATIONS.items() if _made_by(each, module)]
        classes = [key for key, value in vars(module).items() if _is_environment_class(value)]
        raise LookupError(
            f"{name!r}: there is no {attribute!r} in {module.__name__}; "
            f"{named(attribute, [*own, *classes])}"
        )
    for registration in REGISTRATIONS.values():
        if registration.entry_point in (made, f"{module.__name__}:{attribute}"):
            return registration
    return register(f"{module.__name__}/{attribute}-v0".replace("..", "."), made)


def _made_by(registration: Registration, module: ModuleType) -> bool:
    entry = registration.entry_point
    told = entry.partition(":")[0] if isinstance(entry, str) else entry.__module__
    return told == module.__name__


def _is_environment_class(value: object) -> bool:
    return (
        isinstance(value, type) and issubclass(value, gymnasium.Env) and value is not gymnasium.Env
    )


def _import(name: str, module: str, load: Callable[[], Any]) -> PlugIn:
    with reading(name):
        try:
            made = load()
            if not isinstance(made, ModuleType) and callable(made):
                made()
        except BREAKS as error:
            return PlugIn(name=name, module=module, fault=_told(error))
    return PlugIn(name=name, module=module)


def _module(name: str) -> ModuleType:
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))
    with _imported(f"module {name!r}", "install it, or run in the folder that holds it"):
        return importlib.import_module(name)


def _file(place: str) -> ModuleType:
    path = Path(place).resolve()
    if not path.is_file():
        raise LookupError(f"there is no file {place}")
    if path not in _files:
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules.setdefault(path.stem, module)  # dataclasses and entry points look there
        with _imported(f"file {place}", "mend the file"):
            spec.loader.exec_module(module)
        _files[path] = module
    return _files[path]


@contextmanager
def _imported(what: str, remedy: str) -> Generator[None]:
    try:
        yield
    except BREAKS as error:
        raise LookupError(f"{what} cannot be imported: {_told(error)}; {remedy}") from error


def _told(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())
