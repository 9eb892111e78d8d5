"""A session is the runner's episode with a person beside it, who changes only what he does."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_house import (
    ERRAND,
    LIMIT,
    BreakingEngine,
    CutEngine,
    House,
    player,
    recorded,
    session,
)

from oreo_agent.agent.engines import Request
from oreo_agent.agent.strategies import Candidate
from oreo_agent.agent.strategies.single import Sample
from oreo_agent.errors import DataError, EnvironmentFault, SettingError
from oreo_agent.model.compact import CompactPrompt
from oreo_agent.model.prompt import ids_of
from oreo_agent.player.session import Session
from oreo_agent.player.snapshot import Snapshot, policy_shares, told_apart
from oreo_agent.records.episode import Episode, PolicyRecord
from oreo_agent.rollouts.players import TextPlayer

seeds = st.integers(0, 500)


def still(snapshot: Snapshot) -> Snapshot:
    """Without the clock."""
    return replace(snapshot, seconds=0.0)


def timeless(episode: Episode) -> Episode:
    return msgspec.structs.replace(episode, seconds=0.0)


def to_the_end(each: Session) -> Session:
    while not each.over:
        each.step()
    return each


@given(seeds, st.sampled_from(["1-plain", "2-pit"]), st.integers(1, LIMIT))
def test_a_game_that_nobody_interferes_with_is_what_the_runner_records(seed, name, limit):
    mine = to_the_end(session(name, seed=seed, limit=limit)).episode()
    assert timeless(mine) == timeless(recorded(name, seed=seed, limit=limit))


def test_the_world_gets_the_seed_that_the_runner_gives_it():
    House.seeds.clear()
    session().restart()
    recorded("1-plain")
    assert len(House.seeds) == 3
    assert len(set(House.seeds)) == 1


@pytest.mark.parametrize("how", ["cut", "short", "sample"])
def test_it_is_so_too_where_replies_are_cut_and_contexts_end(how):
    def who() -> Any:
        if how == "cut":
            return player(CutEngine)
        if how == "sample":
            return player(strategy=Sample(values=True, max_tokens=8))
        short = player()
        short.agent.engine.max_context = 20
        return short

    mine = to_the_end(session("1-plain", who=who())).episode()
    theirs = recorded("1-plain", who=who())
    assert timeless(mine) == timeless(theirs)
    assert mine.end == ("step_limit" if how == "sample" else "token_limit")


@given(seeds, st.integers(0, 4))
def test_typing_a_candidate_gives_the_candidate_with_its_value(seed, turns):
    each = session(seed=seed)
    for _ in range(turns):
        each.step()
    for option in each.snapshot().options:
        if option.command:
            assert each.appraise(f"  {option.command} ") == option


def test_an_action_of_ones_own_gets_the_value_that_the_agent_would_give_it():
    each = session()
    shown = each.snapshot()
    command = next(c for c in ERRAND if c not in [o.command for o in shown.options])
    option = each.appraise(command)
    assert still(each.snapshot()) == still(shown), "to appraise is not to play"
    each.act(command)
    assert each.snapshot().moves[0].option == option
    segments = to_the_end(each).episode().segments
    first = next(i for i, segment in enumerate(segments) if segment.kind == "action")
    asked = Request(session="", ids=ids_of(segments[:first]))
    [[value]] = player().agent.engine.values([asked], [[segments[first].ids]])
    assert option.value == value
    assert option.gain == pytest.approx(value - shown.value)
    assert option.logp == -2.0 * len(segments[first].ids)  # what the engine says of any reply
    assert option.share is not None
    assert 0 < option.share < 0.01


def test_an_other_wording_of_a_command_is_played_in_the_agents_own_words():
    each = session()
    assert each.appraise("put cup 1 in/on box 1").command == "move cup 1 to box 1"


@given(seeds, st.lists(st.integers(1, 3), max_size=5))
def test_restart_gives_the_same_first_screen_whatever_was_played(seed, taken):
    each = session(seed=seed)
    first = still(each.snapshot())
    for number in taken:
        if number <= len(each.snapshot().options):
            each.take(number)
    each.restart()
    assert still(each.snapshot()) == first
    to_the_end(each)
    assert timeless(each.episode()) == timeless(recorded(first.instance, seed=seed))


def test_the_errand_typed_by_hand_wins_and_the_record_says_who_did_it():
    each = session()
    for command in ERRAND:
        each.act(command)
    shown, episode = each.snapshot(), each.episode()
    assert (shown.end, shown.outcome, shown.options) == ("won", "won in 4 turns", ())
    assert [segment.command for segment in episode.segments if segment.kind == "action"] == [
        *ERRAND
    ]
    assert episode.policy.kind == "person"
    assert episode.id != recorded("1-plain").id
    assert len(shown.values) == 5, "V of four states, and V at the end of the last reply"


def test_taking_the_agents_own_choice_leaves_the_game_the_agents():
    each = session()
    while not each.over:
        each.take(each.snapshot().chosen + 1)
    assert timeless(each.episode()) == timeless(recorded("1-plain"))


@given(seeds)
def test_another_candidate_is_recorded_as_a_persons_choice_among_the_same_candidates(seed):
    each = session(seed=seed)
    shown = each.snapshot()
    other = next((i for i in range(len(shown.options)) if i != shown.chosen), None)
    if other is None:
        return
    each.take(other + 1)
    move = each.snapshot().moves[0]
    assert (move.by, move.option, move.options) == ("you", shown.options[other], shown.options)


@given(seeds)
def test_policy_shares_sum_to_one_and_gains_are_against_the_state(seed):
    shown = session(seed=seed).snapshot()
    assert sum(option.share or 0 for option in shown.options) == pytest.approx(1)
    for option in shown.options:
        assert option.gain == pytest.approx((option.value or 0) - (shown.value or 0))
        assert option.admissible == (option.command in shown.admissible)


def test_replies_of_many_unlikely_tokens_have_shares_too():
    def reply(logp: float) -> Candidate:
        return Candidate(ids=(1,), logps=(logp,), text="", command="x", ended=True)

    own = replace(reply(0), logps=())
    assert policy_shares([reply(-2000), reply(-2000), own]) == [0.5, 0.5, None]


def test_nothing_can_be_played_after_the_end_but_the_game_can_be_begun_anew():
    each = to_the_end(session())
    over = still(each.snapshot())
    each.step()
    assert still(each.snapshot()) == over
    for act in (lambda: each.take(1), lambda: each.act("go to desk 1")):
        with pytest.raises(SettingError, match="over"):
            act()
    each.restart()
    assert not each.over
    with pytest.raises(SettingError, match="nothing has been played"):
        each.episode()


def test_the_first_game_follows_the_last_and_a_game_is_found_by_a_part_of_its_id():
    each = session("1-plain", "2-plain", "3-pit")
    order = each.instances
    for name in [*order[1:], order[0]]:
        each.next_game()
        assert each.snapshot().instance == name
    each.pick("PIT")
    assert each.snapshot().instance == "3-pit"
    for wanted, told in (("plain", "could be 2 games"), ("4", "no instance '4'")):
        with pytest.raises(SettingError, match=told):
            each.pick(wanted)


@pytest.mark.parametrize("bad", [0, 9])
def test_a_candidate_that_is_not_there_is_refused(bad):
    with pytest.raises(SettingError, match="no candidate"):
        session().take(bad)


@pytest.mark.parametrize("bad", ["dance", "go to moon 1", "go to shelf 7", " "])
def test_what_the_agent_cannot_say_is_refused_and_plays_nothing(bad):
    each = session()
    before = still(each.snapshot())
    with pytest.raises(SettingError):
        each.act(bad)
    assert still(each.snapshot()) == before


def test_a_world_that_breaks_ends_the_game_and_not_the_session():
    each = to_the_end(session("1-raises", "2-plain"))
    shown = each.snapshot()
    assert shown.end == "fault"
    assert "the floor gave way" in shown.outcome
    assert each.episode().end == "fault"
    each.next_game()
    assert each.snapshot().end is None


def test_a_player_that_breaks_ends_the_game_and_not_the_session():
    each = to_the_end(session(who=player(BreakingEngine)))
    assert each.snapshot().trouble == "ZeroDivisionError: no thought comes"
    each.restart()
    assert not each.over


def test_a_game_that_cannot_be_begun_is_told_and_the_next_one_can():
    each = session("1-plain", "2-gone")
    with pytest.raises(DataError, match="2-gone"):
        each.pick("2-gone")
    assert (each.snapshot().instance, each.snapshot().end) == ("2-gone", "fault")
    each.next_game()
    assert each.snapshot().end is None


def test_caches_are_let_go_of_game_by_game():
    who = player()
    each = session(who=who)
    each.restart()
    each.next_game()
    each.close()
    closed = who.agent.engine.closed
    assert len(set(closed)) == len(closed) == 3


class Obedient:
    """A text policy that notes what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def begin(self, observation: str) -> None:
        self.told.append("begin")

    def act(self, observation: str, info: Any) -> str:
        return "go to shelf 1"

    def replaced(self, command: str) -> None:
        self.told.append(command)


def test_an_expert_hears_what_was_played_in_its_place_and_shows_no_values():
    expert = Obedient()
    prompt = CompactPrompt(player().prompt.settings()["lexicon"])
    each = session(who=TextPlayer(lambda seed: expert, PolicyRecord(kind="expert"), prompt))
    each.step()
    each.act("go to desk 1")
    each.act("go to shelf 1")
    shown = each.snapshot()
    assert expert.told == ["begin", "go to desk 1"]
    assert (shown.values, shown.value, shown.options[0].value) == ((), None, None)


def test_the_goal_is_told_apart_from_what_is_seen():
    text = "-= Hello =-\n\nYou see a desk 1.\n\nYour task is to: find two keys and rest."
    assert told_apart(text) == ("find two keys and rest", "You see a desk 1.")
    assert told_apart("Just a door.") == ("", "Just a door.")


@given(seeds, st.integers(1, 5), st.data())
def test_going_back_is_standing_where_one_stood(seed, turns, data):
    each = session(seed=seed)
    stood = [still(each.snapshot())]
    for _ in range(turns):
        each.step()
        stood.append(still(each.snapshot()))
    turn = data.draw(st.integers(1, len(stood[-1].moves) or 1))
    each.back(turn)
    assert still(each.snapshot()) == stood[turn - 1]
    for later in stood[turn:]:
        each.step()
        assert still(each.snapshot()) == later, "and on from there it is the same game"


def test_another_move_from_an_earlier_turn_is_a_branch_of_the_persons():
    each = session()
    for _ in range(3):
        each.step()
    each.back(2)
    other = next(c for c in ERRAND if c not in [o.command for o in each.snapshot().options])
    each.act(other)
    shown = each.snapshot()
    assert [(move.option.command, move.by) for move in shown.moves][1] == (other, "you")
    assert to_the_end(each).episode().policy.kind == "person"


@pytest.mark.parametrize("turn", [0, 4, -1])
def test_a_turn_that_was_not_played_is_nothing_to_go_back_to(turn):
    each = session()
    for _ in range(3):
        each.step()
    before = still(each.snapshot())
    with pytest.raises(SettingError, match="there is no turn"):
        each.back(turn)
    assert still(each.snapshot()) == before


def test_an_ended_game_can_be_gone_back_into():
    each = to_the_end(session())
    turns = len(each.snapshot().moves)
    each.back(turns)
    assert not each.over
    assert len(each.snapshot().moves) == turns - 1


def test_a_world_that_does_not_repeat_itself_is_told_of(monkeypatch):
    each = session()
    each.step()
    each.step()
    monkeypatch.setattr(House, "_possible", lambda self: ["nothing"])
    with pytest.raises(EnvironmentFault, match="answers otherwise"):
        each.back(2)
    assert each.snapshot().end == "fault"
    monkeypatch.undo()
    each.restart()
    assert each.snapshot().end is None


def test_an_expert_hears_of_the_moves_that_are_played_again():
    heard: list[str] = []

    class Errand:
        def begin(self, observation):
            self.done = 0
            heard.append("begin")

        def act(self, observation, info):
            self.done += 1
            return ERRAND[min(self.done, 4) - 1]

        def replaced(self, command):
            heard.append(command)

    who = TextPlayer(lambda seed: Errand(), PolicyRecord(kind="expert"), player().prompt)
    each = session(who=who)
    each.step()
    each.act("go to shelf 1")
    each.step()
    each.back(3)
    assert heard == ["begin", "go to shelf 1", "begin", "go to shelf 1"]
    assert each.snapshot().options[0].command == ERRAND[2]


def test_a_task_type_picks_its_next_game_round_and_round():
    each = session("1-plain", "2-plain", "3-plain")
    assert each.types == ["put"]
    order = [each.snapshot().instance]
    for _ in range(3):
        each.pick("Put")
        order.append(each.snapshot().instance)
    assert order == [*each.instances, each.instances[0]]
    with pytest.raises(SettingError, match="a type like 'put'"):
        each.pick("fly")
