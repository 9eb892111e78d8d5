"""Histories as clients tell them, made into the agent's own."""

from dataclasses import dataclass, replace

from oreo_agent.agent.history import History
from oreo_agent.agent.runtime import Agent
from oreo_agent.agent.strategies import Candidate, spoken
from oreo_agent.errors import SettingError
from oreo_agent.model.chat import ChatPrompt
from oreo_agent.model.prompt import PromptFormat, load_prompt, spent
from oreo_agent.model.vocabulary import Vocabulary
from oreo_agent.serving.wire import Turn


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """A history as a client tells it."""

    turns: tuple[Turn, ...]
    admissible: tuple[str, ...] | None = None
    seed: int = 0
    instruction: str | None = None
    """In the place of the agent's own; None leaves that."""

    def history(self, agent: Agent) -> History:
        """The same in tokens; the same past gives the same tokens, whatever was asked before.

        Raises:
            SettingError: turns are in no order, or the agent's prompt format cannot say them.
        """
        check_order(self.turns, agent.prompt)
        if self.instruction is not None:
            agent = replace(agent, prompt=instructed(agent.prompt, self.instruction))
        first, *rest = self.turns
        history = agent.begin(first.observation or "", seed=self.seed)
        if agent.prompt.steps is not None:
            for turn in rest:
                history = agent.hear(history, _reply(agent.prompt, turn))
            _check_open(history, agent.prompt)
        else:
            for reply, heard in zip(rest[::2], rest[1::2], strict=True):
                said = _reply(agent.prompt, reply)
                history = agent.hear(history, said, heard.observation or "")
        return replace(history, admissible=self.admissible or None)


def check_order(turns: tuple[Turn, ...], prompt: PromptFormat) -> None:
    """Refuse turns that do not lead up to a reply.

    Raises:
        SettingError: with the order that is wanted.
    """
    told = "".join("r" if turn.is_reply else "o" for turn in turns)
    if prompt.steps is not None:
        if told[:1] != "o" or "o" in told[1:]:
            raise SettingError(
                "turns: this agent writes solutions; give the question as an observation, then the "
                "steps so far as replies"
            )
    elif len(told) % 2 == 0 or told != ("or" * len(told))[: len(told)]:
        raise SettingError(
            "turns: observations and replies take turns, and an observation is the first and the "
            f"last of them; these are {told[:40] or 'none'} (o: observation, r: reply)"
        )


def instructed(prompt: PromptFormat, instruction: str) -> PromptFormat:
    """The same format under another instruction.

    Raises:
        SettingError: it has no place for one.
    """
    if not isinstance(prompt, ChatPrompt):
        raise SettingError(
            f"the prompt format {prompt.name!r} has no place for a system message; leave it out"
        )
    return load_prompt(prompt.settings() | {"instruction": instruction}, prompt.tokenizer)


def _reply(prompt: PromptFormat, turn: Turn) -> Candidate:
    if turn.ids is not None:
        size = _vocabulary(prompt)
        if not turn.ids or max(turn.ids) >= size:
            raise SettingError(f"ids: a reply's tokens are in 0 to {size - 1}, and it has some")
        ended = turn.ids[-1] in prompt.stop_ids
        return Candidate(ids=turn.ids, logps=(), text="", command="", ended=ended)
    if turn.text is not None and isinstance(prompt, ChatPrompt) and prompt.steps is None:
        ids = prompt.worded(turn.text)
        return Candidate(ids=ids, logps=(), text=turn.text, command="", ended=True)
    return spoken(prompt, turn.said if turn.text is None else turn.text)  # pyright: ignore[reportArgumentType]


def _vocabulary(prompt: PromptFormat) -> int:
    """How many tokens there are."""
    if isinstance(prompt, ChatPrompt):
        return len(prompt.tokenizer)  # pyright: ignore[reportArgumentType]
    assert isinstance(prompt, Vocabulary)
    return len(prompt.tokens)


def _check_open(history: History, prompt: PromptFormat) -> None:
    last = history.segments[-1]
    over = last.kind == "action" and last.ids[-1] in prompt.stop_ids
    if over or spent(history.segments) >= prompt.max_reply_tokens:
        raise SettingError(
            "turns: this solution is over (it has ended, or has all of its "
            f"{prompt.max_reply_tokens} tokens); send one that is not"
        )
