"""What if: the games that are tried are the games that would be played."""

from threading import Event

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted_errand import ERRAND
from scripted_house import LIMIT, House, player, session, works

from oreo_agent.agent.strategies.single import Greedy
from oreo_agent.errors import SettingError
from oreo_agent.player.session import Session
from oreo_agent.records.episode import PolicyRecord
from oreo_agent.rollouts.players import TextPlayer
from oreo_agent.rollouts.runner import Runner
from oreo_agent.rollouts.worlds import SeparateWorlds


def asking(who=None, name="1-plain", seed=0) -> Session:
    return Session(
        player=who or player(),
        world=SeparateWorlds(House, 1),
        works=works(name, seed=seed),
        environment="test/House-v0",
        step_limit=LIMIT,
        agent="scripted",
        open_world=lambda size: SeparateWorlds(House, size),
    )


@given(st.integers(0, 50), st.integers(0, 3), st.integers(1, 4), st.integers(1, 3))
@settings(max_examples=20)
def test_every_reply_is_played_so_often_to_its_end(seed, turns, replies, games):
    each = asking(seed=seed)
    for _ in range(turns):
        each.step()
    before = each.snapshot()
    if before.end is not None:
        return
    first, *_, last = [*each.what_if(replies, games)] * 2
    assert [one.played for one in first] == [0] * len(first)
    assert 1 <= len(last) <= replies
    assert all(one.played + one.broke == one.games == games for one in last)
    assert all(0 <= one.won <= one.played for one in last)
    assert len({one.option.command for one in last}) == len(last)
    own = before.options[before.chosen]
    assert (last[0].option.command, last[0].option.value) == (own.command, own.value)
    after = each.snapshot()
    assert (after.moves, after.options, after.value) == (before.moves, before.options, before.value)


def test_a_reply_that_wins_at_once_wins_every_game():
    each = asking()
    for command in ERRAND[:-1]:
        each.act(command)
    each_tried = [*each.what_if(8, 3)][-1]
    won = {one.option.command: one.won for one in each_tried}
    if ERRAND[-1] in won:
        assert won[ERRAND[-1]] == 3
    by_name = {one.option.command: one for one in each_tried}
    assert all(one.rate is not None and one.rate.n == 3 for one in by_name.values())


def test_an_agent_that_always_says_the_likeliest_draws_its_replies_here():
    each = asking(player(strategy=Greedy(max_tokens=8)))
    for command in ERRAND[:2]:
        each.act(command)
    counts = {(one.won, one.played) for one in [*each.what_if(3, 60)][-1]}
    assert any(0 < won < played for won, played in counts), "all its games would be the same"


def test_the_experts_other_replies_are_what_the_world_admits():
    class Idle:
        def begin(self, observation):
            """Nothing."""

        def act(self, observation, info):
            return "go to shelf 1"

        def replaced(self, command):
            """Nothing."""

    who = TextPlayer(lambda seed: Idle(), PolicyRecord(kind="expert"), player().prompt)
    tried = [*asking(who).what_if(5, 2)][-1]
    assert tried[0].option.command == "go to shelf 1"
    assert {one.option.command for one in tried} == {"go to shelf 1", ERRAND[0]}
    assert [one.won for one in tried] == [0, 0]


def test_games_that_break_are_counted_apart():
    tried = [*asking(name="1-raises").what_if(2, 2)][-1]
    assert all((one.played, one.broke) == (0, 2) for one in tried)
    assert all(one.rate is None for one in tried)


def test_to_stop_asking_stops_the_games_and_the_agent_forgets_them():
    who = player()
    each, stop = asking(who), Event()
    found = each.what_if(3, 50, stop)
    next(found)
    stop.set()
    assert len([*found]) <= 1
    closed = who.agent.engine.closed
    assert len([name for name in closed if "what-if" in name]) >= 3


@pytest.mark.parametrize(("replies", "games"), [(0, 1), (1, 0)])
def test_numbers_below_1_are_refused(replies, games):
    with pytest.raises(SettingError, match="1 or more"):
        asking().what_if(replies, games)


def test_without_a_second_world_it_says_so():
    with pytest.raises(SettingError, match="second world"):
        session().what_if(2, 2)


def test_rounds_are_told_to_whoever_wants_to_know():
    rounds: list[int] = []
    runner = Runner(
        world=SeparateWorlds(House, 2),
        player=player(),
        environment="test/House-v0",
        step_limit=3,
        turned=lambda: rounds.append(1),
    )
    assert len([*runner.play(works("1-plain", "2-plain"))]) == 2
    assert len(rounds) >= 3
