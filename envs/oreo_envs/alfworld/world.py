"""The interpreter: one household game being played, with the words of the stock engine.

The rules are those of the official domain, written as code; nothing is searched or grounded. A
command that is not possible now changes nothing and is answered with "Nothing happens.". As in the
stock engine the game goes on after the goal is reached, and `World.won` follows the goal: it turns
False again when the goal is undone. Ending the episode is the environment's business.
"""

from collections.abc import Callable
from typing import ClassVar

from oreo_envs.alfworld.lexicon import HELP
from oreo_envs.alfworld.scene import NONE, Scene

NOTHING_HAPPENS = "Nothing happens."


class World(Scene):
    """One game being played: ``reset``, ``step``, ``admissible``, ``won`` and ``copy``."""

    __slots__ = ()

    def step(self, command: str) -> str:
        """Do ``command``; returns what the game says."""
        verb, blank, rest = command.strip().partition(" ")
        deed = (self._deeds if blank else self._words).get(verb)
        text = deed(self, rest) if deed is not None else None
        return NOTHING_HAPPENS if text is None else text

    # Commands. Each returns what the game says, or None where the command is not possible.

    def _help(self, rest: str) -> str | None:
        return HELP if self.game.dialect == "move" else None

    def _inventory(self, rest: str) -> str:
        if self._held == NONE:
            return "You are not carrying anything."
        return f"You are carrying: {self._lexicon.a_object[self._held]}."

    def _look(self, rest: str) -> str:
        if not self._site.here:
            return "You are in the middle of a room. Looking quickly around you, you see nothing."
        return f"You are facing the {self._site.facing}. Next to it, you see {self._floor()}."

    def _go(self, rest: str) -> str | None:
        r = self._lexicon.receptacle.get(rest[3:], NONE)
        if r == NONE or not rest.startswith("to ") or self.game.places[r] == self._place:
            return None
        self._place = self.game.places[r]
        self._site = self._lexicon.site(self._place)
        self._commands = None
        if self._lexicon.lamps:
            self.won = self._goal_holds()
        if self.game.dialect == "put":
            return f"You arrive at {self.game.locations[self._place]}. {self._view(r)}"
        return f"You arrive at {rest[3:]}. {self._view(r)}"

    def _open(self, rest: str) -> str | None:
        r = self._near(rest)
        if r == NONE or not (self._lexicon.openable & ~self._opened) >> r & 1:
            return None
        self._opened |= 1 << r
        self._commands = None
        return f"You open the {rest}. {self._view(r)}"

    def _close(self, rest: str) -> str | None:
        r = self._near(rest)
        if r == NONE or not (self._lexicon.openable & self._opened) >> r & 1:
            return None
        self._opened &= ~(1 << r)
        self._commands = None
        return f"You close the {rest}."

    def _take(self, rest: str) -> str | None:
        name, _, where = rest.partition(" from ")
        r = self._within_reach(where)
        o = self._lexicon.object.get(name, NONE)
        if r == NONE or self._held != NONE or o not in self._contents[r]:
            return None
        if not self._lexicon.pickupable >> o & 1:
            return None
        self._held = o
        self._contents[r] = tuple(other for other in self._contents[r] if other != o)
        self._lying[self._place] = self._lying.get(self._place, 0) & ~(1 << o)
        self._taken[r] = self._taken.get(r, 0) | 1 << o
        self._changed()
        return f"You pick up the {name} from the {where}."

    def _move(self, rest: str) -> str | None:
        return self._put_down(rest, " to ", "You move the {} to the {}.", "move")

    def _put(self, rest: str) -> str | None:
        return self._put_down(rest, " in/on ", "You put the {} in/on the {}.", "put")

    def _put_down(self, rest: str, word: str, says: str, dialect: str) -> str | None:
        name, _, where = rest.partition(word)
        r = self._within_reach(where)
        o = self._holding(name)
        if r == NONE or o == NONE or self.game.dialect != dialect:
            return None
        if not self._lexicon.fits[r] >> o & 1:
            return None
        self._held = NONE
        self._contents[r] = tuple(sorted({*self._contents[r], o}))
        self._lying[self._place] = self._lying.get(self._place, 0) | 1 << o
        self._taken[r] = self._taken.get(r, 0) & ~(1 << o)
        self._changed()
        return says.format(name, where)

    def _wash(self, rest: str) -> str | None:
        o, r = self._device(rest)
        if o == NONE or not (self._lexicon.cleanable >> o & self._lexicon.washers >> r & 1):
            return None
        self._clean |= 1 << o
        self._changed()
        return self._treated("clean", rest)

    def _heat(self, rest: str) -> str | None:
        o, r = self._device(rest)
        if o == NONE or not (self._lexicon.heatable >> o & self._lexicon.microwaves >> r & 1):
            return None
        self._hot |= 1 << o
        self._cool &= ~(1 << o)
        self._changed()
        return self._treated("heat", rest)

    def _chill(self, rest: str) -> str | None:
        o, r = self._device(rest)
        if o == NONE or not (self._lexicon.coolable >> o & self._lexicon.fridges >> r & 1):
            return None
        self._cool |= 1 << o
        self._hot &= ~(1 << o)
        self._changed()
        return self._treated("cool", rest)

    def _slice(self, rest: str) -> str | None:
        name, _, blade = rest.partition(" with ")
        knife = self._holding(blade)
        o = self._lexicon.object.get(name, NONE)
        if o == NONE or knife == NONE or not self._lexicon.blades >> knife & 1:
            return None
        if not (self._lexicon.sliceable & self._lying.get(self._place, 0)) >> o & 1:
            return None
        self._sliced |= 1 << o
        return f"You sliced the {name} with the {blade}."

    def _use(self, rest: str) -> str | None:
        o = self._lexicon.object.get(rest, NONE)
        if o == NONE or not self._lexicon.toggleable >> o & 1:
            return None
        if not any(o in self._contents[r] for r in self._site.here):
            return None
        self._toggled |= 1 << o
        self._changed()
        return f"You turn on the {rest}."

    def _examine(self, rest: str) -> str | None:
        r = self._near(rest)
        if r != NONE:
            return self._view(r)
        o = self._holding(rest)
        return None if o == NONE else self._inspect(o)

    def _changed(self) -> None:
        self._commands = None
        self.won = self._goal_holds()

    def _treated(self, verb: str, rest: str) -> str:
        name, _, where = rest.partition(" with ")
        return f"You {verb} the {name} using the {where}."

    _words: ClassVar[dict[str, "_Deed"]] = {
        "help": _help,
        "inventory": _inventory,
        "look": _look,
    }
    _deeds: ClassVar[dict[str, "_Deed"]] = {
        "clean": _wash,
        "close": _close,
        "cool": _chill,
        "examine": _examine,
        "go": _go,
        "heat": _heat,
        "move": _move,
        "open": _open,
        "put": _put,
        "slice": _slice,
        "take": _take,
        "use": _use,
    }


_Deed = Callable[[World, str], str | None]
