"""Branches: one state, several replies, each continued several times.

Episodes of their own differ in everything at once, so a value learned from them tells games and
phases apart long before it tells the replies of one state apart, which is what best-of-K asks of
it. Branches share a beginning with a stored episode and differ in one reply. They are stored like
any other episode, unpaired.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from random import Random

from oreo_agent.agent.engines import Request
from oreo_agent.agent.strategies import Candidate, Reading
from oreo_agent.agent.strategies.best_of_k import BestOfK
from oreo_agent.errors import DataError, RecordError, SettingError
from oreo_agent.model.prompt import PromptFormat, ids_of, spent
from oreo_agent.records.episode import BranchRecord, Episode, Segment
from oreo_agent.records.listing import Filter
from oreo_agent.records.reader import StoreReader
from oreo_agent.records.store import Store
from oreo_agent.rollouts.plan import Work, digest
from oreo_agent.rollouts.players import ModelPlayer, Player
from oreo_tasks.task import Instance

ASKED = 64
"""Histories whose replies are drawn together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Branching:
    """Where episodes branch, and how widely."""

    source: Path
    """A store of episodes of the same task, split and prompt format."""
    states: int = 1000
    """States to branch from, at most one an episode."""
    actions: int = 4
    """Different replies a state, at most; states where fewer than two are found are passed over."""
    continuations: int = 2
    """Episodes a reply."""

    def __post_init__(self) -> None:
        if self.states < 1 or self.actions < 2 or self.continuations < 1:
            raise SettingError(
                "branches need 1 state, 2 actions and 1 continuation or more, got "
                f"{self.states}, {self.actions} and {self.continuations}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Fork:
    """A state of a stored episode, and the replies that are tried there."""

    parent: str
    instance: str
    turn: int
    beginning: tuple[Segment, ...]
    """All segments before the reply."""
    replies: tuple[Segment, ...] = ()


def make_branch_plan(
    branching: Branching,
    instances: Sequence[Instance],
    player: Player,
    *,
    policy: str,
    world: str,
    step_limit: int,
    seed: int = 0,
) -> list[Work]:
    """The episodes that branch from a store, state by state.

    Which states follows from the store's episodes and the seed alone. They are taken from won and
    lost episodes in turn. A turn is drawn the likelier the less sure the policy that played it was
    of its reply (where it had no doubt there is nothing to compare), and in a lost episode the
    earlier it came: the end of such an episode is lost whatever is said.

    Args:
        branching: from where and how widely.
        instances: of the split; episodes of other instances are passed over.
        player: a model; its replies are drawn at its strategy's temperature.
        policy: tells the policy from every other, as for `make_plan`.
        world: tells the world and its limits from every other.
        step_limit: turns of an episode; there are no branches at or after it.
        seed: of the run.

    Raises:
        SettingError: the player is no model.
        DataError: no state of the store has two replies to compare.
        RecordError: the store was written in another prompt format or tokenizer.
    """
    if not isinstance(player, ModelPlayer):
        raise SettingError("branches are drawn by a model; name a bundle as --policy")
    known = {instance.id: instance for instance in instances}
    works: list[Work] = []
    states = 0
    waiting: list[Fork] = []

    def tried(forks: Sequence[Fork]) -> Iterator[Work]:
        nonlocal states
        for fork in _asked(player, forks, branching.actions, seed):
            if len(fork.replies) >= 2 and states < branching.states:
                states += 1
                yield from _works(fork, known, branching.continuations, policy, world, seed)

    for fork in _forks(branching.source, player, known, seed):
        if fork.turn >= step_limit:
            continue
        waiting.append(fork)
        if len(waiting) == ASKED:
            works.extend(tried(waiting))
            waiting = []
        if states == branching.states:
            break
    works.extend(tried(waiting))
    if not works:
        raise DataError(
            f"{branching.source} has no state from which {player.policy.strategy!r} at temperature "
            f"{player.policy.temperature:g} takes two different actions; raise --temperature, or "
            "branch from episodes of this task and split"
        )
    return works


def _forks(
    source: Path, player: ModelPlayer, known: Mapping[str, Instance], seed: int
) -> Iterator[Fork]:
    """One state of each episode, in an order that the seed decides."""
    store = Store.open(source)
    ours = (player.prompt.name, player.prompt.tokenizer_fingerprint)
    if (store.card.prompt, store.card.tokenizer) != ours:
        raise RecordError(
            f"{source} was written in the prompt format {store.card.prompt!r} with tokenizer "
            f"{store.card.tokenizer!r}, and {player.policy.fingerprint[:12]} speaks {ours[0]!r} "
            f"with {ours[1]!r}; branch from episodes of the same format"
        )
    for name in _parents(store, seed):
        episode = store.get(name)
        if episode.instance in known and (turn := _turn(episode, seed)) is not None:
            place = [i for i, s in enumerate(episode.segments) if s.kind == "action"][turn]
            yield Fork(
                parent=episode.id,
                instance=episode.instance,
                turn=turn,
                beginning=episode.segments[:place],
            )


def _parents(store: StoreReader, seed: int) -> Iterator[str]:
    """Ids of won episodes and of others in turn, until one kind is used up; then the rest."""
    won, others = (
        store.listed(Filter(ends=ends))
        for ends in (("won",), ("lost", "step_limit", "token_limit"))
    )
    for names in (won, others):
        Random(f"{seed}/branches").shuffle(names)
    for pair in zip_longest(won, others):
        yield from (name for name in pair if name is not None)


def _turn(episode: Episode, seed: int) -> int | None:
    """A turn: likelier where another reply would likely have been drawn, and less late if lost."""
    replies = [segment for segment in episode.segments if segment.kind == "action"]
    if not replies:
        return None
    doubts = [1 - min(1.0, math.exp(sum(reply.logps))) for reply in replies]
    if sum(doubts) <= 0:  # an expert's episode tells no log-probabilities
        doubts = [1.0] * len(replies)
    if episode.end != "won":
        doubts = [doubt * (1 - i / len(replies)) ** 2 for i, doubt in enumerate(doubts)]
    return Random(f"{seed}/{episode.id}").choices(range(len(replies)), doubts)[0]


def _asked(player: ModelPlayer, forks: Sequence[Fork], actions: int, seed: int) -> Iterator[Fork]:
    """The forks with their replies."""
    if not forks:
        return
    temperature = player.policy.temperature
    propose = BestOfK(
        k=actions,
        temperature=temperature,
        score="constant",
        max_tokens=player.prompt.max_reply_tokens,
    )
    requests = [
        Request(
            session=f"fork/{fork.parent}",
            ids=ids_of(fork.beginning),
            seed=digest(seed, fork.parent, fork.turn),
            limit=_left(player.prompt, fork.beginning),
        )
        for fork in forks
    ]
    decisions = propose(player.agent.engine, Reading(player.prompt), requests)
    for request in requests:
        player.close(request.session)
    for fork, decision in zip(forks, decisions, strict=True):
        yield replace(fork, replies=tuple(_said(c) for c in decision.candidates if c.ended))


def _left(prompt: PromptFormat, beginning: Sequence[Segment]) -> int | None:
    """Tokens that a solution may still have; None where each reply has a limit of its own."""
    if prompt.steps is None:
        return None
    return prompt.max_reply_tokens - spent(beginning)


def _said(candidate: Candidate) -> Segment:
    return Segment(
        kind="action",
        ids=candidate.ids,
        text=candidate.text,
        logps=candidate.logps,
        command=candidate.command,
    )


def _works(
    fork: Fork,
    known: Mapping[str, Instance],
    continuations: int,
    policy: str,
    world: str,
    seed: int,
) -> Iterator[Work]:
    """Each reply, as often as it is continued."""
    instance = known[fork.instance]
    for reply in fork.replies:
        for repeat in range(continuations):
            number = digest(
                instance.task, world, fork.parent, fork.turn, reply.ids, policy, repeat, seed
            )
            yield Work(
                id=f"{instance.task}-branch-{number:016x}",
                instance=instance,
                repeat=repeat,
                seed=seed,
                start=(*fork.beginning, reply),
                branch=BranchRecord(parent=fork.parent, turn=fork.turn),
            )
