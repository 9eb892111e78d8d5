"""What somebody who only reads the game's sentences knows about the home."""

import re
from collections.abc import Iterable

_NAME = r"\w+ \d+"
_LISTED = re.compile(rf"\ba ({_NAME})")
_VIEW = re.compile(rf"The ({_NAME}) is (open|closed)\.|On the ({_NAME}), you see")
_CLOSE = re.compile(rf"You close the ({_NAME})\.")
_TAKE = re.compile(rf"You pick up the ({_NAME}) from the ({_NAME})\.")
_PUT = re.compile(rf"You (?:move|put) the ({_NAME}) (?:to|in/on) the ({_NAME})\.")
_TREAT = re.compile(rf"You (clean|heat|cool) the ({_NAME}) using the ({_NAME})\.")
_LIGHT = re.compile(rf"You turn on the ({_NAME})\.")
_FACING = re.compile(r"You are facing the (.*?)\. Next to it")
_CARRY = re.compile(rf"You are carrying: a ({_NAME})\.")
_EACH = re.compile(_NAME)
_ARRIVE = "You arrive at "
FAILED = "Nothing happens."


def kind(name: str) -> str:
    """The class in a name: "cabinet" of "cabinet 3"."""
    return name.partition(" ")[0]


class Memory:
    """The home as seen so far; `read` every observation in turn."""

    def __init__(self, receptacles: Iterable[str]) -> None:
        self.receptacles = list(dict.fromkeys(receptacles))
        """In the order in which the first observation lists them."""
        self.contents: dict[str, list[str]] = {}
        """Receptacle -> what was last known to be in or on it; absent where never seen."""
        self.open: dict[str, bool] = {}
        """Receptacle -> whether one can reach into it; absent where not known."""
        self.here: str | None = None
        """A receptacle at the place where we stand; None where that is not known."""
        self.held: str | None = None
        self.origin: dict[str, str] = {}
        """Object -> where it was last taken from."""
        self.treated: dict[str, set[str]] = {}
        """Object -> which of clean, heat, cool were done to it and hold."""
        self.lit: set[str] = set()
        """Lamps that were turned on."""
        self.old = False
        """Whether the game speaks the older dialect; known from the first "go to" on."""
        self._spots: dict[str, int] = {}
        """Receptacle -> number of the place where it stands, as far as known."""

    def near(self, receptacle: str) -> bool:
        """Whether ``receptacle`` is known to stand where we are."""
        if self.here is None:
            return False
        return receptacle == self.here or self._spot(receptacle) == self._spot(self.here)

    def read(self, observation: str, command: str) -> None:
        """Take in the answer to ``command`` (which matters only where a "go to" fails)."""
        if observation == FAILED:
            if command.startswith("go to "):
                self._already_at(command.removeprefix("go to "))
            return
        if observation.startswith(_ARRIVE):
            self._arrive(observation)
        if found := _VIEW.search(observation):
            self._view(found, observation[found.end() :])
        elif found := _TAKE.search(observation):
            thing, place = found.groups()
            self._stand(place)
            self._forget(thing)
            self.held = thing
            self.origin[thing] = place
            self.open[place] = True
        elif found := _PUT.search(observation):
            thing, place = found.groups()
            self._stand(place)
            self._forget(thing)
            self.held = None
            self.open[place] = True
            self.contents.setdefault(place, []).append(thing)
        elif found := _CLOSE.search(observation):
            self._stand(found.group(1))
            self.open[found.group(1)] = False
        elif found := _TREAT.search(observation):
            deed, thing, place = found.groups()
            self._stand(place)
            self.held = thing
            undone = {"heat": {"cool"}, "cool": {"heat"}}.get(deed, set[str]())
            self.treated[thing] = self.treated.get(thing, set()) - undone | {deed}
        elif found := _LIGHT.search(observation):
            self.lit.add(found.group(1))
        elif found := _FACING.search(observation):
            for name in _EACH.findall(found.group(1)):
                self._stand(name)
        elif found := _CARRY.search(observation):
            self.held = found.group(1)
        elif observation == "You are not carrying anything.":
            self.held = None

    def lost(self) -> None:
        """Give up the belief of where we are and what stands together: it was wrong."""
        self.here = None
        self._spots.clear()

    def unseen(self) -> list[str]:
        """The receptacles whose contents were never seen, in the order of the list."""
        return [r for r in self.receptacles if r not in self.contents]

    def known(self, wanted: str) -> list[tuple[str, str]]:
        """(object, receptacle) of every object of the class ``wanted`` seen lying somewhere."""
        return [
            (thing, place)
            for place, things in self.contents.items()
            for thing in things
            if kind(thing) == wanted
        ]

    def _spot(self, receptacle: str) -> int:
        return self._spots.setdefault(receptacle, len(self._spots) + 1)

    def _stand(self, receptacle: str) -> None:
        """We are at ``receptacle``, without having walked."""
        if self.here is None:
            self.here = receptacle
        elif not self.near(receptacle):
            old, new = self._spot(receptacle), self._spot(self.here)
            self._spots.update({r: new for r, spot in self._spots.items() if spot == old})

    def _already_at(self, receptacle: str) -> None:
        """Going to ``receptacle`` failed, so we are there, if it exists."""
        if receptacle in self.receptacles:
            self._stand(receptacle)

    def _arrive(self, observation: str) -> None:
        self.old = observation.startswith("You arrive at loc ")
        found = _VIEW.search(observation)
        self.here = (found.group(1) or found.group(3)) if found else None

    def _view(self, found: re.Match[str], listing: str) -> None:
        named, state, plain = found.groups()
        place: str = named or plain
        self._stand(place)
        self.open[place] = state != "closed"
        if state != "closed":
            self.contents[place] = _LISTED.findall(listing)

    def _forget(self, thing: str) -> None:
        for things in self.contents.values():
            if thing in things:
                things.remove(thing)
