"""Bundles: whole or not there at all, and never taken for what they are not."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from oreo_agent.errors import BundleError
from oreo_agent.learn.calibrating import ValuedEpisode, calibrate
from oreo_agent.model.bundle import FORMAT, Card, amend, fingerprint, read_card, write_bundle
from oreo_agent.model.calibration import Calibration
from oreo_agent.model.trust import Estimate, Trust


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


def calibration() -> Calibration:
    values = [i / 30 for i in range(30)]
    lines = [
        ValuedEpisode(instance=f"game {i % 9}", won=v > 0.4, begins=[v], ends=[v])
        for i, v in enumerate(values)
    ]
    found = calibrate(lines, "thirty")
    assert found is not None
    return found


TRUST = Trust(
    trusted="no",
    states=41,
    instances=30,
    source="branches",
    over_chance=Estimate(value=-0.03, low=-0.05, high=-0.01),
    over_logp=Estimate(value=0.0, low=-0.02, high=0.02),
)


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


def test_evidence_is_read_as_it_was_written_and_a_card_without_it_as_one_that_has_none(
    tmp_path: Path,
):
    whole = {"calibration": calibration(), "trust": TRUST}
    folder = stands(tmp_path / "agent", **whole)
    assert read_card(folder) == card(**whole)
    bare = stands(tmp_path / "bare")
    assert not {"calibration", "trust"} & json.loads((bare / "bundle.json").read_text()).keys()
    assert (read_card(bare).calibration, read_card(bare).trust) == (None, None)


def test_a_calibration_that_is_no_monotone_map_is_a_damaged_card(tmp_path: Path):
    folder = stands(tmp_path / "agent", calibration=calibration())
    fields = json.loads((folder / "bundle.json").read_text())
    fields["calibration"]["chances"].reverse()
    (folder / "bundle.json").write_text(json.dumps(fields))
    with pytest.raises(BundleError, match=r"bundle\.json is damaged.*never fall"):
        read_card(folder)


def test_amending_changes_what_is_known_of_a_bundle_and_not_who_it_is(tmp_path: Path):
    folder = stands(tmp_path / "agent", metrics={"auc": 0.1 + 0.2, "none": math.nan, "e": 1e-300})
    before, weights = read_card(folder), folder / "policy" / "model.safetensors"
    first, inode = fingerprint(folder), weights.stat().st_ino
    amended = amend(folder, calibration(), TRUST)
    assert (amended.calibration, amended.trust) == (calibration(), TRUST)
    assert read_card(folder) == amended
    assert fingerprint(folder) == first
    assert weights.stat().st_ino == inode
    assert (folder / "README.md").read_text().startswith("# An agent\n\n## The value\n")
    amend(folder, None, None)
    assert read_card(folder) == before
    assert fingerprint(folder) == first
    assert sorted(path.name for path in folder.iterdir()) == ["README.md", "bundle.json", "policy"]


def test_fields_of_a_later_version_survive_an_amendment(tmp_path: Path):
    folder = stands(tmp_path / "agent")
    path = folder / "bundle.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"later": [1, "two"]}))
    first = fingerprint(folder)
    amend(folder, None, TRUST)
    assert json.loads(path.read_text())["later"] == [1, "two"]
    assert fingerprint(folder) == first


def test_what_cannot_be_amended_says_so_and_keeps_its_card(tmp_path: Path):
    with pytest.raises(BundleError, match="is no bundle"):
        amend(tmp_path / "nowhere", None, TRUST)
    folder = stands(tmp_path / "agent")
    (folder / "README.md").write_bytes(b"caf\xe9")
    with pytest.raises(BundleError, match=r"cannot be amended"):
        amend(folder, None, TRUST)
    assert read_card(folder).trust is None
    (folder / "README.md").unlink()
    assert amend(folder, None, TRUST).trust == TRUST
    assert "Choosing by V would lose 3.0 points" in (folder / "README.md").read_text()
