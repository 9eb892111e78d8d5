"""An episode is what it was, or it is refused."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oreo_agent.errors import RecordError
from oreo_agent.records.episode import (
    ENDS,
    SCHEMA,
    CandidateRecord,
    DecisionRecord,
    Episode,
    PolicyRecord,
    Segment,
    decode,
    encode,
)

ids = st.lists(st.integers(0, 2**31), max_size=6).map(tuple)
reals = st.floats(allow_nan=False, allow_infinity=False)
candidates = st.builds(
    CandidateRecord, ids=ids, command=st.text(max_size=8), logp=reals, value=st.none() | reals
)
decisions = st.builds(
    DecisionRecord,
    strategy=st.text(max_size=8),
    chosen=st.just(0),
    candidates=st.lists(candidates, min_size=1, max_size=3).map(tuple),
    value=st.none() | reals,
)
segments = st.builds(
    Segment,
    kind=st.sampled_from(["prompt", "observation", "action"]),
    ids=ids,
    text=st.text(max_size=12),
    logps=st.lists(reals, max_size=6).map(tuple),
    command=st.none() | st.text(max_size=8),
    valid=st.none() | st.booleans(),
    decision=st.none() | decisions,
)
policies = st.builds(
    PolicyRecord,
    kind=st.sampled_from(["model", "expert", "random", "person", "import"]),
    fingerprint=st.text(max_size=8),
    strategy=st.text(max_size=8),
    temperature=reals,
    epsilon=reals,
)
episodes = st.builds(
    Episode,
    id=st.text(max_size=12),
    task=st.text(max_size=8),
    environment=st.text(max_size=8),
    split=st.text(max_size=8),
    instance=st.text(max_size=8),
    task_type=st.text(max_size=8),
    seed=st.integers(0, 2**63 - 1),
    repeat=st.integers(0, 9),
    policy=policies,
    prompt=st.just("bare"),
    tokenizer=st.just("t1"),
    segments=st.lists(segments, max_size=4).map(tuple),
    reward=st.floats(0, 1),
    end=st.sampled_from(ENDS),
    seconds=reals,
    fault=st.text(max_size=8),
    versions=st.dictionaries(st.text(max_size=4), st.text(max_size=4), max_size=2),
)


@settings(max_examples=40)
@given(episodes)
def test_what_is_decoded_is_what_was_encoded(episode: Episode):
    assert decode(encode(episode)) == episode
    assert encode(decode(encode(episode))) == encode(episode)


@settings(max_examples=40)
@given(episodes, st.data())
def test_a_torn_record_is_refused_and_never_half_read(episode: Episode, data: st.DataObject):
    whole = encode(episode)
    with pytest.raises(RecordError, match="damaged"):
        decode(whole[: data.draw(st.integers(0, len(whole) - 1))])


@settings(max_examples=40)
@given(episodes)
def test_steps_and_tokens_are_counted_from_the_segments(episode: Episode):
    assert episode.steps == len([s for s in episode.segments if s.kind == "action"])
    assert episode.tokens == len([i for s in episode.segments for i in s.ids])


@pytest.mark.parametrize("schema", [SCHEMA + 1, SCHEMA - 1])
def test_another_schema_is_refused_with_both_numbers_even_if_it_would_parse(make_episode, schema):
    record = msgspec.msgpack.decode(encode(make_episode("a")))
    for strange in (record | {"schema": schema}, record | {"schema": schema, "seed": "new kind"}):
        with pytest.raises(RecordError, match=f"schema {schema}.*reads schema {SCHEMA}"):
            decode(msgspec.msgpack.encode(strange))


@pytest.mark.parametrize("reward", [-0.1, 1.1, float("nan")])
def test_a_reward_outside_0_to_1_is_refused(make_episode, reward):
    with pytest.raises(RecordError, match="reward"):
        make_episode("a", reward=reward)


def test_where_the_candidate_that_was_chosen_is_missing_the_reply_alone_was_drawn(make_episode):
    one = CandidateRecord(ids=(1,), command="go", logp=0.0)
    for chosen, candidates in ((1, (one,)), (0, ())):
        odd = DecisionRecord(strategy="best-of-k", chosen=chosen, candidates=candidates)
        reply = Segment(kind="action", ids=(4, 5, 6), text="go", decision=odd)
        assert make_episode("a", segments=(reply,)).drawn == 3


def test_drawn_tokens_are_those_of_replies_or_what_decisions_tell_and_further_steps_count_once():
    def reply(*ids: int, told: int | None = None, whole: tuple[int, ...] = ()) -> Segment:
        decision = None
        if told is not None:
            chosen = CandidateRecord(ids=whole or ids, command="", logp=0.0)
            other = CandidateRecord(ids=(9,) * 7, command="", logp=0.0)
            decision = DecisionRecord(
                strategy="s", chosen=1, candidates=(other, chosen), policy_tokens=told
            )
        return Segment(kind="action", ids=ids, text="", decision=decision)

    def drawn(*segments: Segment) -> int:
        shown = Segment(kind="observation", ids=(1, 2, 3, 4, 5), text="")
        return Episode(
            id="e", task="", environment="", split="", instance="", task_type="", seed=0, repeat=0,
            policy=PolicyRecord(kind="model"), prompt="", tokenizer="", reward=0.0, end="lost",
            seconds=0.0, segments=(shown, *segments),
        ).drawn  # fmt: skip

    assert drawn() == 0
    assert drawn(reply(1, 2), reply(3)) == 3
    assert drawn(reply(1, 2, told=20), reply(3), reply(4, told=5)) == 20 + 1 + 5
    assert drawn(reply(1, 2, told=0), reply(3)) == 2 + 1  # which was not counted
    search = (reply(1, 2, told=30, whole=(1, 2, 3, 4, 5)), reply(3, 4), reply(5))
    assert drawn(*search) == 30
    assert drawn(*search, reply(6), reply(7, told=4)) == 30 + 1 + 4
