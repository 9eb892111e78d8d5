"""Solves word problems from their English alone, with none of the generator's code or sentences.

It keeps what each person has, sentence by sentence, and answers the question. So a story whose
words say another thing than its solution is found.
"""

import re

OPENERS = frozenset(
    ["For", "Soon", "After", "In", "There", "He", "She", "His", "Her", "Each", "How", "It", "The"]
)
"""Words with a capital letter that are no names."""
COMPARED = re.compile(r"(\w+) has (.+) than (\w+)\.|(\w+) has (.+) as many \w+ as ([A-Z]\w+)\.")
PASSED = re.compile(r"([A-Z]\w+) gives (?:\d+ of \w+ \w+ to ([A-Z]\w+)|([A-Z]\w+) \d+ \w+)\.")
COMES = re.compile(r"\b(buys|gets|finds|picks|makes|wins)\b|\b[hH](is|er) \w+ gives|'s \w+ gives")
GOES = re.compile(r"\b(gives|sells|loses|eats|breaks|uses)\b")


def answer(question: str) -> int:
    """What the last sentence of a story asks for."""
    *told, asked = (s.strip() for s in re.findall(r"[^.?]+[.?]", question))
    reader = _Reader()
    for sentence in told:
        if not re.search(r"miles away|years old|minutes to walk", sentence):
            reader.read(re.sub(r"^(Then|Later|Next) ", "", sentence))
    return reader.answer(asked)


class _Reader:
    def __init__(self) -> None:
        self.has: dict[str, int] = {}
        self.main = ""
        self.boxes = 0
        """Boxes whose content the next sentence tells."""
        self.done: int | None = None
        """What has been worked out for the question already."""
        self.aside: dict[str, int] = {}
        """What people have who are told of once."""

    def read(self, sentence: str) -> None:
        numbers = [int(n) for n in re.findall(r"\d+", sentence)]
        product = 1
        for number in numbers:
            product *= number
        names = _names(sentence)
        who = names[0] if names else self.main
        if self.boxes:
            self.has[self.main], self.boxes = self.boxes * product, 0
        elif not self.main:
            self.main = who
            if re.search(r"buys \d+ \w+ of|at home\.", sentence):
                self.boxes = product
            else:
                self.has[who] = sum(numbers) if " and " in sentence else product
        elif compared := COMPARED.fullmatch(sentence):
            new, how, old = (part for part in compared.groups() if part)
            self.has[new] = _compared(how, self.has[old])
        elif passed := PASSED.fullmatch(sentence):
            self.has[passed[1]] -= product
            self.has[passed[2] or passed[3]] += product
        elif re.fullmatch(r"\w+ has \d+ \w+\.", sentence):
            self.aside[who] = product
        else:
            self._happens(sentence, numbers, product, names[-1] if names else self.main)

    def _happens(self, sentence: str, numbers: list[int], product: int, who: str) -> None:
        if "together" in sentence:
            self.done = sum(self.has.values()) // product
        elif "as before" in sentence:
            self.has[who] *= product if numbers else 2
        elif "keeps only one" in sentence:
            self.has[who] //= product
        elif "half of" in sentence:
            self.has[who] //= 2
        elif "coins each" in sentence:
            self.done = self.has[who] * numbers[0] - sum(numbers[1:])
        elif "wants to have" in sentence:
            self.done = product - self.has[who]
        elif "shares all" in sentence or "puts all" in sentence:
            self.done = self.has[who] // product
        elif COMES.search(sentence) or "Each of" in sentence:
            self.has[who] += product
        else:
            assert GOES.search(sentence), f"not understood: {sentence!r}"
            self.has[who] -= product

    def answer(self, asked: str) -> int:
        if self.done is not None:
            return self.done
        amounts = [{**self.aside, **self.has}[name] for name in _names(asked)]
        if "together" in asked:
            return sum(amounts)
        return abs(amounts[0] - amounts[1]) if " than " in asked else amounts[0]


def _names(sentence: str) -> list[str]:
    return [word for word in re.findall(r"\b[A-Z][a-z]+\b", sentence) if word not in OPENERS]


def _compared(how: str, other: int) -> int:
    number = re.search(r"\d+", how)
    if "half" in how:
        return other // 2
    if "more" in how or "fewer" in how:
        assert number
        return other + int(number[0]) * (1 if "more" in how else -1)
    return other * (int(number[0]) if number else 2)
