"""Chat formats for pretrained models: one message a turn, by the tokenizer's own chat template."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from random import Random
from typing import Any, Self

from oreo_agent.errors import SettingError
from oreo_agent.model.prompt import Tokenizer
from oreo_agent.model.steps import Steps
from oreo_agent.records.episode import Segment

_REPLY, _NEXT = "\ue000reply\ue000", "\ue000next\ue000"
_ACTION = re.compile(r"^\s*action\s*:\s*(?!thought\s*:)(.*?)\s*$", re.IGNORECASE | re.MULTILINE)


class ChatPrompt:
    """Instructions as the system message, observations as the user's, replies as the assistant's.

    Only what stands between a generation prompt and the end-of-turn token is an action; the marks
    of the template belong to the segment around it.
    """

    name = "chat"
    steps: Steps | None = None
    spoken = "{}"
    """How a command alone becomes a reply."""

    def __init__(self, tokenizer: Tokenizer, instruction: str, max_reply_tokens: int = 64) -> None:
        if not tokenizer.chat_template:
            raise SettingError(
                f"prompt format {self.name!r} needs a tokenizer with a chat template and this one "
                "has none; take an instruction-tuned model, or the prompt format 'compact'"
            )
        if tokenizer.eos_token_id is None:
            raise SettingError(f"prompt format {self.name!r} needs a tokenizer with an end token")
        self.tokenizer = tokenizer
        self.instruction = instruction
        self.max_reply_tokens = max_reply_tokens
        self._between, self._ending = self._marks()
        marks = sorted(_special(tokenizer), key=len, reverse=True)
        self._marked = re.compile("|".join(map(re.escape, marks)) or "(?!)")

    @classmethod
    def load(cls, settings: Mapping[str, Any], tokenizer: Tokenizer | None = None) -> Self:
        """Make the format of its `settings` over the model's tokenizer."""
        if tokenizer is None:
            raise SettingError(
                f"prompt format {cls.name!r} needs a model's tokenizer; name one with --model PATH"
            )
        return cls(tokenizer, **settings)

    def settings(self) -> dict[str, Any]:
        """The instruction and the reply limit."""
        return {
            "format": self.name,
            "instruction": self.instruction,
            "max_reply_tokens": self.max_reply_tokens,
        }

    @property
    def stop_ids(self) -> frozenset[int]:
        """The tokenizer's end token, which closes a turn."""
        return frozenset((int(self.tokenizer.eos_token_id),))

    @property
    def tokenizer_fingerprint(self) -> str:
        """Of what the tokenizer makes of a probe text, of its template and of the instruction."""
        return self._checksum()

    def _checksum(self, *more: object) -> str:
        probe = "go to cabinet 12 | Thought: 3.5 + 4 = 7.5\n\n\u00e9 \u2019 \U0001f9ed"
        told = [self._ids(probe), self.tokenizer.chat_template, self.instruction, *more]
        return hashlib.sha256(" ".join(map(str, told)).encode()).hexdigest()[:16]

    def opening(self, observation: str) -> tuple[Segment, ...]:
        """System message, first observation, generation prompt."""
        before, after = self._render(self._messages(_NEXT)).split(_NEXT)
        return (
            Segment(kind="prompt", ids=self._ids(before), text=before),
            Segment(kind="observation", ids=self._said(observation, after=after), text=observation),
        )

    def answer(self, observation: str, *, ended: bool) -> Segment:
        """Marks between two replies, the observation among them."""
        before, after = self._between.split(_NEXT)
        closing = "" if ended else self._ending
        ids = self._said(observation, before=closing + before, after=after)
        return Segment(kind="observation", ids=ids, text=observation)

    def reply(self, command: str) -> tuple[int, ...]:
        """The command as a reply of this format, with the end token."""
        return self.worded(self.spoken.replace("{}", command))

    def worded(self, text: str) -> tuple[int, ...]:
        """The ids of a reply that says ``text`` as it stands, with the end token."""
        return (*self._said(text), int(self.tokenizer.eos_token_id))

    def quote(self, text: str, command: str) -> tuple[int, ...]:
        """The text as it stands where it gives the command, else the command alone."""
        return self.worded(text) if self.command(text) == command else self.reply(command)

    def read(self, ids: tuple[int, ...]) -> tuple[str, str]:
        """The reply's text, and the command in it."""
        body = [token for token in ids if token not in self.stop_ids]
        text = str(self.tokenizer.decode(body, skip_special_tokens=True))
        return text, self.command(text)

    def command(self, text: str) -> str:
        """The command that a reply's text gives; ``""`` if none."""
        raise NotImplementedError

    def relabelled(self, ids: Sequence[int], rng: Random) -> list[int]:
        """Natural text has no symmetry that is known here."""
        return list(ids)

    def _ids(self, text: str) -> tuple[int, ...]:
        return tuple(self.tokenizer.encode(text, add_special_tokens=False))

    def _said(self, text: str, before: str = "", after: str = "") -> tuple[int, ...]:
        """The ids of a text between marks of the template.

        A special token that the text spells out ("<|im_end|>") stays text: it is cut in two, and
        the halves are encoded apart. The world cannot end a turn or begin another.
        """
        cuts = [0, *(found.start() + 1 for found in self._marked.finditer(text)), len(text)]
        parts = [text[a:b] for a, b in pairwise(cuts)]
        parts[0], parts[-1] = before + parts[0], parts[-1] + after
        if len(parts) == 1:
            return self._ids(before + text + after)
        return tuple(token for part in parts for token in self._ids(part))

    def _render(self, messages: list[dict[str, str]]) -> str:
        return str(
            self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        )

    def _messages(self, said: str) -> list[dict[str, str]]:
        """The first messages of a conversation in which the user says ``said``."""
        told = [{"role": "system", "content": self.instruction}] if self.instruction else []
        return [*told, {"role": "user", "content": said}]

    def _marks(self) -> tuple[str, str]:
        """What the template puts from a reply's end to the next reply, and its closing mark."""
        text = self._render(
            [
                *self._messages("?"),
                {"role": "assistant", "content": _REPLY},
                {"role": "user", "content": _NEXT},
            ]
        )
        after = text.split(_REPLY)[1]
        ending = str(self.tokenizer.decode([self.tokenizer.eos_token_id]))
        if not after.startswith(ending):
            raise SettingError(
                f"the chat template closes a reply with {after[:12]!r}, not with the tokenizer's "
                f"end token {ending!r}; set the tokenizer's eos_token to the template's"
            )
        return after.removeprefix(ending), ending


def _special(tokenizer: Tokenizer) -> list[str]:
    """Texts that the tokenizer reads as special tokens; one of a single letter cannot be cut."""
    added: Mapping[int, Any] = getattr(tokenizer, "added_tokens_decoder", {})
    return [t.content for t in added.values() if t.special and len(t.content) > 1]


class BarePrompt(ChatPrompt):
    """The reply is the command alone."""

    name = "bare"

    def quote(self, text: str, command: str) -> tuple[int, ...]:
        """The command alone: thoughts have no place here."""
        return self.reply(command)

    def command(self, text: str) -> str:
        """The first line."""
        lines = text.strip().splitlines()
        return lines[0].strip() if lines else ""


class ReactPrompt(ChatPrompt):
    """The reply thinks, then acts: "Thought: ... Action: ..." (as the paper prompts its models)."""

    name = "react"
    spoken = "Action: {}"

    def command(self, text: str) -> str:
        """What follows the last "Action:"."""
        return last_action(text) or ""


def last_action(text: str) -> str | None:
    """What follows the last "Action:" of a reply; None if there is none."""
    found = _ACTION.findall(text)
    return found[-1] if found else None


class GivenPrompt(ChatPrompt):
    """The reply as a world's registration has it: an action format, and what parses it."""

    name = "given"

    def __init__(
        self,
        tokenizer: Tokenizer,
        instruction: str,
        action_format: str,
        parsing: str,
        max_reply_tokens: int = 64,
    ) -> None:
        """Speak as a world asks for.

        Args:
            tokenizer: the model's.
            instruction: what the model is told, a worked example included.
            action_format: how a command alone becomes a reply; ``{}`` stands for it.
            parsing: a regular expression; the first group of its last match is the command.
            max_reply_tokens: of a reply.
        """
        self.spoken, self.parsing = action_format, parsing
        self._parsed = re.compile(parsing)
        super().__init__(tokenizer, instruction, max_reply_tokens)

    def settings(self) -> dict[str, Any]:
        """The instruction, the action format, what parses it, and the reply limit."""
        more = {"action_format": self.spoken, "parsing": self.parsing}
        return super().settings() | more

    @property
    def tokenizer_fingerprint(self) -> str:
        """Of the tokenizer, the instruction, and how an action is told."""
        return self._checksum(self.spoken, self.parsing)

    def command(self, text: str) -> str:
        """The first group of the last match."""
        found = list(self._parsed.finditer(text))
        return (found[-1][1] or "").strip() if found else ""
