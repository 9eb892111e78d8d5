"""A search finds exactly what one finds who decodes every episode and looks."""

import sqlite3
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oreo_agent.errors import SettingError
from oreo_agent.records.episode import Segment
from oreo_agent.records.folder import DATABASE
from oreo_agent.records.reader import StoreReader, pack
from oreo_agent.records.search import search
from oreo_agent.records.store import Store

LETTERS = "abkKsS ÄäßİıſKΣσς.*\\\n"
texts = st.text(LETTERS, max_size=8)
segments = st.lists(
    st.builds(
        Segment,
        kind=st.sampled_from(("prompt", "observation", "action")),
        ids=st.lists(st.integers(60, 130), max_size=4).map(tuple),
        text=texts,
        command=st.none() | texts,
    ),
    max_size=3,
)
stored = st.lists(st.tuples(segments, texts), min_size=1, max_size=6)


def alike(one: str, wanted: str) -> bool:
    return one in {wanted, wanted.lower(), wanted.upper()} or (
        one.isascii() and wanted.isascii() and one.lower() == wanted.lower()
    )


def has(text: str, wanted: str) -> bool:
    return any(
        all(alike(a, b) for a, b in zip(text[at:], wanted, strict=False))
        for at in range(len(text) - len(wanted) + 1)
    )


def written(folder: Path, drawn, make_episode) -> StoreReader:
    with Store.create(folder, prompt="bare", tokenizer="t1") as store:
        for number, (parts, fault) in enumerate(drawn):
            store.append(make_episode(f"e{number}", segments=tuple(parts), fault=fault))
    return StoreReader(folder)


@settings(max_examples=100)
@given(
    stored,
    st.text(LETTERS, min_size=1, max_size=3).filter(lambda text: text.strip()),
    st.integers(1, 4),
)
def test_found_is_what_decoding_and_looking_finds_in_the_order_asked(
    make_episode, drawn, wanted, chunk
):
    with tempfile.TemporaryDirectory() as folder:
        reader = written(Path(folder), drawn, make_episode)
        names = reader.listed()[::-1]
        found, looked = [], 0
        for step in search(reader, names, wanted, chunk=chunk):
            found += step.found
            assert looked < step.looked <= looked + chunk
            looked = step.looked
            assert step.damaged == ()
        assert looked == len(names)
        assert found == [name for name in names if _seen(reader.get(name), wanted)]


def _seen(episode, wanted: str) -> bool:
    told = [episode.fault]
    for segment in episode.segments:
        told += [segment.text, segment.command or ""]
    return any(has(text, wanted) for text in told)


@pytest.mark.parametrize("word", ["segments", "command", "seed", "won", "expert", "e0"])
def test_names_of_fields_and_what_is_no_text_are_not_found(tmp_path, make_episode, word):
    reader = written(tmp_path, [([Segment(kind="action", ids=(119, 111, 110), text="x")], "")],
                     make_episode)  # fmt: skip
    assert [step.found for step in search(reader, reader.listed(), word)] == [()]


@pytest.mark.parametrize("broken", [b"torn", pack(b"\xc1 go"), None])
def test_a_damaged_record_is_told_and_the_others_are_searched(tmp_path, make_episode, broken):
    drawn = [([Segment(kind="action", ids=(), text="Go to x")], "")] * 3
    reader = written(tmp_path, drawn, make_episode)
    with sqlite3.connect(tmp_path / DATABASE) as connection:
        if broken is None:
            connection.execute("DELETE FROM episodes WHERE id = 'e1'")
        else:
            connection.execute("UPDATE episodes SET record = ? WHERE id = 'e1'", (broken,))
    connection.close()
    (step,) = search(reader, ["e0", "e1", "e2"], "go")
    assert (step.found, step.damaged, step.looked) == (("e0", "e2"), ("e1",), 3)


@pytest.mark.parametrize("text", ["", " \n", "\ud800"])
def test_what_cannot_be_searched_for_is_refused_before_the_search(tmp_path, make_episode, text):
    reader = written(tmp_path, [], make_episode)
    with pytest.raises(SettingError):
        search(reader, [], text)
