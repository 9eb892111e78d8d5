"""The tables of one household game: what the interpreter plays, and what is kept on disk."""

import msgspec

from oreo_envs.alfworld.rules import Dialect

Numbers = tuple[int, ...]


class Game(msgspec.Struct, frozen=True, kw_only=True):
    """One household game. Numbers index ``objects``, ``receptacles`` and ``locations``."""

    id: str
    goal: str
    """The sentence after "Your task is to: "."""
    task_type: str
    """One of the six official names, from the form of the goal."""
    dialect: Dialect
    walkthrough: tuple[str, ...]
    """Commands that win, as the file gives them; empty in the older dialect."""

    receptacles: tuple[str, ...]
    objects: tuple[str, ...]
    locations: tuple[str, ...]
    places: Numbers
    """The location of each receptacle."""
    start: int
    """Where the agent stands at first."""
    openable: Numbers
    opened: Numbers
    contents: tuple[Numbers, ...]
    """By receptacle: the objects in or on it at first, ascending."""
    fits: tuple[Numbers, ...]
    """By receptacle: the objects that may be put there."""
    washers: Numbers
    microwaves: Numbers
    fridges: Numbers
    lying: tuple[tuple[int, int], ...]
    """(object, location): where objects are said to be, which may disagree with ``contents``."""

    pickupable: Numbers
    cleanable: Numbers
    heatable: Numbers
    coolable: Numbers
    toggleable: Numbers
    sliceable: Numbers
    blades: Numbers
    """Objects that cut."""
    vessels: Numbers
    """Objects that can hold others; what is in them never changes."""
    inside: tuple[tuple[int, int], ...]
    """(vessel, object in it)."""
    clean: Numbers
    hot: Numbers
    cool: Numbers
    sliced: Numbers
    toggled: Numbers

    wanted: Numbers
    """Objects that count for the goal."""
    targets: Numbers
    """Receptacles that count for the goal."""
    lamps: Numbers
    """Toggleable objects that count for a goal of looking under a lamp."""
