"""Branches: they begin as their parent did, differ in one reply, and come out the same again."""

from collections import defaultdict
from dataclasses import replace

import pytest
from scripted_world import LEXICON, CorridorStage, ScriptedCast, WaveringCast, outcomes, plain

from oreo_agent.errors import DataError, RecordError, SettingError
from oreo_agent.model.compact import CompactPrompt
from oreo_agent.records.store import Store
from oreo_agent.rollouts.branches import Branching
from oreo_agent.rollouts.casting import Cast
from oreo_agent.rollouts.collect import CollectSettings, collect

NAMES = plain(12)


def settings(out, source=None, **changes):
    stage = CorridorStage(names=NAMES, live=4)
    branching = None
    if source is not None:
        known = {"source": source, "states": 8, "actions": 3, "continuations": 2}
        branching = Branching(**known | changes.pop("branching", {}))
    told = {"stage": stage, "cast": WaveringCast(), "branching": branching}
    return CollectSettings(out=out, **told | changes)


@pytest.fixture
def parents(tmp_path):
    collect(settings(tmp_path / "parents"))
    return tmp_path / "parents"


def test_branches_share_their_parents_beginning_and_differ_in_one_reply(tmp_path, parents):
    summary = collect(settings(tmp_path / "b", parents))
    known = {episode.id: episode for episode in Store.open(parents)}
    states = defaultdict(lambda: defaultdict(int))
    for episode in Store.open(tmp_path / "b"):
        parent = known[episode.branch.parent]
        assert episode.instance == parent.instance
        turns = [i for i, s in enumerate(parent.segments) if s.kind == "action"]
        place = turns[episode.branch.turn]
        shown = [(s.kind, s.ids, s.text, s.command) for s in episode.segments[:place]]
        assert shown == [(s.kind, s.ids, s.text, s.command) for s in parent.segments[:place]]
        assert all(s.valid is not None for s in episode.segments if s.kind == "action")
        reply = episode.segments[place]
        assert reply.kind == "action"
        states[episode.branch.parent, episode.branch.turn][reply.command] += 1
    assert len(states) == 8
    assert all(dict(tried) == {"walk": 2, "wait": 2} for tried in states.values())
    assert (summary.planned, summary.played, summary.faults) == (32, 32, 0)


def test_the_same_command_finds_its_branches_played_and_workers_change_nothing(tmp_path, parents):
    collect(settings(tmp_path / "one", parents))
    assert collect(settings(tmp_path / "one", parents)).played == 0
    slots = CorridorStage(names=NAMES, live=1)
    collect(settings(tmp_path / "two", parents, stage=slots))
    collect(settings(tmp_path / "three", parents, workers=2))
    expected = outcomes(Store.open(tmp_path / "one"))
    assert outcomes(Store.open(tmp_path / "two")) == expected
    assert outcomes(Store.open(tmp_path / "three")) == expected


def test_another_seed_branches_elsewhere(tmp_path, parents):
    def places(out, seed):
        few = settings(out, parents, seed=seed, branching={"states": 4})
        collect(few)
        return {(e.branch.parent, e.branch.turn) for e in Store.open(out)}

    assert places(tmp_path / "one", 0) != places(tmp_path / "two", 1)


def test_a_policy_without_doubts_has_nothing_to_branch(tmp_path, parents):
    with pytest.raises(DataError, match="two different actions; raise --temperature"):
        collect(settings(tmp_path / "b", parents, cast=ScriptedCast()))
    assert not (tmp_path / "b").exists()


def test_a_world_that_answers_otherwise_than_the_parent_was_told_stops_the_run(tmp_path, parents):
    with Store.create(
        tmp_path / "odd",
        prompt="compact",
        tokenizer=CompactPrompt(LEXICON).tokenizer_fingerprint,
        settings=CompactPrompt(LEXICON).settings(),
    ) as store:
        for episode in Store.open(parents):
            opening = CompactPrompt(LEXICON).opening("door 9 is far.")
            store.append(replace_segments(episode, (*opening, *episode.segments[2:])))
    with pytest.raises(RecordError, match=r"the world says 'door \d is far.' and the stored"):
        collect(settings(tmp_path / "b", tmp_path / "odd"))


def replace_segments(episode, segments):
    fields = {name: getattr(episode, name) for name in episode.__struct_fields__}
    return type(episode)(**fields | {"segments": segments})


def test_wrong_settings_are_refused_with_what_to_change(tmp_path, parents):
    with pytest.raises(SettingError, match="2 actions"):
        Branching(source=parents, actions=1)
    with pytest.raises(SettingError, match="leave --episodes and --repeats out"):
        collect(settings(tmp_path / "b", parents, repeats=2))
    with pytest.raises(RecordError, match="no episodes"):
        collect(settings(tmp_path / "b", tmp_path / "nowhere"))
    other = CorridorStage(names=("1-elsewhere",))
    with pytest.raises(DataError, match="episodes of this task and split"):
        collect(settings(tmp_path / "b", parents, stage=other))


def test_no_branch_begins_at_or_after_the_step_limit(tmp_path, parents):
    short = CorridorStage(names=NAMES, live=4, step_limit=1)
    collect(settings(tmp_path / "b", parents, stage=short))
    found = list(Store.open(tmp_path / "b"))
    assert found
    assert {(episode.branch.turn, episode.steps) for episode in found} == {(0, 1)}


def test_a_store_does_not_branch_into_itself(parents):
    with pytest.raises(SettingError, match="cannot branch into itself"):
        collect(settings(parents, parents))


def test_an_expert_has_no_replies_to_try(tmp_path, parents):
    stage = replace(CorridorStage(names=NAMES), task="alfworld")
    with pytest.raises(SettingError, match="name a bundle as --policy"):
        collect(settings(tmp_path / "b", parents, stage=stage, cast=Cast(policy="expert")))
