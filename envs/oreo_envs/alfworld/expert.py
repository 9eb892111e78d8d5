"""A player that reads only what the agent reads, and nearly always wins.

It keeps a memory of what it has seen, looks for what the goal needs where such things mostly are,
and prefers what is near. It is deterministic and its search order depends on classes and on the
order of the list alone, so that a small model can learn to do the same.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from oreo_envs.alfworld.memory import FAILED, Memory, kind
from oreo_envs.alfworld.prior import Prior, train_prior
from oreo_envs.alfworld.slips import slipped
from oreo_envs.players import Player, admissible

_TASK = "Your task is to: "
_LIST = re.compile(r"\ban? (\w+ \d+)")
_SENTENCES: tuple[tuple[str, str], ...] = (
    ("look", r"(?:examine the|look at) (?P<thing>\w+) (?:with|under) the (?P<target>\w+)"),
    ("two", r"find two (?P<thing>\w+) and put them in (?P<target>\w+)"),
    ("two", r"put two (?P<thing>\w+) in (?P<target>\w+)"),
    ("clean", r"clean some (?P<thing>\w+) and put it in (?P<target>\w+)"),
    ("clean", r"put a clean (?P<thing>\w+) in (?P<target>\w+)"),
    ("cool", r"cool some (?P<thing>\w+) and put it in (?P<target>\w+)"),
    ("cool", r"put a cool (?P<thing>\w+) in (?P<target>\w+)"),
    ("heat", r"heat some (?P<thing>\w+) and put it in (?P<target>\w+)"),
    ("heat", r"put a hot (?P<thing>\w+) in (?P<target>\w+)"),
    ("put", r"put (?:a|some) (?P<thing>\w+) (?:in|on) (?P<target>\w+)"),
)
"""The sentences in which official games state their goals."""
_DEVICES = {"clean": "sinkbasin", "cool": "fridge", "heat": "microwave"}


@dataclass(frozen=True, slots=True)
class Errand:
    """A goal as its sentence states it."""

    deed: str
    """``put``, ``two``, ``clean``, ``heat``, ``cool`` or ``look``."""
    thing: str
    """Class of the object."""
    target: str
    """Class of the receptacle that it goes to; for ``look`` class of the lamp."""


def read_errand(observation: str) -> Errand:
    """The goal stated in a game's first observation.

    Raises:
        ValueError: the sentence is not one of the official templates, for instance because a person
            wrote it.
    """
    _, _, sentence = observation.partition(_TASK)
    sentence = sentence.strip().rstrip(".")
    for deed, pattern in _SENTENCES:
        if found := re.fullmatch(pattern, sentence):
            return Errand(deed, found["thing"], found["target"])
    raise ValueError(
        f"the expert does not understand the goal {sentence!r}: it knows the sentences of the "
        "official games only; use another policy for this game"
    )


class Expert(Player):
    """Plays a game from its sentences; one `act` a turn.

    The first observation of a game (the one with the task) starts afresh, so one expert can play
    game after game.
    """

    def __init__(self, prior: Prior | None = None) -> None:
        self._prior = train_prior() if prior is None else prior
        self._command = ""
        self._own = True
        """Whether that was our own command."""
        self._refused: set[str] = set()
        self._errand = Errand("", "", "")
        self._memory = Memory(())

    def begin(self, observation: str) -> None:
        """Forget everything and read the first observation of a game.

        Raises:
            ValueError: the goal is not one of the official sentences.
        """
        self._errand = read_errand(observation)
        self._memory = Memory(_LIST.findall(observation.partition(_TASK)[0]))
        self._command = ""
        self._refused = set()

    def act(self, observation: str, info: Mapping[str, Any] | None = None) -> str:
        """The command for this turn.

        Args:
            observation: the answer to the previous command, or a game's first observation.
            info: ignored; here because players are called with it.
        """
        if _TASK in observation:
            self.begin(observation)
        else:
            self._learn(observation)
        self._command, self._own = self._next(), True
        return self._command

    @property
    def memory(self) -> Memory:
        """What is known of the home by now."""
        return self._memory

    def replaced(self, command: str) -> None:
        """Tell that ``command`` was given instead of the one that `act` returned last."""
        self._command, self._own = command, False

    def slip(self, info: Mapping[str, Any], rng: Random) -> str:
        """A possible command, or now and then one that is not."""
        return slipped(self._memory, admissible(info), rng)

    def _learn(self, observation: str) -> None:
        """Take in an answer; a refusal that we did not expect means that a belief was wrong."""
        if observation == FAILED and self._own and not self._command.startswith("go to "):
            self._refused.add(self._command)
            self._memory.lost()
        self._memory.read(observation, self._command)

    def _next(self) -> str:
        """What to do now, given what is remembered."""
        errand, held = self._errand, self._memory.held
        if held is None:
            return self._get()
        if kind(held) != errand.thing:
            return self._rid(held)
        if errand.deed == "look":
            return self._light()
        if (device := _DEVICES.get(errand.deed)) and errand.deed not in self._memory.treated.get(
            held, ()
        ):
            return self._use_at(device, f"{errand.deed} {held} with {{}}") or self._search(device)
        return self._deliver(held)

    def _get(self) -> str:
        """Fetch an object of the wanted class, or look for one."""
        errand, memory = self._errand, self._memory
        done = self._best_target() if errand.deed == "two" else None
        found = [
            (thing, place)
            for thing, place in memory.known(errand.thing)
            if place != done and f"take {thing} from {place}" not in self._refused
        ]
        if not found:
            return self._search(errand.thing)
        thing, place = min(found, key=lambda pair: self._effort(pair[1]))
        return self._reach(place) or f"take {thing} from {place}"

    def _rid(self, held: str) -> str:
        """Put back what is of no use."""
        places = [self._memory.origin.get(held), self._memory.here, *self._memory.receptacles]
        for place in places:
            if place is not None and self._put(held, place) not in self._refused:
                return self._reach(place) or self._put(held, place)
        return "inventory"

    def _light(self) -> str:
        """With the object in hand: turn on the lamp, or stand where a lit one is."""
        lamps = [
            (lamp, place)
            for lamp, place in self._memory.known(self._errand.target)
            if f"use {lamp}" not in self._refused
        ]
        if not lamps:
            return self._search(self._errand.target)
        lamp, place = min(lamps, key=lambda pair: self._effort(pair[1]))
        if not self._memory.near(place):
            return f"go to {place}"
        return f"use {lamp}"

    def _deliver(self, held: str) -> str:
        """Put what we hold where the goal wants it."""
        place = self._best_target() if self._errand.deed == "two" else None
        if place is not None and self._put(held, place) not in self._refused:
            return self._reach(place) or self._put(held, place)
        return self._use_at(
            self._errand.target, self._put(held, "{}"), reach_in=True
        ) or self._search(self._errand.target)

    def _put(self, held: str, place: str) -> str:
        """The command for putting down, in the words of the game's dialect."""
        return f"put {held} in/on {place}" if self._memory.old else f"move {held} to {place}"

    def _best_target(self) -> str | None:
        """The receptacle of the target class that holds most of the wanted, if any holds one."""
        wanted = [
            place
            for _, place in self._memory.known(self._errand.thing)
            if kind(place) == self._errand.target
        ]
        return max(wanted, key=wanted.count) if wanted else None

    def _use_at(self, place_kind: str, command: str, *, reach_in: bool = False) -> str:
        """Go to the easiest receptacle of a class and do something there; "" if there is none."""
        places = [
            place
            for place in self._memory.receptacles
            if kind(place) == place_kind and command.format(place) not in self._refused
        ]
        if not places:
            return ""
        place = min(places, key=lambda p: self._effort(p, reach_in=reach_in))
        if reach_in:
            return self._reach(place) or command.format(place)
        return command.format(place) if self._memory.near(place) else f"go to {place}"

    def _reach(self, place: str) -> str:
        """The next command on the way into ``place``; "" when it is within reach."""
        if not self._memory.near(place):
            return f"go to {place}"
        if place not in self._memory.open:
            return f"examine {place}"
        return "" if self._memory.open[place] else f"open {place}"

    def _search(self, wanted: str) -> str:
        """Look into the place where ``wanted`` is most likely for the effort."""
        memory = self._memory
        unseen = [p for p in memory.unseen() if f"open {p}" not in self._refused]
        if not unseen:
            # everything was seen and yet the thing is nowhere: something we remember is wrong
            memory.contents.clear()
            memory.open.clear()
            self._refused.clear()
            unseen = memory.receptacles
        if not unseen:
            return "look"
        place = max(unseen, key=lambda p: self._promise(wanted, p))
        return self._reach(place) or f"examine {place}"

    def _promise(self, wanted: str, place: str) -> float:
        """Chance of finding something of use in ``place``, for each command that it takes."""
        errand, holds = self._errand, self._prior.holds
        chance = holds(wanted, kind(place))
        if wanted == errand.thing:
            if errand.deed == "look":
                chance += holds(errand.target, kind(place))
            elif errand.deed == "put" and kind(place) == errand.target:
                chance = 0.0  # one that lay there would have ended the game before it began
        return chance / self._effort(place, least=0.5)

    def _effort(self, place: str, *, reach_in: bool = True, least: float = 0.0) -> float:
        """Commands needed until one can reach into ``place``; in expectation where not known."""
        effort = 0.0 if self._memory.near(place) else 1.0
        if reach_in:
            open_ = self._memory.open.get(place)
            effort += self._prior.opens(kind(place)) if open_ is None else 0.0 if open_ else 1.0
        return max(effort, least)
