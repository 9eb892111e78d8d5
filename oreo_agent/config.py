"""Settings: TOML files and dotted overrides into frozen dataclasses.

Nothing is guessed. Each fault names the path of its setting ("train.policy.lr"), and an unknown
key is answered with the nearest one.
"""

import re
import sys
import tomllib
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, Union

from oreo_agent.errors import SettingError, nearest

T = TypeVar("T")
_RECIPES = (
    Path(__file__).parent.parent / "configs",
    Path(sys.prefix) / "share" / "oreo-agent" / "configs",
)
"""Where recipes lie: in a checkout, and in an installed package."""
_BARE_POINT = re.compile(r"[+-]?(\d+\.|\.\d+)([eE][+-]?\d+)?")
"""Numbers that are none in TOML."""


def build(cls: type[T], data: Mapping[str, Any], *, at: str = "") -> T:
    """Make a ``cls`` of ``data``; tables become nested dataclasses, absent keys take defaults.

    Args:
        cls: a dataclass.
        data: parsed TOML or plain Python data. An integer is taken where a float is wanted, a
            string where a `Path` is, a list where a tuple is; nothing else is converted. Floats
            are finite, unless the dataclass has another default.
        at: path of ``data`` itself, for messages.

    Raises:
        SettingError: an unknown or missing key, a wrong type, or a value that the dataclass
            refuses.
    """
    hints = typing.get_type_hints(cls)
    members = {field.name: field for field in fields(typing.cast(Any, cls)) if field.init}
    values: dict[str, Any] = {}
    for key, value in data.items():
        path = f"{at}.{key}" if at else key
        if key not in members:
            hint = nearest(key, members) if members else "there are none here"
            raise SettingError(f"{path}: no such setting; {hint}")
        usual = value is members[key].default
        values[key] = value if usual else _fit(hints[key], value, path)
    for name, field in members.items():
        absent = name not in values and field.default is MISSING
        if absent and field.default_factory is MISSING:
            raise SettingError(f"{at + '.' if at else ''}{name}: this setting has to be given")
    try:
        return cls(**values)
    except SettingError as error:
        raise SettingError(f"{at}: {error}" if at else str(error)) from error
    except (TypeError, ValueError) as error:
        raise SettingError(f"{at or cls.__name__}: {error}") from error


def check_seed(seed: int) -> None:
    """Refuse a seed that neither records nor torch can hold.

    Raises:
        SettingError: it has more than 64 bits.
    """
    if not -(2**63) <= seed < 2**64:
        raise SettingError(f"a seed is from -2**63 to 2**64 - 1, got {seed}; take another one")


def read_toml(path: Path | str) -> dict[str, Any]:
    """The tables of a TOML file.

    Raises:
        SettingError: it cannot be read, or is no TOML.
    """
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"the settings file {path} cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingError(f"the settings file {path} is no TOML: {error}") from error


def find_recipe(name: Path | str) -> Path:
    """A settings file, or one of the recipes that come with the package by its name.

    Args:
        name: a path, or ``demo-oreo`` for ``configs/demo-oreo.toml``.

    Raises:
        SettingError: there is neither; the message holds the nearest recipe.
    """
    path = Path(name)
    if path.suffix == ".toml" or path.exists() or len(path.parts) > 1:
        return path
    recipes = {recipe.stem: recipe for folder in _RECIPES for recipe in folder.glob("*.toml")}
    if path.name not in recipes:
        raise SettingError(
            f"there is no settings file and no recipe {path.name!r}; {nearest(path.name, recipes)}"
        )
    return recipes[path.name]


def override(data: Mapping[str, Any], assignments: Sequence[str]) -> dict[str, Any]:
    """``data`` with ``"learn.beta=0.1"`` and the like set; tables are made where there are none.

    A value is read as TOML; what is no TOML (``schedule=cosine``) is a string, unless it is a
    number whose point has no digit on one of its sides (``lr=.003``, ``1.``, ``1.e-3``).

    Raises:
        SettingError: an assignment has no ``=`` or no name, or goes through a plain value.
    """
    result = _copied(data)
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals or not all(name.strip().split(".")):
            raise SettingError(f"{assignment!r} sets nothing; write it as name=value")
        _put(result, name.strip(), _parsed(text.strip()))
    return result


def with_values(data: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """``data`` and beside it values by dotted name, ``{"learn.beta": 0.1}``; none is replaced.

    Raises:
        SettingError: a name stands in ``data``, or goes through a plain value.
    """
    result = _copied(data)
    for name, value in values.items():
        if _put(result, name, value) is not None:
            raise SettingError(f"{name} has a field of its own; set that")
    return result


def _put(table: dict[str, Any], name: str, value: Any) -> Any:
    """Set a dotted name, making tables where there are none; gives what stood there, else None."""
    keys = name.split(".")
    inner: Any = table
    for depth, key in enumerate(keys[:-1], 1):
        inner = inner.setdefault(key, {})
        if not isinstance(inner, dict):
            raise SettingError(f"{name}: {'.'.join(keys[:depth])} is a value, it has no settings")
    before = inner.get(keys[-1])
    inner[keys[-1]] = value
    return before


def _copied(data: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: _copied(typing.cast(Mapping[str, Any], value)) if isinstance(value, Mapping) else value
        for key, value in data.items()
    }


def _parsed(text: str) -> Any:
    try:
        parsed = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return float(text) if _BARE_POINT.fullmatch(text) else text
    return parsed["value"] if len(parsed) == 1 else text


def _fit(wanted: Any, value: Any, path: str) -> Any:
    """``value`` as the annotation ``wanted`` has it."""
    origin, args = typing.get_origin(wanted), typing.get_args(wanted)
    if wanted is Any:
        return value
    if origin in (Union, types.UnionType):
        return _fit_any(args, value, path)
    if origin is Literal:
        if any(value == each and type(value) is type(each) for each in args):
            return value
        hint = nearest(value, map(str, args)) if isinstance(value, str) else f"known: {args}"
        raise SettingError(f"{path}: {value!r} is not possible; {hint}")
    if origin is tuple and isinstance(value, list | tuple):
        return _fit_tuple(args, list(typing.cast(Sequence[Any], value)), path)
    if origin is not None and isinstance(origin, type) and issubclass(dict, origin):
        if isinstance(value, Mapping):
            table = typing.cast(Mapping[str, Any], value)
            return {key: _fit(args[1], each, f"{path}.{key}") for key, each in table.items()}
    elif is_dataclass(wanted):
        if isinstance(value, Mapping):
            return build(typing.cast(Any, wanted), typing.cast(Mapping[str, Any], value), at=path)
        if isinstance(value, typing.cast(type, wanted)):
            return value
    elif wanted is float and type(value) in (int, float):
        if -sys.float_info.max <= value <= sys.float_info.max:
            return float(value)
        raise SettingError(f"{path}: wants a finite number, got {value}")
    elif wanted is Path and isinstance(value, str | Path):
        return Path(value)
    elif wanted is None or wanted is types.NoneType:
        if value is None:
            return None
    elif type(value) is wanted:
        return value
    raise SettingError(f"{path}: wants {_named(wanted)}, got {value!r}")


def _fit_any(options: tuple[Any, ...], value: Any, path: str) -> Any:
    """The first of a union's options that takes the value; an exact type comes before others."""
    for option in sorted(options, key=lambda option: type(value) is not option):
        try:
            return _fit(option, value, path)
        except SettingError:
            continue
    names = " or ".join(_named(option) for option in options)
    raise SettingError(f"{path}: wants {names}, got {value!r}")


def _fit_tuple(items: tuple[Any, ...], values: list[Any], path: str) -> tuple[Any, ...]:
    if len(items) == 2 and items[1] is Ellipsis:
        items = (items[0],) * len(values)
    if len(items) != len(values):
        raise SettingError(f"{path}: wants {len(items)} values, got {len(values)}")
    pairs = zip(items, values, strict=True)
    return tuple(_fit(item, value, f"{path}[{i}]") for i, (item, value) in enumerate(pairs))


def _named(wanted: Any) -> str:
    if wanted is None or wanted is types.NoneType:
        return "nothing"
    words = {str: "text", int: "an integer", float: "a number", bool: "true or false"}
    if wanted in words:
        return words[wanted]
    if wanted is Path:
        return "a path"
    if is_dataclass(wanted):
        return "a table"
    return str(wanted).replace("typing.", "")
