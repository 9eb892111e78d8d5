"""In which words a task is told to a player: what the task brings along, as a prompt format."""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, Self

from oreo_agent.model.prompt import PROMPTS, PromptFormat, load_prompt
from oreo_agent.records.episode import Segment
from oreo_agent.registry import Registry

LEXICONS: Registry[dict[str, Any]] = Registry(
    "task with a lexicon (prompt format 'compact')",
    {"alfworld": "oreo_tasks.alfworld.lexicon:LEXICON"},
)
INSTRUCTIONS: Registry[dict[str, str]] = Registry(
    "task with instructions (chat formats)",
    {"alfworld": "oreo_tasks.alfworld.prompts:INSTRUCTIONS"},
)


def task_prompt(task: str, name: str, model: str | None = None) -> PromptFormat:
    """A prompt format with what the task tells a player.

    Args:
        task: brings the lexicon or the instruction.
        name: of the format.
        model: folder with the tokenizer of a chat format; without one the segments hold no ids.

    Raises:
        SettingError: there is no such format, or the task has no words for it.
        BundleError: ``model`` has no tokenizer.
    """
    PROMPTS.load(name)
    if name == "compact":
        return load_prompt({"format": name, "lexicon": LEXICONS.load(task)})
    if model is None:
        return TextOnly(name)
    # transformers takes seconds to import, and only a chat format with a tokenizer needs it
    from oreo_agent.model.tokenizers import load_tokenizer  # noqa: PLC0415

    settings = {"format": name, "instruction": INSTRUCTIONS.load(task)[name]}
    return load_prompt(settings, load_tokenizer(model))


class TextOnly:
    """A chat format without a tokenizer: what was said, and no ids."""

    steps = None
    max_reply_tokens = 0
    tokenizer_fingerprint = ""
    stop_ids: frozenset[int] = frozenset()

    def __init__(self, name: str) -> None:
        self.name = name

    @classmethod
    def load(cls, settings: Mapping[str, Any], tokenizer: object = None) -> Self:
        """Make it of its `settings`."""
        return cls(settings["format"])

    def settings(self) -> dict[str, Any]:
        """The name of the format that was meant."""
        return {"format": self.name}

    def opening(self, observation: str) -> tuple[Segment, ...]:
        """The observation."""
        return (self.answer(observation, ended=True),)

    def answer(self, observation: str, *, ended: bool) -> Segment:
        """The observation."""
        return Segment(kind="observation", ids=(), text=observation)

    def reply(self, command: str) -> tuple[int, ...]:
        """No ids."""
        return ()

    def read(self, ids: tuple[int, ...]) -> tuple[str, str]:
        """Nothing can be read from no ids."""
        return "", ""

    def relabelled(self, ids: Sequence[int], rng: Random) -> list[int]:
        """No symmetry is known."""
        return list(ids)
