"""What a game's tables say, turned into what playing needs: names to numbers, sets to bits."""

from collections.abc import Iterable, Sequence

from oreo_envs.alfworld.game import Game

HELP = """Available commands:
  look:                             look around your current location
  inventory:                        check your current inventory
  go to (receptacle):               move to a receptacle
  open (receptacle):                open a receptacle
  close (receptacle):               close a receptacle
  take (object) from (receptacle):  take an object from a receptacle
  move (object) to (receptacle):  place an object in or on a receptacle
  examine (something):              examine a receptacle or an object
  use (object):                     use an object
  heat (object) with (receptacle):  heat an object using a receptacle
  clean (object) with (receptacle): clean an object using a receptacle
  cool (object) with (receptacle):  cool an object using a receptacle
  slice (object) with (object):     slice an object using a sharp object
"""
"""The stock engine eats the line break that the game file has before the first line."""


def bits(numbers: Iterable[int]) -> int:
    """A set of small numbers as an integer: bit n is set if n is in it."""
    return sum(1 << n for n in set(numbers))


def listed(items: Sequence[str]) -> str:
    """The game's way of listing: "nothing", "a x", "a x, and a y", "a x, a y, and a z"."""
    if len(items) < 2:
        return items[0] if items else "nothing"
    return f"{', '.join(items[:-1])}, and {items[-1]}"


class Site:
    """A location: the receptacles that stand there, and where one can go from it."""

    __slots__ = ("away", "facing", "here", "named")

    def __init__(self, game: Game, location: int, go_to: Sequence[str]) -> None:
        self.here = tuple(r for r, place in enumerate(game.places) if place == location)
        """Numbers of the receptacles, ascending."""
        self.facing = listed([game.receptacles[r] for r in self.here])
        """The receptacles' names in a list without articles."""
        self.named = sorted((game.receptacles[r], r) for r in self.here)
        """(name, number) of the receptacles, by name."""
        near = {f"go to {name}" for name, _ in self.named}
        self.away = [command for command in go_to if command not in near]
        """The commands that lead elsewhere, sorted."""


class Lexicon:
    """A game in the form that is fast to play; made once and shared by all its worlds."""

    def __init__(self, game: Game) -> None:
        self.receptacle = {name: r for r, name in enumerate(game.receptacles)}
        self.object = {name: o for o, name in enumerate(game.objects)}
        self.a_object = tuple(f"a {name}" for name in game.objects)
        self.openable = bits(game.openable)
        self.opened = bits(game.opened)
        self.fits = tuple(map(bits, game.fits))
        self.washers = bits(game.washers)
        self.microwaves = bits(game.microwaves)
        self.fridges = bits(game.fridges)
        self.pickupable = bits(game.pickupable)
        self.cleanable = bits(game.cleanable)
        self.heatable = bits(game.heatable)
        self.coolable = bits(game.coolable)
        self.toggleable = bits(game.toggleable)
        self.sliceable = bits(game.sliceable)
        self.blades = bits(game.blades)
        self.vessels = bits(game.vessels)
        self.clean = bits(game.clean)
        self.hot = bits(game.hot)
        self.cool = bits(game.cool)
        self.sliced = bits(game.sliced)
        self.toggled = bits(game.toggled)
        self.wanted = bits(game.wanted)
        self.lamps = bits(game.lamps)
        self.lying: dict[int, int] = {}
        for o, place in game.lying:
            self.lying[place] = self.lying.get(place, 0) | 1 << o
        self._go_to = sorted(f"go to {name}" for name in game.receptacles)
        self._sites: dict[int, Site] = {}
        self._game = game
        seen = listed([f"a {name}" for name in game.receptacles])
        self.intro = (
            "-= Welcome to TextWorld, ALFRED! =-\n\n"
            f"You are in the middle of a room. Looking quickly around you, you see {seen}.\n\n"
            f"Your task is to: {game.goal}"
        )
        """The first observation."""

    def site(self, location: int) -> Site:
        """The place with this number; made when first stood at."""
        site = self._sites.get(location)
        if site is None:
            site = self._sites[location] = Site(self._game, location, self._go_to)
        return site
