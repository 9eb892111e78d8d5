"""The words of ALFWorld, as data: what its texts name, and the shapes of its sentences.

Highest numbers are those of the official train games plus a margin of one (counted from the
object lists of their problems). A prompt format may use this to give each entity one token.
"""

from typing import Any

_UP_TO_5 = """
alarmclock apple book bowl bread butterknife candle cd cellphone cloth creditcard cup dishsponge egg
fork glassbottle handtowel kettle keychain knife ladle laptop lettuce mug newspaper pen pencil
peppershaker pillow plate potato remotecontrol saltshaker soapbar soapbottle spatula spoon
spraybottle tissuebox toiletpaper tomato watch winebottle countertop handtowelholder
"""
_UP_TO_4 = """
armchair box diningtable pan pot wateringcan window
"""
_UP_TO_3 = """
bed coffeetable desk desklamp dresser floorlamp houseplant sink sinkbasin sofa towel towelholder
tvstand
"""
_UP_TO_2 = """
bathtub bathtubbasin baseballbat basketball boots cart coffeemachine curtains footstool fridge
garbagecan laundryhamper microwave mirror ottoman papertowelroll plunger safe scrubbrush showerdoor
showerglass teddybear television tennisracket toaster toilet toiletpaperhanger painting
"""

ENTITIES: dict[str, int] = {
    **dict.fromkeys(_UP_TO_5.split(), 5),
    **dict.fromkeys(_UP_TO_4.split(), 4),
    **dict.fromkeys(_UP_TO_3.split(), 3),
    **dict.fromkeys(_UP_TO_2.split(), 2),
    "cabinet": 28,
    "drawer": 28,
    "shelf": 15,
    "statue": 8,
    "vase": 7,
    "stoveburner": 7,
    "sidetable": 6,
}

COMMANDS: list[tuple[str, str]] = [
    ("go to {}", "go"),
    ("take {} from {}", "take"),
    ("move {} to {}", "move"),
    ("put {} in/on {}", "move"),
    ("open {}", "open"),
    ("close {}", "close"),
    ("clean {} with {}", "clean"),
    ("heat {} with {}", "heat"),
    ("cool {} with {}", "cool"),
    ("slice {} with {}", "slice"),
    ("use {}", "use"),
    ("examine {}", "examine"),
    ("look", "look"),
    ("inventory", "inventory"),
    ("help", "help"),
]

_OPENING = (
    r"(?:-= Welcome to TextWorld, ALFRED! =-\s+)?You are in the middle of a room\. "
    r"Looking quickly around you, you see (.*)\.\s+Your task is to: {}\.?"
)
_GOALS: list[tuple[str, str]] = [
    (r"(?:put|find) two (\w+) (?:in|and put them in) (\w+)", "two"),
    (r"(?:examine the|look at) (\w+) (?:with|under) the (\w+)", "light"),
    (r"(?:clean some|put a clean) (\w+) (?:and put it )?in (\w+)", "wash"),
    (r"(?:cool some|put a cool) (\w+) (?:and put it )?in (\w+)", "chill"),
    (r"(?:heat some|put a hot) (\w+) (?:and put it )?in (\w+)", "warm"),
    (r"put (?:a|some) (\w+) (?:in|on) (\w+)", "pick"),
]
_SHOWN = [
    (r"The [^.]* is open\. In it, you see (.*)\.", "opened {1}"),
    (r"The [^.]* is closed\.", "closed"),
    (r"On the [^.]*, you see (.*)\.", "on {1}"),
]

SENTENCES: list[tuple[str, str]] = [
    # the task stands before and after the list: the first colours how the list is read, the last
    # is near the reply
    *(
        (_OPENING.format(goal), f"{token} {{2}} {{3}} see {{1}} {token} {{2}} {{3}}")
        for goal, token in _GOALS
    ),
    (r"Nothing happens\.", "nothing"),
    *((rf"(?:You arrive at [^.]*\. )?{shown}", tokens) for shown, tokens in _SHOWN),
    *((rf"You open the [^.]*\. {shown}", tokens) for shown, tokens in _SHOWN),
    (r"You (?:pick up|move|put|clean|heat|cool|sliced|close|turn on) .*\.", "ok"),
    (r"You are facing the ([^.]*)\. Next to it, you see (.*)\.", "facing {1} see {2}"),
    (r"You are in the middle of a room\. .*", "middle"),
    (r"You are carrying: (.*)\.", "carrying {1}"),
    (r"You are not carrying anything\.", "carrying"),
    (r"This is a ([a-z ]+?) \w+ \d+\.(?: In it, you see .*)?", "special"),
    (r"This .* is on\.", "special"),
    (r"There's nothing special about .*\.", "plain"),
    (r"Available commands:.*", "usage"),
]

_ANSWERS = "see nothing opened closed on ok facing middle carrying special plain usage"

WORDS: list[str] = list(
    dict.fromkeys(
        [verb for _, verb in COMMANDS] + [token for _, token in _GOALS] + _ANSWERS.split()
    )
)

LEXICON: dict[str, Any] = {
    "entities": ENTITIES,
    "words": WORDS,
    "commands": COMMANDS,
    "sentences": SENTENCES,
}
