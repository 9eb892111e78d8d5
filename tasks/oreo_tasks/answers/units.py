r"""What stands beside a number: its unit. ``12\text{ inches}``, ``\$12``, ``12\%``, ``12^\circ``.

A unit on one side only is no difference, since a problem that asks "how many inches" is answered
by 12. Two units that differ are never equal here: nothing is converted.
"""

import re
from typing import NamedTuple

_SYNONYMS = {
    "centimeter": "cm centimetre", "meter": "m metre", "kilometer": "km kilometre",
    "millimeter": "mm millimetre", "inch": "in inches", "foot": "ft feet", "yard": "yd",
    "mile": "mi", "second": "s sec", "minute": "min", "hour": "hr h", "day": "", "week": "",
    "month": "", "year": "yr", "gram": "g gm", "kilogram": "kg", "pound": "lb", "ounce": "oz",
    "liter": "l litre", "milliliter": "ml millilitre", "gallon": "gal", "dollar": r"\$ $ usd",
    "cent": "", "percent": r"\% % pct percentage", "degree": "deg", "unit": "", "mph": "",
    "person": "people", "student": "", "way": "", "time": "", "piece": "", "integer": "",
    "value": "", "number": "", "square": "sq", "cubic": "cu", "am": "a.m", "pm": "p.m",
    "euro": "", "ticket": "", "apple": "", "book": "", "point": "", "box": "boxes", "acre": "",
    "game": "", "hectare": "", "ton": "", "page": "", "ball": "", "cookie": "", "radian": "rad",
}  # fmt: skip
_NAMES = {
    spelling: name
    for name, others in _SYNONYMS.items()
    for spelling in (name, name + "s", *others.split(), *(o + "s" for o in others.split()))
}
# letters alone are variables unless a \text says otherwise
_PLAIN_WORDS = frozenset(name for name in _NAMES if len(name) > 1)

_TEXT = re.compile(
    r"(.*[^\s\\])\s*\\text\s*\{([A-Za-z .,'/-]*)\}\s*(?:\^\s*\{?\s*([23])\s*\}?)?", re.DOTALL
)
_SIGN = re.compile(r"(.*?)\s*(\\%|%|\\\$|\$|\^\\circ)", re.DOTALL)
_ANGLE = re.compile(r"\\(?:sin|cos|tan|cot|sec|csc)")
_WORDS = re.compile(r"(.*[\d})])\s*((?:\s[A-Za-z.]+)+|[A-Za-z]{2,})(?:\^([23]))?", re.DOTALL)
_SCALES = {"hundred", "thousand", "million", "billion", "trillion", "dozen", "half", "k"}
"""Words that look like units and change the number: nothing that has one is taken apart."""

_JOINING = {"or", "and", "of", "per", "a", "an", "each", "every"}


class Measure(NamedTuple):
    """A quantity apart from its unit."""

    core: str
    unit: str
    """Known words under one name, with a power if there is one; empty if no unit is given."""


def measured(text: str) -> Measure:
    r"""Take the unit from a spelled ``text``: after it as text, sign or known words, or a ``$``.

    What stands in ``\text{}`` after something else is a unit whatever it says; words without it
    only where each is a known unit.
    """
    text, units = text.strip(), []
    while True:
        text = text.rstrip(" .,;")
        core, unit = _after(text)
        if not core.strip() or (unit and core.rstrip()[-1] in "+-*/=^_(,<>"):
            break
        if not unit:
            break
        text, units = core.strip(), [unit, *units]
    for sign in ("\\$", "$"):
        sign_removed = text.replace(sign, "", 1)
        if text.lstrip("-+ ").startswith(sign) and sign_removed.strip():
            return Measure(sign_removed.strip(), " ".join(["dollar", *_apart(units, "dollar")]))
    return Measure(text, " ".join(units))


def _apart(units: list[str], known: str) -> list[str]:
    return [unit for unit in units if unit != known]


def _after(text: str) -> tuple[str, str]:
    """The core and the last unit after it, under its name; the unit is empty if there is none."""
    if found := _TEXT.fullmatch(text):
        words = found.group(2).strip().lower()
        if words.strip(" ,.") not in ("or", "and") and not _SCALES & set(words.split()):
            return found.group(1), _named(words) + (found.group(3) or "")
    if found := _SIGN.fullmatch(text):
        sign = found.group(2)
        if "circ" in sign and _ANGLE.search(found.group(1)):
            return text, ""
        return found.group(1), "degree" if "circ" in sign else _named(sign)
    if found := _WORDS.fullmatch(text):
        words = found.group(2).lower().split()
        known = all(w.strip(".") in _PLAIN_WORDS or w in _JOINING for w in words)
        if known and words[0] not in _JOINING:
            return found.group(1), _named(" ".join(words)) + (found.group(3) or "")
    return text, ""


def _named(words: str) -> str:
    """Units under one name: "square cm" and "sq. centimeters" are "square centimeter"."""
    bare = (word.strip(" .,") for word in words.split())
    return " ".join(_NAMES.get(word, word) for word in bare if word)
