"""How a language model is told TextWorld's games."""

from collections.abc import Mapping

from oreo_envs.registration import Prompt

_RULES = (
    "You play a text adventure in a house. The first message tells what you are to do. Walk with "
    "go north, go south, go east and go west; look around with look, see what you carry with "
    "inventory, and look at things with examine THING. "
)
_HANDS = (
    "Use take THING, take THING from PLACE, drop THING, put THING on PLACE, insert THING into "
    "PLACE, open and close for doors and boxes, and unlock THING with KEY. "
)
_KITCHEN = (
    "The cookbook lies in the kitchen; read it with examine cookbook. Take what it lists, and do "
    "with each thing exactly what it says: slice, dice or chop THING with knife, when you carry "
    "the knife; fry is cook THING with stove, roast is cook THING with oven, grill is cook THING "
    "with BBQ; what is cooked twice burns. Then prepare meal in the kitchen, and eat meal. "
)
_REPLY = "Reply with one command."
_EXAMPLE = "-= Lounge =-\nYou arrive in a lounge. There is a coin on the floor.\nAction: take coin"

PROMPTS: Mapping[str, tuple[str, Prompt]] = {
    "oreo/TextWorld-v0": (
        "textworld",
        Prompt(instructions=_RULES + _HANDS + _REPLY, example=_EXAMPLE),
    ),
    "oreo/TextWorldCoinCollector-v0": (
        "textworld-coin-collector",
        Prompt(instructions=_RULES + "Take the coin with take coin. " + _REPLY, example=_EXAMPLE),
    ),
    "oreo/TextWorldCooking-v0": (
        "textworld-cooking",
        Prompt(instructions=_RULES + _HANDS + _KITCHEN + _REPLY, example=_EXAMPLE),
    ),
    "oreo/TextWorldSimple-v0": (
        "textworld-simple",
        Prompt(instructions=_RULES + _HANDS + _REPLY, example=_EXAMPLE),
    ),
    "oreo/TextWorldTreasureHunter-v0": (
        "textworld-treasure-hunter",
        Prompt(instructions=_RULES + _HANDS + _REPLY, example=_EXAMPLE),
    ),
}
"""Of each registered id: its task, and its prompt."""
