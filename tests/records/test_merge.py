"""Joined stores hold every episode once, or nothing is written."""

import tempfile
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oreo_agent.errors import RecordError
from oreo_agent.records import reader
from oreo_agent.records.episode import decode
from oreo_agent.records.merge import Merged, merge
from oreo_agent.records.store import Store

names = st.sets(st.sampled_from("abcdefgh"), max_size=6)


def fill(folder: Path, episodes, **card) -> Path:
    with Store.create(folder, **({"prompt": "bare", "tokenizer": "t1"} | card)) as store:
        for episode in episodes:
            store.append(episode)
    return folder


@settings(max_examples=15)
@given(st.lists(names, min_size=1, max_size=3), names)
def test_a_merge_is_the_union_by_id_and_doing_it_twice_changes_nothing(make_episode, parts, before):
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        target = fill(root / "target", map(make_episode, before)) if before else root / "target"
        sources = [
            fill(root / str(index), map(make_episode, part)) for index, part in enumerate(parts)
        ]
        union = before.union(*parts)
        total = len(before) + sum(map(len, parts))
        done = merge(target, sources)
        assert done == Merged(added=len(union) - len(before), kept=total - len(union))
        assert list(Store.open(target)) == [make_episode(name) for name in sorted(union)]
        assert merge(target, sources).added == 0
        assert set(Store.open(target).listed()) == union


@pytest.mark.parametrize("where", ["target", "source"])
def test_one_id_with_two_contents_is_named_and_nothing_is_written(tmp_path, make_episode, where):
    first = fill(tmp_path / "first", [make_episode("a"), make_episode("b")])
    other = fill(tmp_path / "other", [make_episode("b", seed=9), make_episode("c")])
    target, sources = (other, [first]) if where == "target" else (tmp_path / "new", [first, other])
    with pytest.raises(RecordError, match=r"episode 'b' is not the same in .*nothing was merged"):
        merge(target, sources)
    assert not (tmp_path / "new").exists()
    assert set(Store.open(other).listed()) == {"b", "c"}


@pytest.mark.parametrize("card", [{"prompt": "react"}, {"tokenizer": "t2"}])
def test_stores_that_do_not_fit_together_are_refused_by_name(tmp_path, make_episode, card):
    first = fill(tmp_path / "first", [make_episode("a")])
    other = fill(tmp_path / "other", [make_episode("b", **card)], **card)
    for target, sources in ((tmp_path / "new", [first, other]), (first, [other])):
        with pytest.raises(RecordError, match=f"{next(iter(card.values()))}.*do not fit"):
            merge(target, sources)
    assert not (tmp_path / "new").exists()
    assert set(Store.open(first).listed()) == {"a"}


def test_a_target_that_is_its_own_source_and_an_empty_list_are_refused(tmp_path, make_episode):
    first = fill(tmp_path / "first", [make_episode("a")])
    with pytest.raises(RecordError, match="both target and source"):
        merge(first, [first / ".." / "first"])
    with pytest.raises(RecordError, match="no stores were named"):
        merge(tmp_path / "new", [])


def test_of_the_target_only_what_is_met_again_is_read(tmp_path, make_episode, monkeypatch):
    fill(tmp_path / "target", [make_episode(f"old-{number}") for number in range(9)])
    again = make_episode("old-4")
    fill(tmp_path / "source", [again, make_episode("new")])
    read = []

    def decoded(data):
        episode = decode(data)
        read.append(episode.id)
        return episode

    monkeypatch.setattr(reader, "decode", decoded)
    assert merge(tmp_path / "target", [tmp_path / "source"]) == Merged(added=1, kept=1)
    assert set(read) == {"old-4", "new"}


def test_two_plays_that_took_unlike_times_are_one_episode_and_the_first_stays(
    tmp_path, make_episode
):
    first = fill(tmp_path / "first", [make_episode("a", seconds=0.5)])
    other = fill(tmp_path / "other", [make_episode("a", seconds=7.25), make_episode("b")])
    assert merge(tmp_path / "new", [first, other]) == Merged(added=2, kept=1)
    assert Store.open(tmp_path / "new").get("a").seconds == 0.5
    assert merge(tmp_path / "new", [other]) == Merged(added=0, kept=2)
    assert Store.open(tmp_path / "new").get("a").seconds == 0.5


def test_the_field_in_which_two_contents_differ_is_named(tmp_path, make_episode):
    mine = make_episode("a")
    prompt, reply = mine.segments
    other = msgspec.structs.replace(reply, text="go to y")
    for number, (field, changes) in enumerate(
        [
            ("reward", {"reward": 0.5, "seconds": 2.0}),
            ("segments", {"segments": (prompt,)}),
            (r"segments\[1\]\.text", {"segments": (prompt, other)}),
        ]
    ):
        first = fill(tmp_path / f"first-{number}", [mine])
        second = fill(tmp_path / f"second-{number}", [make_episode("a", **changes)])
        with pytest.raises(RecordError, match=rf"not the same .*\({field} differs\): nothing was"):
            merge(tmp_path / "new", [first, second])
