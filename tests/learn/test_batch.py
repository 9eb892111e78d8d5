"""Batches: each number of an episode is found again at its place, whoever else is in the row."""

from dataclasses import replace

import msgspec
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from oreo_agent.learn.batch import LEAST, Tokens, collate, parts, shared
from oreo_agent.records.episode import BranchRecord, PolicyRecord, Segment


@st.composite
def tokens(draw: st.DrawFn) -> Tokens:
    """Any history that begins with something said; replies may follow each other."""
    turns = draw(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 3)), max_size=3))
    length = draw(st.integers(1, 3))
    actions: list[int] = []
    ends: list[int] = []
    for said, done in turns:
        length += said
        actions += range(length, length + done)
        length += done
        ends.append(length - 1)
    length += draw(st.integers(0, 2))
    ids = draw(st.lists(st.integers(0, 50), min_size=length, max_size=length))
    return Tokens(
        id="e",
        instance="i",
        ids=tuple(ids),
        actions=tuple(actions),
        ends=tuple(ends),
        reward=draw(st.sampled_from([0.0, 0.5, 1.0])),
    )


def test_actions_are_the_tokens_of_action_segments_and_ends_their_last_ones(an_episode):
    episode = an_episode(
        0,
        segments=(
            Segment(kind="prompt", ids=(1,), text=""),
            Segment(kind="observation", ids=(5, 6, 7), text=""),
            Segment(kind="action", ids=(8, 9, 4), text=""),
            Segment(kind="observation", ids=(8, 9, 4), text="the same tokens, but said"),
            Segment(kind="action", ids=(), text="a reply without tokens"),
            Segment(kind="action", ids=(8,), text=""),
        ),
    )
    found = Tokens.of(episode)
    assert found.ids == (1, 5, 6, 7, 8, 9, 4, 8, 9, 4, 8)
    assert found.actions == (4, 5, 6, 10)
    assert found.ends == (6, 10)
    assert found.reward == episode.reward


def test_a_branch_is_known_by_the_replies_that_another_episode_lent_it(an_episode):
    own = an_episode(3, turns=3)
    assert Tokens.of(own).lent is None
    branch = an_episode(3, turns=3, branch=BranchRecord(parent="e", turn=2))
    assert Tokens.of(branch).lent == 2
    silent = Segment(kind="action", ids=(), text="a reply without tokens")
    longer = msgspec.structs.replace(
        branch,
        segments=(own.segments[0], silent, *own.segments[1:]),
        branch=BranchRecord(parent="e", turn=3),
    )
    assert Tokens.of(longer).lent == 2
    other = an_episode(3, policy=PolicyRecord(kind="model", fingerprint="f", strategy="greedy"))
    assert Tokens.of(other).player != Tokens.of(own).player == "expert"


def test_only_segments_decide_what_an_action_is_whatever_the_texts_say(an_episode):
    episode = an_episode(3, turns=3)
    found = Tokens.of(episode)
    kinds = [s.kind for s in episode.segments for _ in s.ids]
    assert [i for i, kind in enumerate(kinds) if kind == "action"] == list(found.actions)
    assert found.ids == tuple(token for s in episode.segments for token in s.ids)
    stripped = tuple(
        Segment(kind=s.kind, ids=s.ids, text="walk to den 1", command="?") for s in episode.segments
    )
    assert Tokens.of(an_episode(3, turns=3, segments=stripped)) == found


def begun(episode: Tokens, opening: tuple[int, ...]) -> Tokens:
    """The same after an opening."""
    further = len(opening)
    return replace(
        episode,
        ids=opening + episode.ids,
        actions=tuple(a + further for a in episode.actions),
        ends=tuple(a + further for a in episode.ends),
    )


@settings(max_examples=60)
@given(
    st.lists(tokens(), min_size=1, max_size=5),
    st.booleans(),
    st.sampled_from([0, LEAST - 1, LEAST, LEAST + 5]),
)
def test_every_number_of_an_episode_is_found_again_in_the_rows(
    episodes: list[Tokens], packed: bool, opening: int
):
    episodes = [begun(episode, tuple(range(opening))) for episode in episodes]
    batch = collate(episodes, packed=packed, pad=99)
    ids, owner = batch.ids.flatten(), batch.episode.flatten()
    same = shared(episodes) if packed else 0
    if packed and len(episodes) > 1 and opening >= LEAST:
        assert same >= opening
    assert batch.ids.shape == batch.episode.shape == batch.position.shape
    assert len(batch.ids) == (1 if packed else len(episodes))
    if packed:
        assert (owner < 0).sum() == same
        assert owner.numel() == same + sum(len(e.ids) - same for e in episodes)
    else:
        assert (ids[owner < 0] == 99).all()
    for i, episode in enumerate(episodes):
        own = (owner == i).nonzero().flatten()
        places = torch.cat([torch.arange(same), own])
        assert ids[places].tolist() == list(episode.ids)
        assert batch.position.flatten()[places].tolist() == list(range(len(episode.ids)))
        start = int(own[0]) - same
        assert own.tolist() == list(range(start + same, start + len(episode.ids)))
        mask = batch.mask[i]
        assert (batch.state[i][mask] - start + 1).tolist() == list(episode.actions)
        assert batch.action[i][mask].tolist() == [episode.ids[a] for a in episode.actions]
        ends = batch.end[i][batch.end_mask[i]]
        assert (ends - start).tolist() == list(episode.ends)
        counts = batch.end_action[i][batch.end_mask[i]].tolist()
        assert counts == [sum(a <= end for a in episode.actions) for end in episode.ends]
        said = [k for k in range(1, len(episode.ids)) if k not in episode.actions]
        seen = batch.seen_mask[i]
        assert batch.seen_state[i][seen].tolist() == [int(places[k - 1]) for k in said]
        assert batch.seen[i][seen].tolist() == [episode.ids[k] for k in said]
        begins = [k for k in said if k - 1 in episode.ends]
        assert (batch.seen_state[i][batch.answer_mask[i]] - start + 1).tolist() == begins
    assert batch.reward.tolist() == [episode.reward for episode in episodes]


@settings(max_examples=60)
@given(st.lists(tokens(), min_size=1, max_size=6), st.integers(1, 30))
def test_parts_hold_every_episode_once_within_their_limit(episodes: list[Tokens], limit: int):
    for together in (1, 2):
        units = [episodes[i : i + together] for i in range(0, len(episodes), together)]
        groups = parts(units, limit)
        assert [e for group in groups for e in group] == episodes
        for group in groups:
            assert group in units or sum(len(e.ids) for e in group) <= limit


def test_a_batch_goes_to_a_device_whole():
    batch = collate([Tokens(id="e", instance="i", ids=(1, 2), actions=(1,), ends=(1,), reward=1.0)])
    moved = batch.to(torch.device("meta"))
    assert moved.ids.is_meta
    assert moved.reward.is_meta
