"""What published logs of ALFWorld leave out of the game's own texts."""

import re

_BANNER = "-= Welcome to TextWorld, ALFRED! =-"
_ARRIVAL = re.compile(r"You arrive at [^.]*\. (?=\S)")


def as_logged(text: str) -> str:
    """A text of the game without banner, empty lines and "You arrive at loc N." before more.

    ReAct, KnowAgent, ETO and OREO all leave these out; two texts that are equal after this are the
    same words otherwise.
    """
    bare = _ARRIVAL.sub("", text.replace(_BANNER, "").strip(), count=1)
    return "\n".join(line for line in bare.splitlines() if line.strip())
