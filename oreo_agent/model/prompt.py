"""The one rendering of a history into tokens: text that trains and text that acts cannot differ.

A prompt format turns what the environment says into segments of token ids, a command into reply
ids and reply ids back into a command. It never joins texts and tokenises the whole again: a
history is the concatenation of its segments' ids, so tokens that were sampled stay as they were.
"""

from collections.abc import Iterable, Mapping, Sequence
from random import Random
from typing import Any, Protocol

from oreo_agent.errors import SettingError
from oreo_agent.model.steps import Steps
from oreo_agent.records.episode import Segment
from oreo_agent.registry import Registry


class Tokenizer(Protocol):
    """What a chat format needs of a Hugging Face tokenizer."""

    @property
    def chat_template(self) -> Any:
        """The Jinja template, or None."""
        ...

    @property
    def eos_token_id(self) -> Any:
        """Id of the end-of-turn token."""
        ...

    def encode(self, text: str, *, add_special_tokens: bool = ...) -> Any:
        """Text to ids."""
        ...

    def decode(self, token_ids: Any, *, skip_special_tokens: bool = ...) -> Any:
        """Ids to text."""
        ...

    def apply_chat_template(self, conversation: Any, **kwargs: Any) -> Any:
        """Messages to text or ids."""
        ...


class PromptFormat(Protocol):
    """How one family of models is shown a history."""

    name: str
    max_reply_tokens: int
    """A reply that is longer is cut and ends the episode with ``token_limit``; of a format with
    `steps` it is the longest solution, all its steps together."""

    @property
    def stop_ids(self) -> frozenset[int]:
        """Tokens that end a reply; they are part of it."""
        ...

    @property
    def steps(self) -> Steps | None:
        """What cuts a solution into steps, each of which is an action; None where a reply is one.

        Nothing stands between two steps, so several may be drawn as one reply.
        """
        ...

    @property
    def tokenizer_fingerprint(self) -> str:
        """Equal exactly for tokenizers that give the same ids."""
        ...

    def settings(self) -> dict[str, Any]:
        """What `load_prompt` needs to make this format again; plain data."""
        ...

    def opening(self, observation: str) -> tuple[Segment, ...]:
        """The first segments, from the environment's first text up to where the reply begins."""
        ...

    def answer(self, observation: str, *, ended: bool) -> Segment:
        """What follows a reply, up to where the next reply begins.

        Args:
            observation: what the environment answered.
            ended: whether the reply before it closed with one of `stop_ids`; if not, the closing
                mark is part of this segment, as the policy did not produce it.
        """
        ...

    def reply(self, command: str) -> tuple[int, ...]:
        """The ids of a reply that gives ``command``, end of turn included."""
        ...

    def quote(self, text: str, command: str) -> tuple[int, ...]:
        """The ids of a reply that somebody else wrote, end of turn included.

        Args:
            text: the reply; said as it stands where the format has room for thoughts.
            command: what the world was given; all that is said where it has not.

        Raises:
            SettingError: the format has no words for it.
        """
        ...

    def read(self, ids: tuple[int, ...]) -> tuple[str, str]:
        """Reply ids to its text and the command in it (``""`` if there is none)."""
        ...

    def relabelled(self, ids: Sequence[int], rng: Random) -> list[int]:
        """The same history in a renamed world, where the format knows such a symmetry.

        A format without one returns ``ids`` unchanged.
        """
        ...


PROMPTS: Registry[Any] = Registry(
    "prompt format",
    {
        "compact": "oreo_agent.model.compact:CompactPrompt",
        "react": "oreo_agent.model.chat:ReactPrompt",
        "bare": "oreo_agent.model.chat:BarePrompt",
        "given": "oreo_agent.model.chat:GivenPrompt",
        "steps": "oreo_agent.model.solution:SolutionPrompt",
        "text": "oreo_agent.model.plain:TextPrompt",
        "words": "oreo_agent.model.words:WordsPrompt",
    },
)


def load_prompt(settings: Mapping[str, Any], tokenizer: Tokenizer | None = None) -> PromptFormat:
    """Make the format that `PromptFormat.settings` described.

    Args:
        settings: ``{"format": name, ...}``.
        tokenizer: the model's; formats that bring their own vocabulary ignore it.

    Raises:
        SettingError: there is no such format, it needs a tokenizer and got none, or it knows no
            such settings.
    """
    rest = {key: value for key, value in settings.items() if key != "format"}
    kind = PROMPTS.load(str(settings.get("format")))
    try:
        return kind.load(rest, tokenizer)
    except TypeError as error:
        raise SettingError(
            f"prompt format {settings['format']!r} cannot be made of {sorted(rest)}: {error}; was "
            "it written by another version?"
        ) from error


def spent(segments: Iterable[Segment]) -> int:
    """Tokens of all replies."""
    return sum(len(segment.ids) for segment in segments if segment.kind == "action")


def ids_of(segments: Iterable[Segment]) -> tuple[int, ...]:
    """The history as the model reads it."""
    return tuple(token for segment in segments for token in segment.ids)
