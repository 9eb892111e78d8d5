"""The compact format: entities as single tokens, with which a model of a million weights learns.

A lexicon (plain data that a task brings along) names the entity classes of a world with their
highest numbers, its commands and the shapes of its sentences. "The drawer 2 is closed." is
``closed <turn>``; "take apple 2 from fridge 1" is ``take apple_2 fridge_1 <end>``. The own text of
the environment is kept in the record beside the ids.
"""

import re
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from oreo_agent.errors import SettingError
from oreo_agent.model.vocabulary import END, SPECIALS, UNK, Vocabulary, checksum


class CompactPrompt(Vocabulary):
    """A vocabulary and the sentence shapes of one world.

    The lexicon's keys:
        ``entities``: class name to its highest number; "drawer 2" becomes one token.
        ``words``: the other tokens, in order.
        ``commands``: pairs of a command's wording with ``{}`` for each entity, and its verb token;
            of several wordings with one verb the first is spoken, all are understood.
        ``sentences``: pairs of a regular expression for a whole observation and its tokens, where
            ``{n}`` stands for the entities and classes found in group ``n``. First match counts.
    """

    name = "compact"
    steps = None

    def __init__(self, lexicon: Mapping[str, Any], max_reply_tokens: int = 8) -> None:
        self.lexicon = dict(lexicon)
        entities: dict[str, int] = lexicon["entities"]
        classes = list(entities)
        tokens = [*lexicon["words"], *classes]
        self._numbered: dict[str, list[int]] = {}
        for name, highest in entities.items():
            first = len(SPECIALS) + len(tokens)
            self._numbered[name] = list(range(first, first + highest))
            tokens.extend(f"{name}_{number}" for number in range(1, highest + 1))
        super().__init__(
            tokens,
            max_reply_tokens,
            twice="the lexicon names a token twice; give each word and class once",
        )
        names = "|".join(sorted(map(re.escape, classes), key=len, reverse=True))
        self._mention = re.compile(rf"\b({names})(?: (\d+))?\b")
        self._sentences = [
            (re.compile(pattern, re.DOTALL), template.split())
            for pattern, template in lexicon["sentences"]
        ]
        self._commands = [
            (re.compile(re.escape(wording).replace(r"\{\}", "(.+?)")), verb)
            for wording, verb in lexicon["commands"]
        ]
        self._wordings: dict[int, str] = {}
        for wording, verb in lexicon["commands"]:
            self._wordings.setdefault(self.ids[verb], wording)
        self._class_of: dict[int, str] = {
            token: name for name, tokens in self._numbered.items() for token in tokens
        }

    def settings(self) -> dict[str, Any]:
        """The lexicon and the reply limit."""
        return {
            "format": self.name,
            "lexicon": self.lexicon,
            "max_reply_tokens": self.max_reply_tokens,
        }

    @property
    def tokenizer_fingerprint(self) -> str:
        """Of the vocabulary and of the sentence shapes: both decide the ids."""
        return checksum(self.tokens, self.lexicon)

    def factors(self) -> list[tuple[int, int]]:
        """For each token (class, number): tokens of a class share a vector, so do equal numbers.

        Class 0 and number 0 stand for none; a token that is no entity has a class of its own.
        """
        own = iter(range(len(self._numbered) + 1, len(self._numbered) + 1 + len(self.tokens)))
        index = {name: i for i, name in enumerate(self._numbered, 1)}
        rows: list[tuple[int, int]] = []
        for token, text in enumerate(self.tokens):
            name = self._class_of.get(token)
            if name is not None:
                rows.append((index[name], token - self._numbered[name][0] + 1))
            elif text in index:
                rows.append((index[text], 0))
            else:
                rows.append((next(own), 0))
        return rows

    def reply(self, command: str) -> tuple[int, ...]:
        """Verb, entities, end mark.

        Raises:
            SettingError: the lexicon has no such command, or no token for what it names.
        """
        for pattern, verb in self._commands:
            if found := pattern.fullmatch(command):
                named = [self._mentions(part) for part in found.groups()]
                if all(len(ids) == 1 and ids[0] in self._class_of for ids in named):
                    return (self.ids[verb], *(ids[0] for ids in named), END)
        raise SettingError(
            f"the compact format has no tokens for the command {command!r}; "
            "add it to the lexicon, or use the prompt format 'bare'"
        )

    def read(self, ids: tuple[int, ...]) -> tuple[str, str]:
        """The wording of the reply's verb with its entities; no command if they do not fit."""
        body = [token for token in ids if token != END]
        text = " ".join(self.tokens[token] for token in body)
        wording = self._wordings.get(body[0]) if body else None
        named = [self._class_of.get(token) for token in body[1:]]
        if wording is None or None in named or wording.count("{}") != len(named):
            return text, ""
        return text, wording.format(*(" ".join(self.tokens[t].rsplit("_", 1)) for t in body[1:]))

    def relabelled(self, ids: Sequence[int], rng: Random) -> list[int]:
        """Entity numbers permuted within their class, up to the highest that occurs."""
        highest: dict[str, int] = {}
        for token in ids:
            if (name := self._class_of.get(token)) is not None:
                highest[name] = max(highest.get(name, 0), token - self._numbered[name][0] + 1)
        renamed: dict[int, int] = {}
        for name in sorted(highest):
            old = self._numbered[name][: highest[name]]
            renamed.update(zip(old, rng.sample(old, len(old)), strict=True))
        return [renamed.get(token, token) for token in ids]

    def observed(self, text: str) -> list[int]:
        """The tokens of the first sentence that fits; else what it mentions, after ``<unk>``."""
        for pattern, template in self._sentences:
            if found := pattern.fullmatch(text.strip()):
                return self._filled(template, found)
        return [UNK, *self._mentions(text)]

    def _filled(self, template: list[str], found: re.Match[str]) -> list[int]:
        ids: list[int] = []
        for item in template:
            if item.startswith("{"):
                ids.extend(self._mentions(found[int(item[1:-1])] or ""))
            else:
                ids.append(self.ids[item])
        return ids

    def _mentions(self, text: str) -> list[int]:
        """Entities and classes as they are named; a number out of range keeps its class."""
        ids: list[int] = []
        for found in self._mention.finditer(text):
            numbered = self.ids.get(f"{found[1]}_{found[2]}")
            ids.extend([numbered] if numbered is not None else [self.ids[found[1]]])
            if found[2] is not None and numbered is None:
                ids.append(UNK)
        return ids
