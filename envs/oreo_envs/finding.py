"""From what a person says to a registration: an id, a module, a file, an installed plug-in.

Plug-ins announce themselves through the entry-point group ``oreo_envs``; each names a module that
registers its environments when it is imported. They are imported one by one when an id is asked
for that is not known yet, that of its namespace first, or all of them when they are to be listed.
One that breaks is remembered with its error, and breaks no other.
"""

import difflib
import hashlib
import importlib
import importlib.metadata
import importlib.util
import re
import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import gymnasium

from oreo_envs.adapters import adapted
from oreo_envs.faults import BREAKS, in_one_line
from oreo_envs.registration import (
    ID,
    REGISTRATIONS,
    STEP_LIMIT,
    Registration,
    reading,
    reading_file,
    register,
)

GROUP = "oreo_envs"
"""Of the entry points by which installed packages bring environments."""


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


def is_environment(name: str) -> bool:
    """Whether a name is meant for an environment, not for a task: it has a colon or a version."""
    return ":" in name or re.search(r"-v\d+$", name) is not None


def plug_ins() -> list[PlugIn]:
    """All installed plug-ins, imported, sorted by name."""
    return sorted(_imported_plug_ins(), key=lambda plug_in: plug_in.name)


def _imported_plug_ins(first: str = "") -> Iterator[PlugIn]:
    """Plug-ins as they are imported, the one called ``first`` before the others."""
    points = {point.name: point for point in importlib.metadata.entry_points(group=GROUP)}
    for name in sorted(points, key=lambda name: (name != first, name)):
        if name not in _read:
            _read[name] = _import(name, points[name].value, points[name].load)
        yield _read[name]


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
    if not _known(name):
        faults: list[PlugIn] = []
        for plug_in in _imported_plug_ins(first=name.partition("/")[0]):
            faults += [plug_in] if plug_in.fault else []
            if _known(name):
                break
        else:
            raise LookupError(_unknown(name, faults))
    return _registered(name)


def _known(id: str) -> bool:
    return id in REGISTRATIONS or id in gymnasium.registry


def _unknown(name: str, faults: Sequence[PlugIn]) -> str:
    """What is said of an id that nobody registered."""
    for plug_in in faults:
        if name.startswith(f"{plug_in.name}/"):
            return (
                f"environment {name!r} is of the plug-in {plug_in.name!r}, which cannot be "
                f"imported: {plug_in.fault}; mend or reinstall the package that brings it"
            )
    told = "".join(f"; plug-in {p.name!r} cannot be imported: {p.fault}" for p in faults)
    hint = named(name, {*REGISTRATIONS, *gymnasium.registry})
    return f"no environment is called {name!r}; {hint}{told}"


def _registered(id: str, source: str = "") -> Registration:
    """What is told of an id, or what Gymnasium knows of one that was registered there only.

    Raises:
        LookupError: it is a batch of environments, of which none can be had alone.
        ValueError: it is no id such as ours.
    """
    if id in REGISTRATIONS:
        return REGISTRATIONS[id]
    spec = gymnasium.spec(id)
    if spec.entry_point is None:
        raise LookupError(
            f"{id!r} is registered with Gymnasium as a vector environment alone; register the "
            "single environment as well"
        )
    return Registration(
        id=id,
        entry_point=spec.entry_point,
        step_limit=spec.max_episode_steps or STEP_LIMIT,
        kwargs=spec.kwargs,
        source=source,
    )


def _of_class(module: ModuleType, attribute: str, name: str) -> Registration:
    """The registration of a class or function in a module, made now if there is none."""
    made: Any = module
    for part in attribute.split("."):
        made = getattr(made, part, None)
    place = name.rpartition(":")[0]
    if not callable(made):
        own = [id for id, each in REGISTRATIONS.items() if _home(each.entry_point) == _home(module)]
        classes = [key for key, value in vars(module).items() if _is_environment_class(value)]
        raise LookupError(
            f"{name!r}: there is no {attribute!r} in {place}; {named(attribute, [*own, *classes])}"
        )
    for registration in REGISTRATIONS.values():
        if registration.entry_point in (made, f"{_home(module)}:{attribute}"):
            return registration
    space = Path(place).stem if place.endswith(".py") else place
    return register(_free_id(space, attribute, _home(module)), made)


def _free_id(space: str, attribute: str, module: str) -> str:
    """An id for what was registered under none: ``space/attribute-v0``, in letters that ids have.

    Of two that would be called alike (files of one name in two folders) the second is told apart by
    its module.
    """
    space, attribute = re.sub(r"[^\w-]", "-", space), re.sub(r"[^\w.-]", "-", attribute)
    id = f"{space}/{attribute}-v0"
    return f"{space}-{_digest(module)}/{attribute}-v0" if _known(id) else id


def _home(made: Any) -> str:
    """Name of a module, or of that in which an entry point is found."""
    if isinstance(made, ModuleType):
        return made.__name__
    return made.partition(":")[0] if isinstance(made, str) else str(getattr(made, "__module__", ""))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


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
            return PlugIn(name=name, module=module, fault=in_one_line(error))
    _adopt(name, module)
    return PlugIn(name=name, module=module)


def _adopt(plug_in: str, module: str) -> None:
    """List what a plug-in's package has registered with Gymnasium alone."""
    package = module.partition(":")[0].partition(".")[0]
    for id, spec in list(gymnasium.registry.items()):
        own = _home(spec.entry_point).partition(".")[0] == package
        if own and spec.entry_point is not None and ID.fullmatch(id) and id not in REGISTRATIONS:
            REGISTRATIONS[id] = _registered(id, source=plug_in)


def _module(name: str) -> ModuleType:
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))
    with _imported(f"module {name!r}", "install it, or run in the folder that holds it"):
        return importlib.import_module(name)


def _file(place: str) -> ModuleType:
    """The module in a file, made once.

    Its name follows from the path, so that it is the same in every process and no other module's.
    """
    path = Path(place).resolve()
    if not path.is_file():
        raise LookupError(f"there is no file {place}")
    name = re.sub(r"\W", "_", f"{path.stem}_{_digest(str(path))}")
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        # dataclasses, pickles and entry points look there
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        try:
            with _imported(f"file {place}", "mend the file"), reading_file(path.stem, name):
                spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
    return sys.modules[name]


@contextmanager
def _imported(what: str, remedy: str) -> Generator[None]:
    try:
        yield
    except BREAKS as error:
        raise LookupError(f"{what} cannot be imported: {in_one_line(error)}; {remedy}") from error
