"""A table of names whose objects are imported on first use, so that listing them costs nothing."""

import hashlib
import importlib.util
import pkgutil
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, TypeVar, cast

from oreo_agent.errors import SettingError, nearest

T = TypeVar("T")


class Registry(Generic[T]):
    """One kind of plug-in: ``Registry("objective", {"oreo": "package.module:Class"})``."""

    def __init__(self, kind: str, table: Mapping[str, str], *, own: bool = False) -> None:
        """A table of names; with ``own`` a user's ``module:Class`` or ``file.py:Class`` will do."""
        self.kind = kind
        self._table = dict(table)
        self._own = own

    def names(self) -> list[str]:
        """Every name, sorted. Imports nothing."""
        return sorted(self._table)

    def check(self, name: str) -> None:
        """See that ``name`` stands for something. Imports nothing.

        Raises:
            SettingError: it does not; the message holds the nearest one.
        """
        if name not in self._table and not (self._own and ":" in name):
            own = ", or module:Class or file.py:Class of your own" if self._own else ""
            raise SettingError(
                f"no {self.kind} is called {name!r}; {nearest(name, self._table)}{own}"
            )

    def load(self, name: str) -> T:
        """Import what ``name`` stands for.

        Raises:
            SettingError: there is no such name, or a user's own cannot be imported.
        """
        self.check(name)
        if name in self._table:
            return cast(T, pkgutil.resolve_name(self._table[name]))
        try:
            return cast(T, _users(name))
        except (Exception, SystemExit) as error:  # a user's file may do whatever it likes
            raise SettingError(
                f"the {self.kind} {name!r} cannot be imported: {error or type(error).__name__}; "
                "name it module:Class (in this folder, or installed) or file.py:Class"
            ) from error

    def checksum(self, name: str) -> str:
        """Eight hexadecimal digits of the file in which a user's own ``name`` stands.

        Empty for names of the table, whose code goes by this package's version.

        Raises:
            SettingError: as `load`.
        """
        if name in self._table:
            return ""
        module = sys.modules[getattr(self.load(name), "__module__", "")]
        return hashlib.sha256(Path(str(module.__file__)).read_bytes()).hexdigest()[:8]


def _users(name: str) -> Any:
    """What stands in a module that is installed or in the current folder, or in a file."""
    place, _, attribute = name.rpartition(":")
    if not place.endswith(".py"):
        if "" not in sys.path and str(Path.cwd()) not in sys.path:
            sys.path.append(str(Path.cwd()))
        return pkgutil.resolve_name(name)
    found: Any = _module(Path(place))
    for part in attribute.split("."):
        found = getattr(found, part)
    return found


def _module(file: Path) -> ModuleType:
    """The module in ``file``, made once; no other file of that name is taken for it."""
    path = file.resolve()
    known = f"{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    if known in sys.modules:
        return sys.modules[known]
    spec = importlib.util.spec_from_file_location(known, path)
    if spec is None or spec.loader is None or not path.exists():
        raise FileNotFoundError(f"there is no file {file}")
    module = sys.modules[known] = importlib.util.module_from_spec(spec)  # dataclasses look it up
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[known]
        raise
    return module
