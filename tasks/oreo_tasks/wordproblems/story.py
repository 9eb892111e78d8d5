"""Problems in words: somebody has things, this and that happens, and how many there are is asked.

A story is told and worked out at once: each event adds its sentence, and the lines of arithmetic
that it calls for. So a stated answer is what the lines come to.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from oreo_tasks.wordproblems import wording as w
from oreo_tasks.wordproblems.draw import pick, shuffled, whole
from oreo_tasks.wordproblems.tiers import Tier

FEWEST = 2
"""The smallest number that a sentence tells, so that all nouns are in the plural."""


_NAMES = (*w.WOMEN, *w.MEN)
_THINGS = tuple(w.THINGS)
_FEWEST_STEPS = {1: 2, 2: 2, 3: 4}
"""Number of people -> steps of the shortest story that can be told of them."""


_SHE = {"he": "she", "his": "her", "him": "her", "His": "Her"}
_HE = {"he": "he", "his": "his", "him": "him", "His": "His"}


class Impossible(Exception):
    """An event does not fit the numbers so far; another one is tried."""


@dataclass(slots=True)
class Person:
    """Somebody, and how many of the things they have so far."""

    name: str
    has: int = 0

    @property
    def words(self) -> dict[str, str]:
        """The words that stand for the person."""
        return _SHE if self.name in w.WOMEN else _HE


class Story:
    """One problem while it is made up."""

    def __init__(self, tier: Tier, steps: int, rng: Random) -> None:
        """Draw people and things; nothing is told yet."""
        self.rng, self.largest, self.steps = rng, tier.largest, steps
        self.things = pick(rng, _THINGS)
        self.kind = w.THINGS[self.things]
        self.boxes = pick(rng, self.kind.holders)
        cast = pick(rng, [size for size in tier.people if steps >= _FEWEST_STEPS[size]])
        names = list(_NAMES)
        self.people = [Person(names.pop(whole(rng, 0, len(names) - 1))) for _ in range(cast)]
        self.others = names
        self.lines: list[str] = []
        self.happened: list[Event] = []
        self._told: list[_Sentence] = []

    @property
    def left(self) -> int:
        """Lines that are still to be written."""
        return self.steps - len(self.lines)

    def work(self, a: int, sign: str, b: int) -> int:
        """Write the line ``a sign b = c`` and return c, a whole number from 1 to the largest."""
        if sign == "/" and a % b:
            raise Impossible
        c = {"+": a + b, "-": a - b, "*": a * b, "/": a // b}[sign]
        if not 1 <= c <= self.largest:
            raise Impossible
        self.lines.append(f"{a} {sign} {b} = {c}")
        return c

    def number(self, highest: int, lowest: int = FEWEST) -> int:
        """A number for a sentence, small ones more often than large ones."""
        if highest < lowest:
            raise Impossible
        return min(whole(self.rng, lowest, highest), whole(self.rng, lowest, highest))

    def divisor(self, a: int, highest: int = 9) -> int:
        """A number that ``a`` can be shared by with at least 2 for each."""
        found = [k for k in range(2, highest + 1) if a % k == 0 and a // k >= FEWEST]
        if not found:
            raise Impossible
        return pick(self.rng, found)

    def tell(self, person: Person, templates: str | Sequence[str], **slots: Any) -> None:
        """Add a sentence about ``person``; what ``slots`` lack is drawn when the story is read.

        Raises:
            Impossible: much the same was told of that person before.
        """
        template = templates if isinstance(templates, str) else pick(self.rng, templates)
        if any(told.template == template and told.about is person for told in self._told):
            raise Impossible
        self._told.append(_Sentence(template, slots, person))

    def aside(self) -> None:
        """Add a sentence that does not matter, and none of a sort that was there before."""
        told = {sentence.template for sentence in self._told}
        others = [things for things in w.THINGS if things != self.things]
        slots = {
            "O": pick(self.rng, self.others),
            "n": whole(self.rng, 5, 30),
            "others": pick(self.rng, others),
            "place": pick(self.rng, w.PLACES),
        }
        template = pick(self.rng, [template for template in w.ASIDE if template not in told])
        self._told.append(_Sentence(template, slots, None))

    def let_happen(self, events: Sequence["Event"], person: Person) -> None:
        """Let one of ``events`` happen: the first in a drawn order that fits.

        Raises:
            Impossible: none does.
        """
        for event in shuffled(self.rng, events):
            lines, told = len(self.lines), len(self._told)
            held = [someone.has for someone in self.people]
            try:
                event(self, person)
            except Impossible:
                del self.lines[lines:], self._told[told:]
                for someone, has in zip(self.people, held, strict=True):
                    someone.has = has
                continue
            self.happened.append(event)
            return
        raise Impossible

    def text(self) -> str:
        """The whole story; to be asked for once, as some words are drawn only now."""
        about: Person | None = None
        texts: list[str] = []
        for sentence in self._told:
            texts.append(self._written(sentence, about))
            about = sentence.about
        return " ".join(texts)

    def _written(self, sentence: "_Sentence", before: Person | None) -> str:
        """A sentence in words; ``before`` is whom the one before it was about."""
        template, person = sentence.template, sentence.about
        if person is None:
            return template.format(**sentence.slots)
        words, name = person.words, person.name
        alone = len(self.people) == 1 and before is person
        if not alone and "{S}" not in template:
            # Without a name before it, nobody knows whom "him" means.
            words = words | {"him": name, "His": f"{name}'s"}
        text = template.format(
            S=words["he"] if alone and self.rng.random() < 0.7 else name,
            N=name,
            things=self.things,
            boxes=self.boxes,
            box=w.HOLDERS[self.boxes],
            family=pick(self.rng, w.FAMILY),
            **words,
            **sentence.slots,
        )
        if before is not None and template.startswith("{S}") and "?" not in template:
            text = f"{pick(self.rng, w.LINKS)} {text}" if self.rng.random() < 0.25 else text
        return text[0].upper() + text[1:]


Event = Callable[[Story, Person], None]
"""Something that happens to a person and what they have."""


@dataclass(frozen=True, slots=True)
class _Sentence:
    template: str
    slots: Mapping[str, Any]
    about: Person | None
    """None: about nobody whose things count."""
