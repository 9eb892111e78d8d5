"""An expert for TextWorld: it follows the walkthrough that a game came with."""

import re
from collections import deque
from collections.abc import Mapping
from typing import Any

from oreo_envs.players import Player

_BACK = {"north": "south", "south": "north", "east": "west", "west": "east"}
_OPPOSITE = {"open": "close", "close": "open", "lock": "unlock", "unlock": "lock"}
_MOVED = re.compile(r"(take|drop|put|insert) (.+?)(?: (?:from|on|into) (.+))?")


class Walkthrough(Player):
    """Does the next command of ``info["walkthrough"]``; takes a slip back before it goes on."""

    def begin(self, observation: str) -> None:
        """A new game."""
        self._plan: deque[str] | None = None
        self._slip = ""

    def act(self, observation: str, info: Mapping[str, Any]) -> str:
        """The next command.

        Raises:
            LookupError: the game came without a walkthrough.
        """
        if self._plan is None:
            self._plan = deque(info["walkthrough"])
            if not self._plan:
                raise LookupError(
                    f"game {info['instance']!r} has no walkthrough; let chance or a model play it"
                )
        commands = info["admissible_commands"]
        if self._slip:
            self._recover(commands)
        self._last = self._plan.popleft() if self._plan else "look"
        return self._last

    def replaced(self, command: str) -> None:
        """Know that chance played ``command``; `act` sees to it when it knows what can be done."""
        assert self._plan is not None
        if command != self._last:
            self._plan.appendleft(self._last)
            self._slip = command

    def _recover(self, commands: Any) -> None:
        """Put what undoes the slip before the rest of the plan."""
        assert self._plan is not None
        slip, self._slip = self._slip, ""
        undoing = next((each for each in _undoing(slip) if each in commands), None)
        if undoing is not None:
            self._plan.appendleft(undoing)


def _undoing(command: str) -> list[str]:
    """What may put things back as they were; the first that is admissible does."""
    verb, _, rest = command.partition(" ")
    if verb == "go":
        return [f"go {_BACK[rest]}"] if rest in _BACK else []
    if verb in _OPPOSITE:
        return [f"{_OPPOSITE[verb]} {rest}"]
    found = _MOVED.fullmatch(command)
    if found is None:
        return []
    verb, thing, place = found.groups()
    if verb != "take":
        return [f"take {thing}" if place is None else f"take {thing} from {place}"]
    if place is None:
        return [f"drop {thing}"]
    return [f"put {thing} on {place}", f"insert {thing} into {place}"]
