"""Files of rows: whole, torn, packed, huge; and targets that are never half-written."""

import errno
import gzip
import json
import lzma
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oreo_agent.errors import DataError, RecordError, SettingError
from oreo_agent.records.episode import (
    BranchRecord,
    CandidateRecord,
    DecisionRecord,
    Episode,
    PolicyRecord,
    Segment,
)
from oreo_agent.records.folder import Card
from oreo_agent.records.formats import rows as reading
from oreo_agent.records.formats.aside import opened_aside
from oreo_agent.records.formats.conversation import Unreadable
from oreo_agent.records.formats.record_rows import episode_of, row_of
from oreo_agent.records.formats.rows import find_rows
from oreo_agent.records.formats.sinks import whole, write_rows

CARD = Card(prompt="bare", tokenizer="t1", settings={"format": "bare", "instruction": "Go."})
plain = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
decisions = st.builds(
    DecisionRecord,
    strategy=plain,
    chosen=st.just(0),
    candidates=st.tuples(
        st.builds(
            CandidateRecord,
            ids=st.tuples(st.integers(0, 9)),
            command=plain,
            logp=st.floats(-9, 0),
            value=st.none() | st.floats(0, 1),
        )
    ),
)
segments = st.builds(
    Segment,
    kind=st.sampled_from(["prompt", "observation", "action"]),
    ids=st.lists(st.integers(0, 2**31), max_size=3).map(tuple),
    text=plain,
    logps=st.lists(st.floats(-9, 0), max_size=2).map(tuple),
    command=st.none() | plain,
    valid=st.none() | st.booleans(),
    decision=st.none() | decisions,
)
episodes = st.builds(
    Episode,
    id=plain,
    task=plain,
    environment=plain,
    split=plain,
    instance=plain,
    task_type=plain,
    seed=st.integers(0, 2**62),
    repeat=st.integers(0, 9),
    policy=st.builds(PolicyRecord, kind=st.sampled_from(["model", "import"]), strategy=plain),
    prompt=plain,
    tokenizer=plain,
    segments=st.lists(segments, max_size=3).map(tuple),
    reward=st.floats(0, 1),
    end=st.sampled_from(["won", "lost", "fault"]),
    seconds=st.floats(0, 9),
    fault=plain,
    branch=st.none() | st.builds(BranchRecord, parent=plain, turn=st.integers(0, 3)),
    versions=st.dictionaries(plain, plain, max_size=2),
)


@settings(max_examples=80)
@given(episode=episodes)
def test_a_record_as_a_row_loses_nothing(episode):
    row = json.loads(json.dumps(row_of(episode, CARD)))
    assert episode_of(row) == (episode, CARD)


@pytest.mark.parametrize("name", ["x.jsonl", "x.jsonl.gz", "x.jsonl.xz", "x.jsonl.zst", "x.json"])
@given(rows=st.lists(st.fixed_dictionaries({"a": plain, "b": st.floats(0, 1)}), max_size=4))
@settings(max_examples=15)
def test_a_file_gives_back_its_rows(name, rows, tmp_path_factory):
    target = tmp_path_factory.mktemp("rows") / name
    assert write_rows(target, rows) == len(rows)
    assert [found.row for found in find_rows(target)] == rows
    assert [path.name for path in target.parent.iterdir()] == [name]


def test_a_disk_that_refuses_is_told_and_leaves_nothing(tmp_path):
    def rows():
        yield {"a": 1}
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(RecordError, match=r"x.jsonl cannot be written .*No space.*make room"):
        write_rows(tmp_path / "x.jsonl", rows())
    assert not any(tmp_path.iterdir())


@settings(max_examples=15)
@given(many=st.lists(episodes, min_size=1, max_size=4))
def test_parquet_gives_back_records_whatever_is_empty_in_the_first(many, tmp_path_factory):
    pytest.importorskip("pyarrow")
    target = tmp_path_factory.mktemp("rows") / "x.parquet"
    write_rows(target, [row_of(episode, CARD) for episode in many])
    found = [episode_of(one.row) for one in find_rows(target)]
    assert found == [(episode, CARD) for episode in many]


def test_a_folder_of_datasets_opens_there_and_here(tmp_path, make_episode):
    datasets = pytest.importorskip("datasets", reason="the package datasets is not installed")
    written = [row_of(make_episode(name), CARD) for name in "ab"]
    assert write_rows(tmp_path / "folder", written) == 2
    assert datasets.load_from_disk(tmp_path / "folder")["id"][:] == ["a", "b"]
    again = [episode_of(found.row)[0] for found in find_rows(tmp_path / "folder")]
    assert again == [make_episode("a"), make_episode("b")]


def faults(path: Path) -> list[tuple[str, str]]:
    return [(found.place, found.fault) for found in find_rows(path) if found.fault]


def test_a_bad_line_is_told_and_the_others_are_read(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_bytes(b'{"a": 1}\n{"a": \n\n\xff\xfe\n' + b"[" * 100_000 + b'\n{"a": "\xc3\xa9"}')
    found = list(find_rows(path))
    assert [one.row for one in found if not one.fault] == [{"a": 1}, {"a": "é"}]
    assert [one.place for one in found if one.fault] == ["x.jsonl:2", "x.jsonl:4", "x.jsonl:5"]
    assert "no JSON" in found[1].fault
    assert "not UTF-8" in found[2].fault
    assert found[1].raw == '{"a": \n'


def test_a_line_that_is_too_long_is_passed_over(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "LONGEST", 100)
    path = tmp_path / "x.jsonl"
    path.write_text('{"a": "' + "x" * 500 + '"}\n{"a": 1}\n')
    first, second = find_rows(path)
    assert "longer than 100" in first.fault
    assert second.row == {"a": 1}


def test_an_array_that_is_torn_is_read_up_to_there(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "_CHUNK", 7)
    path = tmp_path / "x.json"
    path.write_text('[{"a": 1},\n {"a": [2, "]"]}, {"a": ')
    found = list(find_rows(path))
    assert [one.row for one in found[:2]] == [{"a": 1}, {"a": [2, "]"]}]
    assert found[2].place == "x.json#3"
    assert "nothing after it was read" in found[2].fault
    path.write_text('{"a": 1}\n{"b": 2}')
    assert [one.row for one in find_rows(path)] == [{"a": 1}, {"b": 2}]
    path.write_text("[]")
    assert list(find_rows(path)) == []


values = st.recursive(
    st.none() | st.booleans() | st.integers() | plain,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(plain, inner, max_size=2),
    max_leaves=4,
)


@given(
    rows=st.lists(values, max_size=4), chunk=st.integers(1, 9), indent=st.sampled_from([None, 1])
)
def test_an_array_is_read_alike_whatever_part_of_it_is_held(rows, chunk, indent, tmp_path_factory):
    path = tmp_path_factory.mktemp("rows") / "x.json"
    path.write_text(json.dumps(rows, indent=indent))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "_CHUNK", chunk)
        assert [(one.row, one.fault) for one in find_rows(path)] == [(row, "") for row in rows]


def test_values_of_an_array_are_taken_out_of_one_text(tmp_path, monkeypatch):
    texts = []

    class Decoder(json.JSONDecoder):
        def raw_decode(self, s, idx=0):
            texts.append(s)
            return super().raw_decode(s, idx)

    path = tmp_path / "x.json"
    path.write_text(json.dumps([{"a": number} for number in range(500)]))
    monkeypatch.setattr(json, "JSONDecoder", Decoder)
    assert len(list(find_rows(path))) == 500
    assert len(set(map(id, texts))) <= 3


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.jsonl.xz", lzma.compress(b'{"a": 1}\n' * 9000)[:-40]),
        ("x.jsonl.gz", gzip.compress(b'{"a": 1}\n' * 9000)[:-20]),
        ("x.jsonl.zst", b"nonsense"),
        ("x.parquet", b"nonsense"),
    ],
)
def test_a_torn_file_is_one_fault_and_no_traceback(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    assert len(faults(path)) == 1


def test_what_is_not_there_or_not_known_is_refused(tmp_path):
    with pytest.raises(DataError, match="there is no file"):
        list(find_rows(tmp_path / "none.jsonl"))
    (tmp_path / "a.txt").write_text("hello")
    with pytest.raises(DataError, match="holds no file that is known"):
        list(find_rows(tmp_path))
    with pytest.raises(SettingError, match="written to"):
        write_rows(tmp_path / "a.csv", [{"a": 1}])


@pytest.mark.parametrize("folder", [False, True])
def test_whoever_may_read_a_target_is_up_to_the_mask(tmp_path, folder):
    before = os.umask(0o027)
    try:
        write_rows(tmp_path / ("folder" if folder else "x.jsonl"), [{"a": 1}], each=True)
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.rglob("*")}
    assert modes == ({"folder": 0o750, "000000.json": 0o640} if folder else {"x.jsonl": 0o640})


def test_a_row_that_does_not_fit_the_first_ones_columns_is_told_and_leaves_no_parquet(tmp_path):
    pytest.importorskip("pyarrow")
    with pytest.raises(RecordError, match=r"rows 65 to 66 do not fit.*jsonl"):
        write_rows(tmp_path / "x.parquet", [*[{"a": 1}] * 64, {"a": 1}, {"a": "one"}])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".jsonl.gz"])
def test_a_folder_is_no_place_for_a_file_even_where_it_is_empty(tmp_path, suffix):
    target = tmp_path / f"rows{suffix}"
    target.mkdir()
    with pytest.raises(RecordError, match="is there already"):
        write_rows(target, [{"a": 1}])
    assert [*tmp_path.rglob("*")] == [target]


@pytest.mark.parametrize("name", ["x.jsonl", "x.json", "folder"])
def test_a_target_that_is_there_is_never_touched(tmp_path, name):
    target = tmp_path / name
    if name == "folder":
        target.mkdir()
        (target / "mine").write_text("mine")
    else:
        target.write_text("mine")
    with pytest.raises(RecordError, match="is there already"):
        write_rows(target, [{"a": 1}], each=True)
    assert (target / "mine" if name == "folder" else target).read_text() == "mine"


def test_a_writer_that_breaks_leaves_nothing(tmp_path):
    def breaks():
        yield {"a": 1}
        raise KeyboardInterrupt

    for name in ("x.jsonl", "folder"):
        with pytest.raises(KeyboardInterrupt):
            write_rows(tmp_path / name, breaks(), each=True)
    assert list(tmp_path.iterdir()) == []

    def late():
        with whole(tmp_path / "x") as part:
            part.write_text("mine")
            (tmp_path / "x").write_text("somebody was quicker")

    with pytest.raises(RecordError, match="is there already"):
        late()
    assert (tmp_path / "x").read_text() == "somebody was quicker"


def test_what_was_kept_aside_is_replaced_by_the_next_import_and_by_nothing_else(tmp_path):
    target = tmp_path / "aside.jsonl"
    for reason in ("one", "two"):
        with opened_aside(target) as aside:
            assert aside is not None
            aside.put("x:1", reason, {"raw": "\ud800"})
        assert json.loads(target.read_text())["reason"] == reason
    with pytest.raises(KeyError), opened_aside(target):
        raise KeyError
    assert json.loads(target.read_text())["reason"] == "two"
    (tmp_path / "mine.jsonl").write_text('{"a": 1}')
    with (
        pytest.raises(RecordError, match="no file of an import"),
        opened_aside(tmp_path / "mine.jsonl"),
    ):
        pass


def test_a_row_of_another_schema_or_shape_is_refused(make_episode):
    row = row_of(make_episode("a"), CARD)
    for odd in ({**row, "schema": 99}, {**row, "card": None}, {**row, "reward": 7}, {}, []):
        with pytest.raises(Unreadable):
            episode_of(odd)
