"""Which environments there are, and how one of them is told to a model."""

from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from oreo_agent.errors import DataError, EnvironmentFault, OreoError
from oreo_agent.model.prompt import PromptFormat, ids_of
from oreo_agent.records.episode import Segment
from oreo_agent.rollouts.casting import Cast
from oreo_agent.rollouts.stage import Stage, find_environment, registration_of
from oreo_agent.rollouts.wording import read_prompt
from oreo_agent.rollouts.worlds import Begin, Fault
from oreo_envs.adapters import SCHEMES as SCHEMES
from oreo_envs.finding import PlugIn, plug_ins
from oreo_envs.registration import REGISTRATIONS, Prompt, Registration


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An environment in the list."""

    id: str
    source: str
    """Who brings it: ``oreo-agent``, or a plug-in."""
    task: str
    """What ``--task`` calls it, where that is another name."""
    splits: tuple[str, ...]
    step_limit: int
    expert: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """An environment as a model meets it."""

    entry: Entry
    instances: dict[str, int]
    """How many each split has; empty where the data cannot be found."""
    prompt: dict[str, Any]
    """As it is registered, or as a file has it; empty where a task tells it in its own way."""
    format: str
    """The prompt format of the example below."""
    instance: str
    """Whose beginning it is."""
    observation: str
    read: str
    """What the model reads before its first reply, token by token for tiny models."""
    tokens: int
    """How many tokens that are; 0 without a tokenizer."""
    commands: tuple[str, ...]
    """Commands that are admissible then."""
    vocabulary: int
    """Tokens of a tiny model; 0 for a pretrained one."""


def listed() -> tuple[list[Entry], list[PlugIn]]:
    """All environments by id, and the plug-ins that cannot be imported."""
    broken = [plug_in for plug_in in plug_ins() if plug_in.fault]
    return [_entry(REGISTRATIONS[id]) for id in sorted(REGISTRATIONS)], broken


def shown(
    name: str, *, prompt: str | None = None, model: str | None = None, data: str | None = None
) -> Shown:
    """What a model reads of the first training instance of an environment.

    Args:
        name: as `oreo_envs.find` takes it.
        prompt: format, or a TOML file.
        model: folder of the pretrained model that is to read it; None shows a tiny model's view.
        data: where the task finds its instances; None leaves that to the task.

    Raises:
        OreoError: there is no such environment or format, or it cannot be played.
    """
    task = find_environment(name)
    split = task.splits()[0]
    stage = Stage(task=task.name, split=split, data=data, live=1)
    instances = stage.instances()
    if not instances:
        raise DataError(f"{name}: the split {split!r} has no instances; name some (splits=...)")
    first = instances[0].id
    told = Cast(policy="random", prompt=prompt, model=model).shown_in(stage)
    with closing(stage.open(1)) as world:
        scene = world.begin({0: Begin(instance=first, seed=0)})[0]
    if isinstance(scene, Fault):
        raise EnvironmentFault(
            f"{name}: instance {first!r} cannot be begun: {scene.text}; "
            f"`oreo-agent envs check {name}` tells more"
        ) from scene.error
    registration = registration_of(task.name)
    own: Prompt | None = None if registration is None else registration.prompt
    if own is not None and prompt is not None and prompt.endswith(".toml"):
        own = read_prompt(Path(prompt), own)
    opening = told.opening(scene.observation)
    return Shown(
        entry=_entry(registration or REGISTRATIONS[task.environment]),
        instances=_counts(stage, task.splits()),
        prompt={} if own is None else asdict(own),
        format=told.name,
        instance=first,
        observation=scene.observation,
        read="".join(_read(told, segment) for segment in opening),
        tokens=len(ids_of(opening)),
        commands=tuple(scene.info.get("admissible_commands") or ()),
        vocabulary=len(getattr(told, "tokens", ())),
    )


def _entry(registration: Registration) -> Entry:
    task = find_environment(registration.id) if registration.task else None
    return Entry(
        id=registration.id,
        source=registration.source or "oreo-agent",
        task=registration.task,
        splits=tuple(registration.splits if task is None else task.splits()),
        step_limit=registration.step_limit if task is None else task.step_limit,
        expert=registration.expert is not None,
    )


def _counts(stage: Stage, splits: Any) -> dict[str, int]:
    counts: dict[str, int] = {}
    for split in splits:
        other = Stage(task=stage.task, split=split, data=stage.data)
        try:
            counts[split] = len(other.instances())
        except (OreoError, OSError):
            continue
    return counts


def _read(prompt: PromptFormat, segment: Segment) -> str:
    """A segment as it is read: by its tokens where they are words, else by its text."""
    tokens: list[str] | None = getattr(prompt, "tokens", None)
    if tokens is not None:
        return "".join(f"[{tokens[token]}]" for token in segment.ids)
    tokenizer = getattr(prompt, "tokenizer", None)
    if tokenizer is not None:
        return str(tokenizer.decode(list(segment.ids)))
    return segment.text
