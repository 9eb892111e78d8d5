"""The runner: whoever else is playing, an episode is played and recorded the same."""

import numpy as np
import pytest
from gymnasium.vector import VectorEnv
from hypothesis import given
from hypothesis import strategies as st
from scripted_world import (
    LEXICON,
    LIMIT,
    Corridor,
    CutEngine,
    PickyEngine,
    ScriptedEngine,
    corridor,
    outcomes,
    plain,
    player,
    resets,
)

from oreo_agent.agent.strategies.best_of_k import BestOfK
from oreo_agent.errors import DataError, SettingError
from oreo_agent.model.compact import CompactPrompt
from oreo_agent.model.prompt import ids_of
from oreo_agent.model.vocabulary import BOS
from oreo_agent.rollouts.plan import make_plan
from oreo_agent.rollouts.runner import Runner
from oreo_agent.rollouts.worlds import SeparateWorlds, VectorWorld


def works(names):
    return make_plan([corridor(name) for name in names], policy="model", world="w", episodes=None)


def play(names, *, slots=3, who=None, world=None, limit=LIMIT):
    resets.clear()
    runner = Runner(
        world=world or SeparateWorlds(Corridor, slots),
        player=who or player(),
        environment="test/Corridor-v0",
        step_limit=limit,
    )
    return list(runner.play(works(names)))


def only(names, **how):
    (episode,) = play([names], **how)
    return episode


@given(st.lists(st.integers(1, 9), min_size=1, max_size=12), st.integers(1, 5), st.integers(1, 5))
def test_every_work_gives_one_episode_that_does_not_depend_on_its_neighbours(lengths, one, other):
    names = [f"{length}-plain{i}" for i, length in enumerate(lengths)]
    first, second = play(names, slots=one), play(names, slots=other)
    assert {episode.instance for episode in first} == set(names)
    assert outcomes(first) == outcomes(second)


@given(st.integers(1, 9))
def test_an_episode_is_won_within_the_limit_or_ends_at_it(length):
    episode = only(f"{length}-plain")
    expected = ("won", 1.0) if length <= LIMIT else ("step_limit", 0.0)
    assert (episode.end, episode.reward) == expected
    assert episode.steps == min(length, LIMIT)


def test_the_ids_are_what_was_shown_and_sampled_and_the_last_of_them_was_sampled():
    prompt = CompactPrompt(LEXICON)
    episode = only("2-plain")
    shown = [
        (BOS,), prompt.answer("door 2 is far.", ended=True).ids, prompt.reply("walk"),
        prompt.answer("door 1 is far.", ended=True).ids, prompt.reply("walk"),
    ]  # fmt: skip
    assert [segment.ids for segment in episode.segments] == shown
    kinds = [segment.kind for segment in episode.segments]
    assert kinds == ["prompt", "observation", "action", "observation", "action"]
    assert episode.tokenizer == prompt.tokenizer_fingerprint
    actions = [segment for segment in episode.segments if segment.kind == "action"]
    assert [a.logps for a in actions] == [(-0.5, -0.25)] * 2
    assert [a.command for a in actions] == ["walk"] * 2
    assert [a.valid for a in actions] == [True] * 2


def test_the_engine_is_asked_with_exactly_the_recorded_history():
    who = player()
    episode = only("3-plain", who=who)
    ends = [i for i, segment in enumerate(episode.segments) if segment.kind == "action"]
    assert [r.ids for r in who.agent.engine.requests] == [
        ids_of(episode.segments[:end]) for end in ends
    ]
    assert len({r.seed for r in who.agent.engine.requests}) == 3


def test_a_world_that_ends_without_a_win_is_lost():
    assert (only("3-pit").end, only("1-pit").end) == ("lost", "won")


def test_a_reply_cut_by_its_limit_is_neither_sent_nor_graded():
    Corridor.sent.clear()
    episode = only("1-plain", who=player(CutEngine))
    assert (episode.end, episode.reward, episode.steps) == ("token_limit", 0.0, 1)
    assert Corridor.sent == []
    assert episode.segments[-1].valid is None


def test_an_episode_that_outgrows_the_context_ends_with_its_last_action():
    who = player()
    who.agent.engine.max_context = 1 + 3 + 2 + 3 + 8
    episode = only("5-plain", who=who)
    assert (episode.end, episode.steps) == ("token_limit", 2)
    assert episode.segments[-1].kind == "action"


def test_an_opening_that_leaves_no_room_for_a_reply_ends_at_once():
    who = player()
    who.agent.engine.max_context = 8
    episode = only("5-plain", who=who)
    assert (episode.end, episode.steps) == ("token_limit", 0)


def test_a_choice_is_recorded_with_its_candidates_and_values():
    episode = only("1-plain", who=player(strategy=BestOfK(k=2, max_tokens=8)))
    decision = episode.segments[-1].decision
    assert decision is not None
    assert (decision.chosen, decision.value) == (0, 0.5)
    assert [(c.command, c.logp, c.value) for c in decision.candidates] == [("walk", -0.75, 0.5)]
    assert only("1-plain").segments[-1].decision is None


def test_every_session_is_closed():
    who = player()
    play(plain(9), who=who)
    assert sorted(who.agent.engine.closed) == sorted({r.session for r in who.agent.engine.requests})


def test_a_world_that_breaks_is_tried_three_times_and_then_recorded_as_a_fault():
    found = {e.instance: e for e in play(["2-raises", *plain(4), "3-flaky2"])}
    assert resets["2-raises"] == 3
    fault = found["2-raises"]
    assert (fault.end, fault.reward) == ("fault", 0.0)
    assert fault.fault == "turn 1: RuntimeError: the floor gave way"
    assert found["3-flaky2"].end == "won"
    assert all(found[name].end == "won" for name in plain(4))


def test_a_repeated_episode_leaves_no_trace_of_what_broke():
    assert only("3-flaky2").segments == only("3-plain").segments


def test_an_engine_that_breaks_on_one_history_costs_that_episode_alone():
    found = {e.instance: e for e in play(["5-plain", *plain(3)], who=player(PickyEngine))}
    assert found["5-plain"].fault == "turn 0: ZeroDivisionError: not this one"
    assert all(found[name].end == "won" for name in plain(3))


def test_an_instance_that_cannot_be_read_stops_the_run_with_its_name():
    with pytest.raises(DataError, match=r"corridor train.*'2-gone'.*no file for 2-gone"):
        play(["2-gone", *plain(2)])


def test_a_refusal_of_ours_is_no_fault_of_an_episode():
    class Refusing(ScriptedEngine):
        def generate(self, requests, **how):
            raise SettingError("no")

    with pytest.raises(SettingError):
        play(plain(2), who=player(Refusing))


class Corridors(VectorEnv):
    """Corridors in one vector, as the native worlds are; a step of ``raises`` breaks the batch."""

    def __init__(self, num_envs):
        self.num_envs = num_envs
        self.envs = [Corridor() for _ in range(num_envs)]
        self.batches = []

    def reset(self, *, seed=None, options=None):
        slots = np.flatnonzero(options["reset_mask"]).tolist()
        told = {
            slot: self.envs[slot].reset(options={"instance": options["instance"][slot]})
            for slot in slots
        }
        return self._column({s: t[0] for s, t in told.items()}), self._infos(
            {s: t[1] for s, t in told.items()}
        )

    def step(self, actions):
        slots = [slot for slot, action in enumerate(actions) if action is not None]
        self.batches.append(len(slots))
        told = {slot: self.envs[slot].step(actions[slot]) for slot in slots}
        columns = [self._column({s: t[i] for s, t in told.items()}) for i in range(4)]
        return *columns, self._infos({s: t[4] for s, t in told.items()})

    def _column(self, told):
        return [told.get(slot) for slot in range(self.num_envs)]

    def _infos(self, told):
        keys = ("won", "valid", "admissible_commands")
        return {key: self._column({s: t[key] for s, t in told.items()}) for key in keys}


def test_a_vector_world_plays_what_separate_worlds_play():
    names = [*plain(9), "9-plain", "3-pit"]
    vector = Corridors(4)
    assert outcomes(play(names, world=VectorWorld(vector))) == outcomes(play(names))
    assert max(vector.batches) == 4


def test_a_break_in_a_vector_world_is_pinned_on_the_slot_that_breaks():
    found = {e.instance: e for e in play(["2-raises", *plain(5)], world=VectorWorld(Corridors(3)))}
    assert found["2-raises"].end == "fault"
    assert all(found[name].end == "won" for name in plain(5))


def test_an_unreadable_instance_in_a_vector_world_is_named_and_not_its_neighbour():
    with pytest.raises(DataError, match="'2-gone'"):
        play([*plain(2), "2-gone"], world=VectorWorld(Corridors(3)))
