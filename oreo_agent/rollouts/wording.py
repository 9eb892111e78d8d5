"""In which words a task is told to a player: what the task brings along, as a prompt format."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any, Self, cast

from oreo_agent.config import build, read_toml
from oreo_agent.errors import SettingError
from oreo_agent.model.prompt import PROMPTS, PromptFormat, load_prompt
from oreo_agent.records.episode import Segment
from oreo_agent.records.formats.of_episode import SOLUTIONS
from oreo_agent.registry import Registry
from oreo_envs.registration import Prompt
from oreo_tasks.answers import load_verifier
from oreo_tasks.questions.problem import QuestionTask
from oreo_tasks.questions.prompts import instructions
from oreo_tasks.task import Task

LEXICONS: Registry[dict[str, Any]] = Registry(
    "task with a lexicon (prompt format 'compact')",
    {"alfworld": "oreo_tasks.alfworld.lexicon:LEXICON"},
)
INSTRUCTIONS: Registry[dict[str, str]] = Registry(
    "task with instructions (chat formats)",
    {"alfworld": "oreo_tasks.alfworld.prompts:INSTRUCTIONS"},
)
WORDS: Registry[tuple[str, ...]] = Registry(
    "task with few words (prompt format 'words')",
    {"wordproblems": "oreo_tasks.wordproblems.words:VOCABULARY"},
)
OF_WORLDS = ("text", "given")
"""Formats in which a registered environment is told: to a tiny model, and to a pretrained one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Questioning:
    """What is asked of somebody who answers questions."""

    instruction: str
    delimiters: tuple[str, ...]
    """Texts that close a step."""
    answer: Callable[[str], str | None]
    """The final answer that a solution's text gives."""


def questioning(task: Task, split: str, data: str | None) -> Questioning | None:
    """What a task of questions asks for; None for any other task.

    Raises:
        LookupError, FileNotFoundError, ValueError: the questions cannot be read.
    """
    if not hasattr(task, "delimiters"):
        return None
    asked = cast(QuestionTask, task)
    instances = asked.instances(split, data)
    if not instances:
        raise ValueError("there are no questions in it; name another split or data folder")
    first = asked.problem(instances[0].id, split, data)
    verifier = first.verifier or asked.verifier
    return Questioning(
        instruction=instructions(asked.name, "steps", first.verifier),
        delimiters=first.delimiters or asked.delimiters,
        answer=load_verifier(verifier).answer,
    )


def task_prompt(
    task: str, name: str, model: str | None = None, *, asked: Questioning | None = None
) -> PromptFormat:
    """A prompt format with what the task tells a player.

    Args:
        task: brings the lexicon, the words or the instruction.
        name: of the format.
        model: folder with the tokenizer of a chat format; without one the segments hold no ids.
        asked: of a task of questions: what `questioning` says.

    Raises:
        SettingError: there is no such format, or the task has no words for it.
        BundleError: ``model`` has no tokenizer.
    """
    PROMPTS.check(name)
    if (asked is not None) != (name in SOLUTIONS) or name in OF_WORLDS:
        fits = (
            SOLUTIONS
            if asked is not None
            else sorted({*PROMPTS.names()} - {*SOLUTIONS, *OF_WORLDS})
        )
        raise SettingError(
            f"task {task!r} cannot be told in the prompt format {name!r}; take {' or '.join(fits)}"
        )
    if name == "compact":
        return load_prompt({"format": name, "lexicon": LEXICONS.load(task)})
    if asked is not None and name == "words":
        words = WORDS.load(task)
        return load_prompt({"format": name, "words": words, "delimiters": asked.delimiters})
    if model is None:
        return TextOnly(name)
    # transformers takes seconds to import, and only a chat format with a tokenizer needs it
    from oreo_agent.model.tokenizers import load_tokenizer  # noqa: PLC0415

    if asked is None:
        told: dict[str, Any] = {"instruction": INSTRUCTIONS.load(task)[name]}
    else:
        told = {"instruction": asked.instruction, "delimiters": asked.delimiters}
    return load_prompt({"format": name, **told}, load_tokenizer(model))


def world_prompt(
    told: Prompt, words: Callable[[], Sequence[str]], name: str | None, model: str | None = None
) -> PromptFormat:
    """A prompt format with what an environment was registered with.

    Args:
        told: how the environment is told.
        words: what gives the words of its texts, where none were registered.
        name: of the format, or a TOML file with fields of `Prompt` that go before the
            registration's; None is ``text`` for a tiny model, ``given`` for a pretrained one.
        model: folder with the tokenizer of a pretrained one; without it ``given`` holds no ids.

    Raises:
        SettingError: there is no such format, or the file cannot be read.
        BundleError: ``model`` has no tokenizer.
    """
    if name is not None and name.endswith(".toml"):
        told, name = read_prompt(Path(name), told), None
    name = name or ("text" if model is None else "given")
    PROMPTS.check(name)
    if name not in OF_WORLDS:
        raise SettingError(
            f"an environment cannot be told in the prompt format {name!r}; take "
            f"{' or '.join(OF_WORLDS)}, or a TOML file of yours"
        )
    if name == "text":
        return load_prompt({"format": name, "words": list(told.words or words())})
    settings = {
        "format": name,
        "instruction": told.told(),
        "action_format": told.action_format,
        "parsing": told.parsing,
        "max_reply_tokens": told.max_reply_tokens,
    }
    if model is None:
        return TextOnly(name)
    from oreo_agent.model.tokenizers import load_tokenizer  # noqa: PLC0415

    return load_prompt(settings, load_tokenizer(model))


def read_prompt(path: Path, told: Prompt) -> Prompt:
    """A prompt with the fields of a TOML file in the place of its own.

    Raises:
        SettingError: the file cannot be read, or has a field that a prompt has not.
    """
    return build(Prompt, asdict(told) | read_toml(path), at=str(path))


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

    def quote(self, text: str, command: str) -> tuple[int, ...]:
        """No ids."""
        return ()

    def read(self, ids: tuple[int, ...]) -> tuple[str, str]:
        """Nothing can be read from no ids."""
        return "", ""

    def relabelled(self, ids: Sequence[int], rng: Random) -> list[int]:
        """No symmetry is known."""
        return list(ids)
