"""A replay shows what the live session showed, and what any bundle makes of it."""

import tempfile
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_stores import CALIBRATION, STEEP, as_told, house, judge, replayed, reworded, store
from scripted_house import CutEngine, player, recorded, session

from oreo_agent.errors import BundleError, RecordError, SettingError
from oreo_agent.model.words import WordsPrompt
from oreo_agent.player.export import EXPORTS
from oreo_agent.player.replay.judges import Record
from oreo_agent.player.replay.opening import ReplaySettings, open_replay
from oreo_agent.player.replay.replay import KEPT, Replay
from oreo_agent.player.replay.summary import replay_summary
from oreo_agent.player.snapshot import Move, Option, Snapshot
from oreo_agent.player.telling import game_lines
from oreo_agent.records.episode import CandidateRecord, DecisionRecord, Episode, Segment

seeds = st.integers(0, 300)


def blind(option: Option) -> Option:
    return replace(option, admissible=None)


def unseen(move: Move, *, last: bool) -> Move:
    return replace(
        move,
        option=blind(move.option),
        options=tuple(map(blind, move.options)),
        observation="" if last else move.observation,
    )


def recordable(snapshot: Snapshot) -> Snapshot:
    """Without what no record tells: the clock, the limit, what was admissible, the last words."""
    over = snapshot.end is not None
    count = len(snapshot.moves)
    return replace(
        snapshot,
        agent="",
        judge="",
        game=1,
        games=1,
        seconds=0.0,
        step_limit=0,
        admissible=(),
        options=tuple(map(blind, snapshot.options)),
        moves=tuple(unseen(move, last=over and move.turn == count) for move in snapshot.moves),
    )


def live_and_replayed(seed: int, name: str, taken: list[int], folder: Path, *judges):
    """What a session showed turn by turn, and what a replay of its record does."""
    each = session(name, seed=seed)
    shown = [each.snapshot()]
    while not each.over:
        number = taken[len(shown) % len(taken)] if taken else 0
        if 1 <= number <= len(shown[-1].options):
            each.take(number)
        else:
            each.step()
        shown.append(each.snapshot())
    replay = replayed(folder, each.episode(), judges=judges or [judge()])
    seen = [replay.snapshots()]
    while not replay.over:
        replay.forward()
        seen.append(replay.snapshots())
    return shown, seen, each.episode()


@given(seeds, st.sampled_from(["1-plain", "2-pit"]), st.lists(st.integers(0, 3), max_size=4))
@settings(max_examples=30)
def test_a_replay_shows_what_the_live_session_showed(seed, name, taken):
    with tempfile.TemporaryDirectory() as folder:
        shown, seen, _ = live_and_replayed(seed, name, taken, Path(folder), Record())
    for number, (before, after) in enumerate(pairwise(list(shown))):
        played = after.moves[-1]  # a replay points at what was played
        shown[number] = replace(before, chosen=played.options.index(played.option))
    assert [recordable(each) for each in shown] == [recordable(each) for (each,) in seen]


@given(seeds)
@settings(max_examples=20)
def test_a_bundle_that_played_says_the_same_as_it_did_live(seed):
    with tempfile.TemporaryDirectory() as folder:
        shown, seen, _ = live_and_replayed(seed, "1-plain", [], Path(folder))
    for live, (told,) in zip(shown, seen, strict=True):
        assert told.values == pytest.approx(live.values)
        assert [one.value for one in told.options] == pytest.approx(
            [one.value for one in live.options]
        )
        assert [one.gain for one in told.options] == pytest.approx(
            [one.gain for one in live.options]
        )


def test_a_calibrated_bundle_tells_chances(tmp_path):
    replay = replayed(tmp_path, house(), judges=[judge(calibration=CALIBRATION)])
    (whole,) = replay.whole()
    assert whole.calibrated
    for move in whole.moves:
        assert move.probability == pytest.approx(CALIBRATION.probability(move.value or 0.0))
        assert sum(option.share or 0 for option in move.options) == pytest.approx(1)


def test_two_judges_stand_side_by_side_each_with_its_own_figures(tmp_path):
    judges = [judge("a"), judge("b", calibration=CALIBRATION)]
    replay = replayed(tmp_path, house(seed=6), judges=judges)
    first, second = replay.whole()
    assert (first.judge, second.judge) == ("a", "b")
    assert (first.calibrated, second.calibrated) == (False, True)
    assert [m.option.command for m in first.moves] == [m.option.command for m in second.moves]
    assert first.chances != second.chances
    for kind in EXPORTS.names():
        assert "b" in EXPORTS.load(kind)((first, second))


def test_another_format_tells_the_episode_again_in_its_own_words(tmp_path):
    episode, prompt = house(seed=6), reworded()
    assert prompt.tokenizer_fingerprint != episode.tokenizer
    engine = type(judge().agent.engine)(prompt)
    other = judge(prompt=prompt, engine=engine)
    (whole,) = replayed(tmp_path / "a", episode, judges=[other]).whole()
    (own,) = replayed(tmp_path / "b", episode, judges=[judge()]).whole()
    assert [move.option.value for move in whole.moves] == pytest.approx(
        [move.option.value for move in own.moves]
    )


def test_an_episode_without_ids_is_told_from_its_texts(tmp_path):
    episode = as_told(house(seed=6))
    (bare,) = replayed(tmp_path / "a", episode).whole()
    assert bare.values == ()
    assert bare.goal == "put a cup in box"
    (valued,) = replayed(tmp_path / "b", episode, judges=[judge()]).whole()
    (own,) = replayed(tmp_path / "c", house(seed=6), judges=[judge()]).whole()
    assert [move.value for move in valued.moves] == [move.value for move in own.moves]


def test_what_a_format_cannot_say_ends_its_values_and_is_told(tmp_path):
    episode = as_told(house(seed=6))
    odd = [
        msgspec.structs.replace(each, command="dance", text="dance") if number == 5 else each
        for number, each in enumerate(episode.segments)
    ]
    assert odd[5].kind == "action"
    replay = replayed(
        tmp_path, msgspec.structs.replace(episode, segments=tuple(odd)), judges=[judge()]
    )
    (whole,) = replay.whole()
    values = [move.value for move in whole.moves]
    assert [value is None for value in values] == [False, False, *[True] * (len(values) - 2)]
    (trouble,) = replay.troubles
    assert "stops before turn 3" in trouble
    assert "cannot say 'dance'" in trouble


def test_a_history_that_is_too_long_for_a_bundle_ends_its_values(tmp_path):
    short = judge()
    short.agent.engine.max_context = 20
    replay = replayed(tmp_path, house(), judges=[short])
    assert "more than its context of 20" in replay.troubles[0]
    assert replay.whole()[0].moves[0].value is not None


def test_a_bundle_for_another_task_is_refused(tmp_path):
    with pytest.raises(BundleError, match="is an agent for gsm8k"):
        replayed(tmp_path, house(), judges=[replace(judge(), task="gsm8k")])


WORDS = WordsPrompt(["+", "=", "####", *"0123456789", "Add"], ["\n"])


def solved(*steps: str, searched: bool = False, end: str = "won") -> Episode:
    """A solution, of steps that were chosen one by one or found as a whole."""
    said = [WORDS.reply(step) for step in steps]
    whole = sum(said, ())
    segments = list(WORDS.opening("Add 1 + 2 + 3"))
    for number, (ids, step) in enumerate(zip(said, steps, strict=True)):
        decision = None
        if searched and number == 0:
            other = (*said[0], *WORDS.reply("#### 7"))
            decision = DecisionRecord(
                strategy="best-of-n",
                chosen=0,
                value=0.5,
                candidates=(
                    CandidateRecord(ids=whole, command="".join(steps), logp=-2.0, value=0.9),
                    CandidateRecord(ids=other, command="", logp=-3.0, value=0.1),
                    CandidateRecord(ids=WORDS.reply("#### 5"), command="", logp=-4.0, value=0.2),
                ),
            )
        segments.append(
            Segment(
                kind="action",
                ids=ids,
                text=step,
                logps=(-0.5,) * len(ids),
                command=step,
                valid=True,
                decision=decision,
            )
        )
    return msgspec.structs.replace(
        house(),
        id=f"sum-{len(steps)}-{searched}",
        task="wordproblems",
        prompt="words",
        tokenizer=WORDS.tokenizer_fingerprint,
        segments=tuple(segments),
        end=end,
    )


STEPS = ("1 + 2 = 3\n", "3 + 3 = 6\n", "#### 6")


def test_steps_of_a_solution_are_moves_that_nothing_answers(tmp_path):
    replay = replayed(tmp_path, solved(*STEPS), settings=WORDS.settings())
    (whole,) = replay.whole()
    assert (whole.solution, whole.verdict, whole.end) == (True, "right", "won")
    assert [move.option.command for move in whole.moves] == list(STEPS)
    assert [move.observation for move in whole.moves] == ["", "", ""]
    assert whole.opening == "Add 1 + 2 + 3"


def test_a_solution_found_as_a_whole_has_v_at_its_ends_and_the_other_first_steps(tmp_path):
    replay = replayed(tmp_path, solved(*STEPS, searched=True), settings=WORDS.settings())
    (whole,) = replay.whole()
    assert [move.value for move in whole.moves] == [0.5, None, None]
    assert [move.option.value for move in whole.moves] == [None, None, 0.9]
    assert [option.text for option in whole.moves[0].options] == ["1 + 2 = 3\n", "#### 5"]


def test_a_bundle_values_every_step_of_a_solution(tmp_path):
    engine = judge().agent.engine
    other = judge(prompt=WORDS, engine=engine)
    replay = replayed(tmp_path, solved(*STEPS), judges=[other], settings=WORDS.settings())
    moves = replay.whole()[0].moves
    assert all(move.option.gain is not None for move in moves)
    assert [move.option.logp for move in moves] == [-2.0 * len(WORDS.reply(s)) for s in STEPS]


def test_an_episode_that_broke_before_its_first_turn_is_shown(tmp_path):
    episode = msgspec.structs.replace(house(), segments=(), end="fault", fault="no file")
    replay = replayed(tmp_path, episode, judges=[judge()])
    (shown,) = replay.snapshots()
    assert (shown.outcome, shown.moves) == ("the world broke: no file", ())
    replay.forward()
    replay.back()
    assert replay.over


def test_replies_that_were_cut_are_shown(tmp_path):
    episode = recorded("1-plain", who=player(CutEngine))
    (whole,) = replayed(tmp_path, episode).whole()
    assert whole.end == "token_limit"
    assert len(whole.moves) == 1


def many(folder: Path, count: int = 4) -> Replay:
    return replayed(
        folder, *(house(seed) for seed in range(count)), judges=[judge(calibration=STEEP)]
    )


def test_the_verbs_go_where_they_say_and_stay_within_the_episode(tmp_path):
    replay = many(tmp_path)
    turns = len(replay.told().turns)
    replay.back()
    assert replay.turn == 1
    replay.last()
    replay.forward()
    assert (replay.turn, replay.over) == (turns + 1, True)
    replay.to(2)
    assert len(replay.snapshots()[0].moves) == 1
    for bad in (0, turns + 1):
        with pytest.raises(SettingError, match="no turn"):
            replay.to(bad)
    replay.first()
    assert replay.snapshots()[0].moves == ()


def test_the_first_episode_follows_the_last_and_one_is_found_by_a_part_of_its_id(tmp_path):
    replay = many(tmp_path)
    seen = []
    for _ in range(4):
        seen.append(replay.episode.id)
        replay.next_episode()
    assert seen == list(replay.ids)
    replay.previous_episode()
    assert replay.episode.id == seen[-1]
    replay.pick(seen[1][-9:])
    assert replay.episode.id == seen[1]
    with pytest.raises(RecordError, match="could be 4 of store"):
        replay.pick("house")
    with pytest.raises(RecordError, match="no episode"):
        replay.pick("nobody")
    assert replay.episode.id == seen[1]


def test_the_next_mark_is_found_turn_by_turn_then_in_later_episodes_and_back(tmp_path):
    replay = many(tmp_path, 6)
    every = []
    for _ in range(6):
        every += [(replay.episode.id, turn) for turn in replay.marked]
        replay.next_episode()
    assert len(every) >= 3
    met = []
    for _ in range(len(every)):
        replay.next_marked()
        met.append((replay.episode.id, replay.turn))
    assert met == (every if every[0][1] > 1 else [*every[1:], every[0]])
    replay.previous_marked()
    assert (replay.episode.id, replay.turn) == met[-2]


def test_where_nothing_is_marked_that_is_told_and_the_place_stays(tmp_path):
    replay = replayed(tmp_path, as_told(house(1)), as_told(house(2)))
    replay.forward()
    here = replay.episode.id, replay.turn
    for verb in (replay.next_marked, replay.previous_marked):
        with pytest.raises(SettingError, match="no move is marked"):
            verb()
    assert (replay.episode.id, replay.turn) == here


def test_an_episode_is_judged_once_and_caches_are_let_go_of(tmp_path):
    one = judge()
    replay = replayed(tmp_path, *(house(seed) for seed in range(3)), judges=[one])
    for _ in range(5):
        replay.next_episode()
        replay.whole()
    assert len(one.agent.engine.closed) == 3
    assert KEPT >= 3


def test_an_episode_that_is_damaged_leaves_the_place_as_it_was(tmp_path):
    replay = many(tmp_path)
    replay.forward()
    bad = replay.ids[1]
    get = replay._reader.get

    def damaged(name: str) -> Episode:
        if name == bad:
            raise RecordError("torn")
        return get(name)

    replay._reader.get = damaged
    here = replay.episode.id
    with pytest.raises(RecordError, match="torn"):
        replay.next_episode()
    assert (replay.episode.id, replay.turn) == (here, 2)


def test_a_store_and_an_id_are_named_in_one_word(tmp_path):
    episodes = [house(seed) for seed in range(3)]
    folder = tmp_path / "a:b"
    store(folder, *episodes)
    assert len(open_replay(ReplaySettings(where=str(folder))).ids) == 3
    wanted = sorted(episode.id for episode in episodes)[2]
    assert open_replay(ReplaySettings(where=f"{folder}:{wanted[-8:]}")).episode.id == wanted
    for where, told in (
        (f"{folder}:{wanted[:-1]}x", "the nearest is"),
        (f"{tmp_path}/nothing", "holds no episodes"),
    ):
        with pytest.raises((SettingError, RecordError), match=told):
            open_replay(ReplaySettings(where=where))
    with pytest.raises(BundleError, match="is no bundle"):
        open_replay(ReplaySettings(where=str(folder), agent="nobody"))
    with pytest.raises(SettingError, match="no bundle to set"):
        ReplaySettings(where=str(folder), beside="somebody")


def test_lines_and_object_tell_the_marks_and_the_turn_that_lost(tmp_path):
    replay = replayed(tmp_path, house(seed=3), judges=[judge("a", calibration=STEEP), judge("b")])
    lines, told = list(game_lines(replay.whole())), replay_summary(replay)
    assert told["episode"] == replay.episode.id
    assert [each["name"] for each in told["judges"]] == ["a", "b"]
    beside = [i for i, line in enumerate(lines) if line.startswith("by b,")]
    marks = [i for i, line in enumerate(lines) if "points of the chance of success" in line]
    of_a = [i for i in marks if not any(0 < i - at < 5 for at in beside)]
    assert len(of_a) == len(replay.marked) > 0
    assert list(told["judges"][0]["marks"]) == replay.marked
