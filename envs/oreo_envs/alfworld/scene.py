"""What is where in a game being played, what it looks like, and what could be done."""

from copy import copy
from typing import Self

from oreo_envs.alfworld.game import Game
from oreo_envs.alfworld.goals import CLEAN, COOL, HEAT, LOOK, PICK_TWO
from oreo_envs.alfworld.lexicon import Lexicon, listed

NONE = -1
"""No object, no receptacle."""
_OLD_WORDS = ["inventory", "look"]


class Scene:
    """The state of one game; a few hundred bytes besides what all scenes of the game share."""

    __slots__ = (
        "_clean", "_commands", "_contents", "_cool", "_held", "_hot", "_lexicon", "_lying",
        "_opened", "_place", "_site", "_sliced", "_taken", "_toggled", "game", "won",
    )  # fmt: skip

    def __init__(self, game: Game) -> None:
        self.game = game
        self._lexicon = Lexicon(game)
        self.reset()

    def reset(self) -> str:
        """Put everything back to the beginning; returns the first observation."""
        lexicon = self._lexicon
        self._place = self.game.start
        self._site = lexicon.site(self._place)
        self._held = NONE
        self._opened = lexicon.opened
        self._contents = list(self.game.contents)
        self._lying = dict(lexicon.lying)
        self._taken: dict[int, int] = {}  # receptacle -> objects that were taken out of it
        self._clean = lexicon.clean
        self._hot = lexicon.hot
        self._cool = lexicon.cool
        self._sliced = lexicon.sliced
        self._toggled = lexicon.toggled
        self._commands: list[str] | None = None
        self.won = self._goal_holds()
        return lexicon.intro

    @property
    def intro(self) -> str:
        """The first observation of the game."""
        return self._lexicon.intro

    def copy(self) -> Self:
        """An independent world in the same state."""
        twin = copy(self)
        twin._contents = self._contents.copy()
        twin._lying = self._lying.copy()
        twin._taken = self._taken.copy()
        return twin

    def admissible(self) -> list[str]:
        """All commands that are possible now, in plain string order."""
        if self._commands is None:
            self._commands = self._possible()
        return self._commands.copy()

    # Where things are.

    def _near(self, name: str) -> int:
        """The receptacle of that name if it stands here, open or closed."""
        r = self._lexicon.receptacle.get(name, NONE)
        return r if r in self._site.here else NONE

    def _within_reach(self, name: str) -> int:
        """The receptacle of that name if it stands here and nothing can be or is closed."""
        r = self._near(name)
        return r if r != NONE and self._accessible(r) else NONE

    def _accessible(self, r: int) -> bool:
        return bool((~self._lexicon.openable | self._opened) >> r & 1)

    def _holding(self, name: str) -> int:
        """The object of that name if it is in the agent's hand."""
        held = self._held
        return held if held != NONE and self.game.objects[held] == name else NONE

    def _device(self, rest: str) -> tuple[int, int]:
        """Held object and receptacle here of "X with Y"; none where either is not so."""
        name, _, where = rest.partition(" with ")
        r = self._near(where)
        return (self._holding(name), r) if r != NONE else (NONE, NONE)

    # What things look like.

    def _view(self, r: int) -> str:
        """A receptacle, as seen on arrival, after opening and when examined."""
        name = self.game.receptacles[r]
        openable = self._lexicon.openable >> r & 1
        if openable and not self._opened >> r & 1:
            return f"The {name} is closed."
        a_object = self._lexicon.a_object
        seen = listed([a_object[o] for o in self._contents[r]])
        return f"The {name} is open. In it, you see {seen}." if openable else (
            f"On the {name}, you see {seen}."
        )  # fmt: skip

    def _floor(self) -> str:
        """What lies "next to" the receptacles here.

        The stock engine lists an object that is at this location once for every receptacle here
        that it was taken out of and is not in now; so what has been carried between two
        neighbouring receptacles appears, and nothing else.
        """
        if not self._taken:
            return "nothing"
        lying = self._lying.get(self._place, 0)
        return listed(
            [
                a_object
                for o, a_object in enumerate(self._lexicon.a_object)
                if lying >> o & 1
                for r in self._site.here
                if self._taken.get(r, 0) >> o & 1
            ]
        )

    def _inspect(self, o: int) -> str:
        """An object in the hand."""
        name = self.game.objects[o]
        if self._lexicon.vessels >> o & 1:
            inner = [self._lexicon.a_object[i] for vessel, i in self.game.inside if vessel == o]
            return f"This is a normal {name}. In it, you see {listed(inner)}."
        clean, hot, cool = self._clean >> o & 1, self._hot >> o & 1, self._cool >> o & 1
        sliced = self._sliced >> o & 1
        warmth = "hot" if hot else "cool" if cool else ""
        words = [word for word in (warmth, "clean" if clean else "") if word]
        look = " and ".join(words)
        if look and sliced:
            return f"This is a {look} sliced {name}."
        if look:
            return f"This is a {'cold' if look == 'cool' else look} {name}."
        if (self._lexicon.toggleable & self._toggled) >> o & 1:
            return f"This {name} is on."
        if sliced and self._lexicon.sliceable >> o & 1:
            return f"This is a sliced {name}."
        return f"There's nothing special about {name}."

    # What could be done, and whether all is done.

    def _possible(self) -> list[str]:
        """All possible commands; each verb's are sorted, and the verbs follow the alphabet."""
        lexicon, site = self._lexicon, self._site
        opens: list[str] = []
        closes: list[str] = []
        for name, r in site.named:
            if lexicon.openable >> r & 1:
                if self._opened >> r & 1:
                    closes.append(f"close {name}")
                else:
                    opens.append(f"open {name}")
        examines = [f"examine {name}" for name, _ in site.named]
        words = ["help", "inventory", "look"] if self.game.dialect == "move" else _OLD_WORDS
        if self._held == NONE:
            return [*closes, *examines, *site.away, *words, *opens, *self._takes(), *self._uses()]
        held, o = self.game.objects[self._held], self._held
        examines = sorted([*examines, f"examine {held}"])
        cleans, cools, heats = (
            [f"{verb} {held} with {name}" for name, r in site.named if devices >> r & 1]
            if able >> o & 1
            else []
            for verb, able, devices in (
                ("clean", lexicon.cleanable, lexicon.washers),
                ("cool", lexicon.coolable, lexicon.fridges),
                ("heat", lexicon.heatable, lexicon.microwaves),
            )
        )
        places = [
            name
            for name, r in site.named
            if lexicon.fits[r] >> o & 1 and (~lexicon.openable | self._opened) >> r & 1
        ]
        if self.game.dialect == "move":
            moves, puts = [f"move {held} to {name}" for name in places], []
        else:
            moves, puts = [], [f"put {held} in/on {name}" for name in places]
        return [
            *cleans, *closes, *cools, *examines, *site.away, *heats, *words, *moves, *opens,
            *puts, *self._slices(), *self._uses(),
        ]  # fmt: skip

    def _takes(self) -> list[str]:
        """What an empty hand can take here."""
        objects, pickupable = self.game.objects, self._lexicon.pickupable
        takes = [
            f"take {objects[o]} from {name}"
            for name, r in self._site.named
            if self._accessible(r)
            for o in self._contents[r]
            if pickupable >> o & 1
        ]
        takes.sort()
        return takes

    def _slices(self) -> list[str]:
        """What the knife in the hand can cut here."""
        if not self._lexicon.blades >> self._held & 1:
            return []
        ready = self._lexicon.sliceable & self._lying.get(self._place, 0)
        objects, blade = self.game.objects, self.game.objects[self._held]
        return sorted(
            f"slice {name} with {blade}" for o, name in enumerate(objects) if ready >> o & 1
        )

    def _uses(self) -> list[str]:
        """What can be switched here; a closed door does not matter."""
        toggleable = self._lexicon.toggleable
        if not toggleable:
            return []
        near = {o for r in self._site.here for o in self._contents[r] if toggleable >> o & 1}
        return sorted(f"use {self.game.objects[o]}" for o in near)

    def _goal_holds(self) -> bool:
        """Whether what the goal asks for is so now."""
        lexicon, game = self._lexicon, self.game
        wanted = lexicon.wanted
        if game.task_type == LOOK:
            lit = lexicon.lamps & self._toggled
            return self._held != NONE and bool(wanted >> self._held & 1) and any(
                lit >> o & 1 for r in self._site.here for o in self._contents[r]
            )  # fmt: skip
        if game.task_type == CLEAN:
            wanted &= self._clean
        elif game.task_type == HEAT:
            wanted &= self._hot
        elif game.task_type == COOL:
            wanted &= self._cool
        enough = 2 if game.task_type == PICK_TWO else 1
        return any(sum(wanted >> o & 1 for o in self._contents[r]) >= enough for r in game.targets)
