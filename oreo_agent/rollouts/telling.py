"""A conversation of somebody else's log as an episode: tokenised once, and that is said."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from oreo_agent.errors import SettingError
from oreo_agent.model.chat import last_action
from oreo_agent.model.prompt import PROMPTS, PromptFormat, load_prompt
from oreo_agent.records.episode import Episode, PolicyRecord, Segment
from oreo_agent.records.formats.conversation import Conversation, Exchange, Unreadable
from oreo_agent.records.formats.of_episode import SOLUTIONS
from oreo_agent.registry import Registry
from oreo_agent.rollouts.live import VERSIONS
from oreo_agent.rollouts.stage import Stage, find_task
from oreo_agent.rollouts.wording import TextOnly, task_prompt
from oreo_tasks import TASKS

TYPES: Registry[Callable[[str], str]] = Registry(
    "task whose ids name their type", {"alfworld": "oreo_tasks.alfworld:task_type_of"}
)

OF_ANY_TASK = ("react", "bare", "steps")
"""Prompt formats that need nothing of a task."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Teller:
    """In which words logs are told, and what their episodes have in common."""

    prompt: PromptFormat
    task: str
    split: str
    environment: str
    """Gymnasium id; ``""`` of a task that is not ours."""
    source: str
    """Name of the format that the logs were in."""
    folds: bool
    """Whether a log's own instruction is told, at the head of its first observation."""

    def heard(self, conversation: Conversation) -> Conversation:
        """The same with every command known.

        A command is what the log says, else what follows the last "Action:". A log in which no
        reply has such a mark gives commands alone. Solutions have no commands.

        Raises:
            Unreadable: a reply of several lines names no action.
        """
        if self.prompt.name in SOLUTIONS:
            return conversation
        marked = any(last_action(turn.reply) is not None for turn in conversation.turns)
        turns = [replace(turn, command=_command(turn, marked)) for turn in conversation.turns]
        return replace(conversation, turns=tuple(turns))

    def episode(self, conversation: Conversation, noted: dict[str, str] | None = None) -> Episode:
        """The episode of a conversation that was `heard`.

        Args:
            conversation: to tell.
            noted: goes into the record's versions.

        Raises:
            Unreadable: the prompt format cannot say it, or reads it back otherwise.
        """
        segments = self._segments(conversation)
        told = {**VERSIONS, "imported": self.source, **(noted or {})}
        if self.prompt.tokenizer_fingerprint:
            told["tokenised"] = "once, on import"
        instance = conversation.instance or conversation.opening()
        kind = conversation.task_type
        if not kind and self.task in TYPES.names():
            kind = TYPES.load(self.task)(instance)
        return Episode(
            id=f"{self.task}-import-{conversation.digest()}",
            task=self.task,
            environment=self.environment,
            split=self.split,
            instance=instance,
            task_type=kind,
            seed=0,
            repeat=0,
            policy=PolicyRecord(kind="import", strategy=conversation.player),
            prompt=self.prompt.name,
            tokenizer=self.prompt.tokenizer_fingerprint,
            segments=tuple(segments),
            reward=conversation.reward,
            end=conversation.end,
            seconds=0.0,
            versions=told,
        )

    def _segments(self, conversation: Conversation) -> list[Segment]:
        first = conversation.turns[0].seen
        if self.folds and conversation.instruction:
            first = f"{conversation.instruction}\n\n{first}"
        segments = list(self.prompt.opening(first))
        if self.prompt.name in SOLUTIONS and len(conversation.turns) > 1:
            raise Unreadable("it has several replies, and a solution is one")
        for number, turn in enumerate(conversation.turns):
            if number:
                segments.append(self.prompt.answer(turn.seen, ended=True))
            segments += self._reply(turn)
        return segments

    def _reply(self, turn: Exchange) -> list[Segment]:
        command = turn.command if turn.command is not None else turn.reply
        try:
            ids = self.prompt.quote(turn.reply, command)
        except SettingError as error:
            raise Unreadable(str(error)) from error
        if not ids and isinstance(self.prompt, TextOnly):
            return [Segment(kind="action", ids=(), text=turn.reply, command=command)]
        steps = self.prompt.steps
        if steps is not None:
            said = [(part, *self.prompt.read(part)) for part in steps.cut(ids)]
            if "".join(text for _, text, _ in said) != turn.reply:
                raise Unreadable("its tokens are not read back as its text")
            return [
                Segment(kind="action", ids=part, text=text, command=heard)
                for part, text, heard in said
            ]
        text, heard = self.prompt.read(ids)
        if heard != command and self._ids(heard) != ids:
            raise Unreadable(f"the command {command!r} is read back as {heard!r}")
        return [Segment(kind="action", ids=ids, text=text, command=command)]

    def _ids(self, command: str) -> tuple[int, ...]:
        try:
            return self.prompt.reply(command)
        except SettingError:
            return ()


def make_teller(
    task: str,
    split: str,
    *,
    source: str,
    prompt: str,
    model: str | None = None,
    data: str | None = None,
) -> Teller:
    """The teller of a task's logs.

    A task that is not ours has no instruction: each log's own one stands before its first
    observation.

    Args:
        task: one of ours, or any other name.
        split: that the logs' instances are of.
        source: name of the logs' format, for the record.
        prompt: name of the prompt format.
        model: folder of the model whose tokenizer writes the ids; without one there are none.
        data: of the task, where the prompt format needs it (questions).

    Raises:
        SettingError: there is no such prompt format, or it does not do for that task.
        BundleError: ``model`` has no tokenizer.
    """
    if task in TASKS:
        questions = hasattr(find_task(task), "delimiters")
        asked = Stage(task=task, split=split, data=data).questioning() if questions else None
        return Teller(
            prompt=task_prompt(task, prompt, model, asked=asked),
            task=task,
            split=split,
            environment=find_task(task).environment,
            source=source,
            folds=False,
        )
    PROMPTS.check(prompt)
    if prompt not in OF_ANY_TASK:
        raise SettingError(
            f"the prompt format {prompt!r} takes its words from the task, and {task!r} is none of "
            f"ours; take {', '.join(OF_ANY_TASK[:-1])} or {OF_ANY_TASK[-1]}"
        )
    return Teller(
        prompt=_free_prompt(prompt, model),
        task=task,
        split=split,
        environment="",
        source=source,
        folds=True,
    )


def _free_prompt(name: str, model: str | None) -> PromptFormat:
    told: dict[str, Any] = {"format": name, "instruction": ""}
    if model is None:
        return TextOnly(name)
    if name == "steps":
        told["delimiters"] = ["\n"]
    # transformers takes seconds to import
    from oreo_agent.model.tokenizers import load_tokenizer  # noqa: PLC0415

    return load_prompt(told, load_tokenizer(model))


def _command(turn: Exchange, marked: bool) -> str:
    if turn.command is not None:
        return turn.command
    if marked:
        return last_action(turn.reply) or ""
    lines: Sequence[str] = turn.reply.strip().splitlines()
    if len(lines) > 1:
        raise Unreadable('a reply of several lines names no action ("Action: ...")')
    return lines[0].strip() if lines else ""
