"""What was played is kept: every end, what was left, and each game once."""

import pytest
from scripted_errand import ERRAND, OTHERS
from scripted_house import House, player, recorded, works

from oreo_agent.errors import RecordError
from oreo_agent.player.recording import Recorder
from oreo_agent.player.session import Session
from oreo_agent.records.reader import StoreReader
from oreo_agent.records.store import Store
from oreo_agent.rollouts.worlds import SeparateWorlds


def keeping(folder, *names) -> Session:
    who = player()
    return Session(
        player=who,
        world=SeparateWorlds(House, 1),
        works=works(*(names or ("1-plain", "2-plain"))),
        environment="test/House-v0",
        step_limit=8,
        agent="scripted",
        keep=Recorder(folder, who.prompt),
    )


def test_a_game_that_ended_is_the_runners_episode(tmp_path):
    each = keeping(tmp_path / "kept")
    while not each.over:
        each.step()
    (kept,) = StoreReader(tmp_path / "kept")
    theirs = recorded("1-plain")
    assert (kept.id, kept.end, kept.segments) == (theirs.id, theirs.end, theirs.segments)
    each.close()
    assert len(StoreReader(tmp_path / "kept")) == 1


def test_nothing_is_written_before_something_was_played(tmp_path):
    each = keeping(tmp_path / "kept")
    each.next_game()
    each.close()
    assert not (tmp_path / "kept").exists()


@pytest.mark.parametrize("leave", ["restart", "next_game", "close"])
def test_a_game_that_is_left_is_kept_as_a_fault_that_nobody_learns_from(tmp_path, leave):
    each = keeping(tmp_path / "kept")
    each.step()
    each.act(ERRAND[0])
    getattr(each, leave)()
    (kept,) = StoreReader(tmp_path / "kept")
    assert (kept.end, kept.reward, kept.steps) == ("fault", 0.0, 2)
    assert kept.fault == "left by the player after turn 2"
    assert kept.policy.kind == "person"


def test_an_agents_game_that_is_left_does_not_take_the_name_of_the_whole_one(tmp_path):
    each = keeping(tmp_path / "kept")
    each.step()
    each.restart()
    while not each.over:
        each.step()
    ends = {episode.id: episode.end for episode in StoreReader(tmp_path / "kept")}
    assert len(ends) == 2
    assert ends[recorded("1-plain").id] == recorded("1-plain").end


def test_the_same_game_twice_is_kept_once_and_a_branch_of_it_apart(tmp_path):
    each = keeping(tmp_path / "kept")
    for _ in range(2):
        while not each.over:
            each.step()
        each.restart()
    assert len(StoreReader(tmp_path / "kept")) == 1
    each.step()
    each.back(1)
    proposed = [option.command for option in each.snapshot().options]
    each.act(next(command for command in (*ERRAND, *OTHERS) if command not in proposed))
    while not each.over:
        each.step()
    kinds = sorted(episode.policy.kind for episode in StoreReader(tmp_path / "kept"))
    assert kinds == ["model", "person"]


def test_a_world_that_breaks_leaves_its_game_in_the_store(tmp_path):
    each = keeping(tmp_path / "kept", "1-raises")
    each.step()
    each.step()
    (kept,) = StoreReader(tmp_path / "kept")
    assert kept.end == "fault"
    assert "the floor gave way" in kept.fault


def test_a_store_of_another_format_is_refused_before_anything_is_played(tmp_path):
    Store.create(tmp_path / "kept", prompt="react", tokenizer="t").close()
    with pytest.raises(RecordError, match="prompt format"):
        keeping(tmp_path / "kept")
