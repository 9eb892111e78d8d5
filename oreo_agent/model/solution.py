"""The steps format: a question by the model's chat template, answered in a message of many steps.

The assistant's message is the solution. Nothing stands between two of its steps, so a policy may be
asked for one step or for all of them and is shown the same tokens.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

from jinja2 import TemplateError

from oreo_agent.model.chat import ChatPrompt
from oreo_agent.model.prompt import Tokenizer
from oreo_agent.model.steps import Steps
from oreo_agent.model.words import as_command
from oreo_agent.records.episode import Segment


class SolutionPrompt(ChatPrompt):
    """Instruction and question, then a solution that is cut into steps by the task's delimiters."""

    name = "steps"

    def __init__(
        self,
        tokenizer: Tokenizer,
        instruction: str,
        delimiters: Sequence[str],
        max_reply_tokens: int = 1024,
        system: bool | None = None,
    ) -> None:
        """Speak by a model's template.

        Args:
            tokenizer: the model's.
            instruction: how to answer.
            delimiters: close a step.
            max_reply_tokens: of a whole solution.
            system: whether the instruction is the system message; else it follows the question.
                None asks the template whether it knows system messages.
        """
        self.system = tells_system(tokenizer) if system is None else system
        self._anchor = int(tokenizer.encode("a", add_special_tokens=False)[-1])
        super().__init__(tokenizer, instruction, max_reply_tokens)
        self.delimiters = tuple(delimiters)
        self.steps = Steps(delimiters, cache(self._piece))

    def settings(self) -> dict[str, Any]:
        """The instruction and its place, the delimiters and the longest solution."""
        more = {"delimiters": list(self.delimiters), "system": self.system}
        return super().settings() | more

    @property
    def tokenizer_fingerprint(self) -> str:
        """Of the tokenizer, the instruction, and what closes a step."""
        return self._checksum(self.delimiters, self.system)

    def answer(self, observation: str, *, ended: bool) -> Segment:
        """Nothing: a solution is one message."""
        return Segment(kind="observation", ids=(), text=observation)

    def reply(self, command: str) -> tuple[int, ...]:
        """A step, and the end token after one that does not close with white space."""
        ids = self._said(command)
        return ids if command[-1:].isspace() else (*ids, int(self.tokenizer.eos_token_id))

    def quote(self, text: str, command: str) -> tuple[int, ...]:
        """A whole solution, as `reply` closes a step."""
        return self.reply(text)

    def read(self, ids: tuple[int, ...]) -> tuple[str, str]:
        """The reply's text; as a command a step that has closed ends in white space."""
        text, _ = super().read(ids)
        return text, as_command(text, ended=ids[-1:] == (self.tokenizer.eos_token_id,))

    def command(self, text: str) -> str:
        """The step itself."""
        return text

    def _messages(self, said: str) -> list[dict[str, str]]:
        if self.system or not self.instruction:
            return super()._messages(said)
        return [{"role": "user", "content": f"{said}\n{self.instruction}"}]

    def _piece(self, token: int) -> str:
        """What a token adds to a text that has begun: alone, some tokenizers drop its space."""
        before, after = (self._text((self._anchor, *more)) for more in ((), (token,)))
        return after.removeprefix(before)

    def _text(self, ids: tuple[int, ...]) -> str:
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=True))


def tells_system(tokenizer: Tokenizer) -> bool:
    """Whether the chat template says what a system message says; some drop it, some refuse it."""
    said = [{"role": "system", "content": "\ue000"}, {"role": "user", "content": "?"}]
    try:
        return "\ue000" in str(tokenizer.apply_chat_template(said, tokenize=False))
    except TemplateError:
        return False
