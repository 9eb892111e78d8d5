"""What a game says, without what is for screens; and which commands it may be given."""

import re

LONGEST = 120
"""Characters of a command."""
UNKNOWN = "That is not something you can do here."
"""The answer to what is not passed on to the game."""
_BANNER = re.compile(r"\A\s*(?:-= Welcome to TextWorld[^\n]*=-|[\s\\|$/_<>]+(?=\n))\s*")
_STATUS = re.compile(r"\n>[^\n]*\Z")
_MENU = re.compile(r"\n\s*Would you like to RESTART.*\Z", re.DOTALL)
_SPEAKABLE = re.compile(r"[A-Za-z0-9 '-]+")
_OF_THE_PROGRAM = re.compile(
    r"(?i)(?:quit|q|restart|restore|save|undo|script|unscript|noscript|transcript|notify|version|"
    r"verify|superbrief|brief|verbose|short|long|normal|pronouns|nouns|recording|replay|oops|tw-.*)"
)
_SEVERAL = re.compile(r"(?i)\bthen\b")


def opening(feedback: str, objective: str) -> str:
    """The first text of a game: from its objective on, without the banner above it."""
    at = feedback.find(objective.strip()) if objective.strip() else -1
    return said(feedback[at:] if at >= 0 else _BANNER.sub("", feedback))


def said(feedback: str) -> str:
    """A text of a game: no status line, no menu, no empty lines, single spaces."""
    text = _STATUS.sub("", _MENU.sub("", feedback))
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return "\n".join(line for line in lines if line)


def passes(command: str) -> bool:
    """Whether a game may hear a command: one of the player's, not of the program's.

    A game would quit, restore or trace itself when told so, and would take several commands in one
    turn where they stand in one line.
    """
    words = command.split()
    return (
        bool(words)
        and len(command) <= LONGEST
        and _SPEAKABLE.fullmatch(command) is not None
        and _OF_THE_PROGRAM.fullmatch(words[0]) is None
        and _SEVERAL.search(command) is None
    )
