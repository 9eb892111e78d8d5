"""Problems in words: somebody has things, this and that happens, and how many there are is asked.

A story is told and worked out at once: each event adds its sentence, and the lines of arithmetic
that it calls for. So a stated answer is what the lines come to, and every line is needed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from oreo_tasks.wordproblems import wording as w
from oreo_tasks.wordproblems.tiers import Tier

FEWEST = 2
"""The smallest number that a sentence tells, so that all nouns are in the plural."""


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
        if self.name in w.WOMEN:
            return {"he": "she", "his": "her", "him": "her", "His": "Her"}
        return {"he": "he", "his": "his", "him": "him", "His": "His"}


class Story:
    """One problem while it is made up."""

    def __init__(self, tier: Tier, steps: int, rng: Random) -> None:
        """Draw people and things; nothing is told yet."""
        self.rng, self.largest, self.steps = rng, tier.largest, steps
        self.things = rng.choice(list(w.THINGS))
        self.kind = w.THINGS[self.things]
        self.boxes = rng.choice(self.kind.holders)
        names = [*w.WOMEN, *w.MEN]
        rng.shuffle(names)
        self.people = [Person(name) for name in names[: self._cast(tier)]]
        self.others = names[len(self.people) :]
        self.lines: list[str] = []
        self.sentences: list[str] = []
        self._about: Person | None = None
        self.last: Event | None = None

    def _cast(self, tier: Tier) -> int:
        """How many people count: more in longer stories."""
        sizes = [size for size in tier.people if self.steps >= (0, 0, 2, 4)[size]]
        return self.rng.choice(sizes)

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
        return min(self.rng.randint(lowest, highest), self.rng.randint(lowest, highest))

    def divisor(self, a: int, highest: int = 9) -> int:
        """A number that ``a`` can be shared by with at least 2 for each."""
        found = [k for k in range(2, highest + 1) if a % k == 0 and a // k >= FEWEST]
        if not found:
            raise Impossible
        return self.rng.choice(found)

    def tell(self, person: Person, templates: str | Sequence[str], **slots: Any) -> None:
        """Add a sentence about ``person``."""
        template = templates if isinstance(templates, str) else self.rng.choice(templates)
        words, name = person.words, person.name
        alone = len(self.people) == 1 and self._about is person
        subject = words["he"] if alone and self.rng.random() < 0.7 else name
        if not alone and "{S}" not in template:
            # Without a name before it, nobody knows whom "him" means.
            words = words | {"him": name, "His": f"{name}'s"}
        if template.startswith("{S}") and self.last is not None and self.rng.random() < 0.25:
            template = f"{self.rng.choice(w.LINKS)} {template}"
        text = template.format(
            S=subject,
            N=name,
            things=self.things,
            boxes=self.boxes,
            box=w.HOLDERS[self.boxes],
            family=self.rng.choice(w.FAMILY),
            **words,
            **slots,
        )
        self.sentences.append(text[0].upper() + text[1:])
        self._about = person

    def aside(self) -> None:
        """Put a sentence that does not matter before the last one."""
        things = self.rng.choice([things for things in w.THINGS if things != self.things])
        text = self.rng.choice(w.ASIDE).format(
            O=self.rng.choice(self.others),
            n=self.rng.randint(5, 30),
            others=things,
            place=self.rng.choice(w.PLACES),
        )
        self.sentences.append(text)
        self._about = None

    def first_that_fits(self, events: "Sequence[Event]", person: Person) -> None:
        """Let one of ``events`` happen, whichever comes first in a drawn order and fits.

        Raises:
            Impossible: none does.
        """
        order = [event for event in events if event is not self.last]
        self.rng.shuffle(order)
        for event in order:
            lines, sentences = len(self.lines), len(self.sentences)
            held, about = [someone.has for someone in self.people], self._about
            try:
                event(self, person)
            except Impossible:
                del self.lines[lines:], self.sentences[sentences:]
                for someone, has in zip(self.people, held, strict=True):
                    someone.has = has
                self._about = about
                continue
            self.last = event
            return
        raise Impossible


Event = Callable[[Story, Person], None]
"""Something that happens to a person and what they have."""
