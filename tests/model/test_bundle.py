"""Bundles: whole or not there at all, and never taken for what they are not."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from oreo_agent.errors import BundleError
from oreo_agent.model.bundle import FORMAT, Card, fingerprint, read_card, write_bundle


def card(**changes: Any) -> Card:
    fields: dict[str, Any] = {
        "method": "oreo",
        "settings": {"objective": {"beta": 0.03}},
        "prompt": {"format": "compact"},
        "tokenizer": "t1",
        "base": "tiny",
        "data": {"episodes": 3},
        "has_value": True,
        "max_context": 4096,
        "metrics": {"auc_50": 0.5},
    }
    return Card(**(fields | changes))


def save(folder: Path) -> None:
    (folder / "policy").mkdir()
    (folder / "policy" / "model.safetensors").write_bytes(b"weights")


def stands(folder: Path, **changes: Any) -> Path:
    write_bundle(folder, card(**changes), "# An agent", save)
    return folder


def test_what_was_written_is_read_and_nothing_else_is_left_there(tmp_path: Path):
    folder = stands(tmp_path / "deep" / "agent")
    assert read_card(folder) == card()
    assert read_card(str(folder)) == card()
    assert (folder / "README.md").read_text() == "# An agent"
    assert [path.name for path in folder.parent.iterdir()] == ["agent"]


def test_a_figure_that_is_not_known_does_not_spoil_the_card(tmp_path: Path):
    folder = stands(tmp_path / "agent", metrics={"auc_50": math.nan, "deep": {"mse": math.inf}})
    assert read_card(folder).metrics == {"auc_50": None, "deep": {"mse": None}}
    json.loads((folder / "bundle.json").read_text(), parse_constant=pytest.fail)


@pytest.mark.parametrize("content", [None, "other"])
def test_a_folder_without_a_card_is_no_bundle(tmp_path: Path, content: str | None):
    if content:
        (tmp_path / "README.md").write_text(content)
    with pytest.raises(BundleError, match=r"is no bundle.*name a folder"):
        read_card(tmp_path if content else tmp_path / "nowhere")


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff\xfe", b'"text"', b"[1]", b'{"format": 1, "method": 3}']
)
def test_a_damaged_card_is_named(tmp_path: Path, content: bytes):
    folder = stands(tmp_path / "agent")
    (folder / "bundle.json").write_bytes(content)
    with pytest.raises(BundleError, match=r"bundle\.json is damaged"):
        read_card(folder)


@pytest.mark.parametrize("number", [FORMAT + 1, 0, None])
def test_a_card_of_another_format_is_refused_whatever_else_it_holds(
    tmp_path: Path, number: int | None
):
    folder = stands(tmp_path / "agent")
    (folder / "bundle.json").write_text(json.dumps({"format": number, "method": ["new"]}))
    with pytest.raises(BundleError, match=f"format {number}.*reads {FORMAT}.*use the version"):
        read_card(folder)


def test_a_bundle_is_replaced_by_a_bundle(tmp_path: Path):
    folder = stands(tmp_path / "agent")
    (folder / "old.txt").touch()
    stands(folder, method="sft")
    assert read_card(folder).method == "sft"
    assert not (folder / "old.txt").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["agent"]


@pytest.mark.parametrize("content", [None, b"{}", b'{"format": 99}'])
def test_what_is_no_bundle_of_ours_is_never_replaced(tmp_path: Path, content: bytes | None):
    folder = tmp_path / "thesis"
    folder.mkdir()
    (folder / "chapter.txt").write_text("years of work")
    if content is not None:
        (folder / "bundle.json").write_bytes(content)
    with pytest.raises(BundleError):
        stands(folder)
    assert (folder / "chapter.txt").read_text() == "years of work"
    assert [path.name for path in tmp_path.iterdir()] == ["thesis"]


def test_a_bundle_that_cannot_be_finished_leaves_the_old_one_and_no_rest(tmp_path: Path):
    folder = stands(tmp_path / "agent")

    def broken(making: Path) -> None:
        save(making)
        raise OSError("the disk is full")

    for target in (folder, tmp_path / "new"):
        with pytest.raises(OSError, match="disk is full"):
            write_bundle(target, card(method="sft"), "", broken)
    assert read_card(folder).method == "oreo"
    assert [path.name for path in tmp_path.iterdir()] == ["agent"]


def test_what_a_killed_writer_left_is_swept_away(tmp_path: Path):
    left = tmp_path / ".agent.making"
    left.mkdir()
    (left / "half.safetensors").touch()
    folder = stands(tmp_path / "agent")
    assert not (folder / "half.safetensors").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["agent"]


def test_the_fingerprint_follows_weights_and_card_and_nothing_else(tmp_path: Path):
    folder = stands(tmp_path / "agent")
    first = fingerprint(folder)
    (folder / "README.md").write_text("another text")
    assert fingerprint(folder) == first == fingerprint(stands(tmp_path / "copy"))
    assert fingerprint(stands(tmp_path / "other", method="sft")) != first
    (folder / "policy" / "model.safetensors").write_bytes(b"others")
    assert fingerprint(folder) != first


def test_a_folder_without_weights_has_no_fingerprint(tmp_path: Path):
    with pytest.raises(BundleError, match="holds no weights"):
        fingerprint(tmp_path)
