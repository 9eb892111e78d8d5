"""Commands of somebody who knows the way and slips: possible ones, and some that are not."""

from collections.abc import Sequence
from random import Random

from oreo_envs.alfworld.memory import Memory

INVALID_SHARE = 0.3
"""Share of the slips that are commands which are not possible, so that refusals are seen."""
_TRIES = 20


def slipped(memory: Memory, admissible: Sequence[str], rng: Random) -> str:
    """A command that chance gives.

    Args:
        memory: what is known of the home; commands that are not possible are about things in it.
        admissible: the commands that are possible.
        rng: where chance comes from.
    """
    command = rng.choice(admissible)
    if rng.random() < INVALID_SHARE:
        command = _impossible(memory, {*admissible}, rng) or command
    return command


def _impossible(memory: Memory, admissible: set[str], rng: Random) -> str | None:
    """A well-formed command about things at hand that is not possible now."""
    things = sorted({thing for row in memory.contents.values() for thing in row})
    if memory.held:
        things.append(memory.held)
    put = "put {} in/on {}" if memory.old else "move {} to {}"
    forms = ["go to {1}", "open {1}", "close {1}", "examine {1}"]
    if things:
        forms += ["take {0} from {1}", put.replace("{}", "{0}", 1).replace("{}", "{1}", 1)]
        forms += ["use {0}", "clean {0} with {1}", "heat {0} with {1}", "cool {0} with {1}"]
    for _ in range(_TRIES):
        thing = rng.choice(things) if things else ""
        command = rng.choice(forms).format(thing, rng.choice(memory.receptacles))
        if command not in admissible:
            return command
    return None
