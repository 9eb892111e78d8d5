"""A table of names whose objects are imported on first use, so that listing them costs nothing."""

import pkgutil
from collections.abc import Mapping
from typing import Generic, TypeVar, cast

from oreo_agent.errors import SettingError, nearest

T = TypeVar("T")


class Registry(Generic[T]):
    """One kind of plug-in: ``Registry("objective", {"oreo": "package.module:Class"})``."""

    def __init__(self, kind: str, table: Mapping[str, str]) -> None:
        self.kind = kind
        self._table = dict(table)

    def names(self) -> list[str]:
        """Every name, sorted. Imports nothing."""
        return sorted(self._table)

    def check(self, name: str) -> None:
        """See that ``name`` stands for something. Imports nothing.

        Raises:
            SettingError: it does not; the message holds the nearest one.
        """
        if name not in self._table:
            raise SettingError(f"no {self.kind} is called {name!r}; {nearest(name, self._table)}")

    def load(self, name: str) -> T:
        """Import what ``name`` stands for.

        Raises:
            SettingError: there is no such name.
        """
        self.check(name)
        return cast(T, pkgutil.resolve_name(self._table[name]))
