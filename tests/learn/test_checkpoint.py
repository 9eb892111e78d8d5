"""States on disk: whole or not there, whatever happens while they are written."""

import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors import SafetensorError

from oreo_agent.errors import RecordError
from oreo_agent.learn import checkpoint
from oreo_agent.learn.checkpoint import Checkpoints
from oreo_agent.learn.optimisers import Mover
from oreo_agent.learn.settings import OptimiserSettings

MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""Where files are synced at once, for a test that writes many."""


class Pair:
    """A network of two numbers, which are the step at which it is, and what moves it."""

    def __init__(self, step: float = -1.0) -> None:
        network = torch.nn.Linear(2, 1, bias=False)
        torch.nn.init.constant_(network.weight, step)
        self.networks = {"policy": network}
        self.movers = {"policy": Mover(network, OptimiserSettings(lr=0.1), 10)}

    @property
    def moved(self) -> dict[str, dict[str, torch.Tensor]]:
        return {name: mover.tensors() for name, mover in self.movers.items()}

    @property
    def step(self) -> float:
        return float(self.networks["policy"].weight.detach()[0, 0])


def save(kept: Checkpoints, step: int, *, best: int | None = None, told: Any = "") -> None:
    pair = Pair(step)
    kept.save(step, pair.networks, pair.moved, {"told": told}, best=best)


def load(kept: Checkpoints) -> tuple[int, Any, list[str]] | None:
    """The step, what was told of it, and faults; the weights are that step's."""
    pair = Pair()
    found = kept.load(pair.networks, pair.movers)
    if found is None:
        return None
    assert pair.step == found[0]
    return found[0], found[1]["told"], found[2]


def test_weights_and_the_optimisers_state_come_back_to_the_last_bit(tmp_path: Path):
    pair, other = Pair(3.0), Pair()
    for index in range(3):
        pair.networks["policy"](torch.rand(4, 2)).sum().backward()
        pair.movers["policy"].step(index)
    Checkpoints(tmp_path, 1).save(7, pair.networks, pair.moved, {"a": [1.5, None]})
    drawn = torch.rand(3)
    assert Checkpoints(tmp_path, 1).load(other.networks, other.movers) == (
        7,
        {"a": [1.5, None]},
        [],
    )
    assert torch.rand(3).equal(drawn)
    for name, weight in pair.networks["policy"].state_dict().items():
        assert weight.equal(other.networks["policy"].state_dict()[name])
    assert len(pair.movers["policy"].tensors()) == 3
    for name, state in pair.movers["policy"].tensors().items():
        assert state.equal(other.movers["policy"].tensors()[name])


def test_without_a_checkpoint_there_is_nothing_to_go_on_with(tmp_path: Path):
    assert load(Checkpoints(tmp_path / "nowhere", 1)) is None
    assert load(Checkpoints(tmp_path, 1)) is None


class _Killed(BaseException):
    """No `except` of ours takes it, as none takes SIGKILL."""


OPERATIONS = (
    *[(Path, name) for name in ("rename", "mkdir", "write_bytes")],
    *[(os, name) for name in ("fsync", "replace")],
    (shutil, "rmtree"),
    (checkpoint, "save_file"),
)


@pytest.fixture
def killed_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], list[str]]]:
    """Ends whatever comes before its n-th file operation from here on; the names of those done."""

    def arm(number: int) -> list[str]:
        monkeypatch.undo()
        done: list[str] = []

        def watched(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
            def call(*args: Any, **kwargs: Any) -> Any:
                if len(done) == number:
                    raise _Killed
                done.append(name)
                return real(*args, **kwargs)

            return call

        for owner, name in OPERATIONS:
            monkeypatch.setattr(owner, name, watched(name, getattr(owner, name)))
        return done

    yield arm
    monkeypatch.undo()


@pytest.mark.parametrize("keep", [1, 2])
def test_a_kill_before_any_file_operation_leaves_the_old_state_or_the_new_one(
    tmp_path: Path, killed_before: Callable[[int], list[str]], keep: int
):
    found: list[int] = []
    for number in range(100):
        folder = tmp_path / str(number)
        folder.mkdir()
        kept = Checkpoints(folder, keep)
        save(kept, 1)
        save(kept, 2)
        done = killed_before(number)
        try:
            save(kept, 3)
            finished = True
        except _Killed:
            finished = False
        killed_before(-1)  # nothing is ended any more
        step, _, faults = load(Checkpoints(folder, keep)) or (0, "", [])
        assert not faults
        found.append(step)
        save(Checkpoints(folder, keep), 4)  # what the kill has left is in nobody's way
        assert load(Checkpoints(folder, keep)) == (4, "", [])
        assert len(list(folder.iterdir())) == keep
        if finished:
            break
    assert finished
    assert {"rename", "fsync", "save_file", "rmtree"} <= set(done)
    assert found == sorted(found)
    assert set(found) == {2, 3}


def test_what_has_only_been_begun_is_never_loaded(tmp_path: Path):
    kept = Checkpoints(tmp_path, 3)
    save(kept, 5)
    shutil.copytree(kept.at(5), tmp_path / "making")
    shutil.copytree(kept.at(5), tmp_path / "going")
    assert load(kept) == (5, "", [])
    shutil.rmtree(kept.at(5))
    assert load(kept) is None


FILES = ["state.json", "policy.safetensors", "policy.optimiser.safetensors", "random.safetensors"]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("part", [0.0, 0.5, 0.99])
def test_a_torn_state_is_never_loaded_but_the_one_before_it(tmp_path: Path, name: str, part: float):
    kept = Checkpoints(tmp_path, 2)
    save(kept, 1)
    save(kept, 2)
    torn = kept.at(2) / name
    torn.write_bytes(torn.read_bytes()[: int(part * torn.stat().st_size)])
    later = Checkpoints(tmp_path, 2)
    step, _, (fault,) = load(later) or (0, "", [])
    assert step == 1
    assert str(kept.at(2)) in fault
    save(later, 2, told="again")  # takes the place of the torn one
    assert load(Checkpoints(tmp_path, 2)) == (2, "again", [])
    assert later.steps() == [1, 2]


@pytest.mark.parametrize("name", FILES)
def test_where_no_state_is_whole_the_run_does_not_start_anew_by_itself(tmp_path: Path, name: str):
    kept = Checkpoints(tmp_path, 1)
    save(kept, 7)
    (kept.at(7) / name).write_bytes(b"{")
    with pytest.raises(RecordError, match=r"checkpoint-7 cannot be read.*remove it to start anew"):
        load(kept)
    assert kept.steps() == [7]


def test_a_state_of_other_networks_is_refused(tmp_path: Path):
    save(kept := Checkpoints(tmp_path, 1), 7)
    for other in (torch.nn.Linear(3, 1, bias=False), torch.nn.Sequential(torch.nn.Linear(2, 1))):
        with pytest.raises(RecordError, match="checkpoint"):
            kept.load({"policy": other}, {})


@given(
    keep=st.integers(1, 3),
    saves=st.lists(st.tuples(st.integers(1, 3), st.booleans()), min_size=1, max_size=12),
)
def test_the_last_few_and_the_best_of_each_stay_and_nothing_else(
    keep: int, saves: list[tuple[int, bool]]
):
    with tempfile.TemporaryDirectory(dir=MEMORY) as name:
        kept = Checkpoints(Path(name), keep)
        step, best = 0, None
        every: list[tuple[int, int | None]] = []
        for further, better in saves:
            step += further
            best = step if better else best
            save(kept, step, best=best)
            every.append((step, best))
        last = every[-keep:]
        assert set(kept.steps()) == {s for s, _ in last} | {b for _, b in last if b is not None}
        assert load(kept) == (step, "", [])
        assert {path.name for path in Path(name).iterdir()} == {
            f"checkpoint-{s}" for s in kept.steps()
        }
        if best is not None:
            pair = Pair()
            kept.weights(best, pair.networks)
            assert pair.step == best


def test_a_state_whose_best_weights_are_gone_is_not_gone_on_with(tmp_path: Path):
    kept = Checkpoints(tmp_path, 2)
    save(kept, 1, best=1)
    save(kept, 2, best=1)
    save(kept, 3, best=1)
    shutil.rmtree(kept.at(1))
    with pytest.raises(RecordError, match=r"best weights, checkpoint-1, are gone"):
        load(kept)
    with pytest.raises(RecordError, match=r"checkpoint-1 cannot be read.*--overwrite"):
        kept.weights(1, Pair().networks)


def test_of_a_step_that_is_saved_again_only_what_is_told_changes(tmp_path: Path):
    kept = Checkpoints(tmp_path, 1)
    save(kept, 4, told="first")
    weights = kept.at(4) / "policy.safetensors"
    before = weights.stat().st_mtime_ns
    save(kept, 4, told="second")
    assert load(kept) == (4, "second", [])
    assert weights.stat().st_mtime_ns == before


FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    "fault", [FULL, SafetensorError("Error while serializing: No space left on device")]
)
@pytest.mark.parametrize("operation", ["save_file", "write_bytes", "fsync", "rename"])
def test_a_full_disk_is_told_and_the_last_good_state_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Exception, operation: str
):
    kept = Checkpoints(tmp_path, 1)
    save(kept, 6)

    def full(*args: Any, **kwargs: Any) -> None:
        raise fault

    owner = {name: owner for owner, name in OPERATIONS}[operation]
    monkeypatch.setattr(owner, operation, full)
    with pytest.raises(RecordError, match=r"checkpoint-9 cannot be written.*No space.*from step 6"):
        save(kept, 9)
    monkeypatch.undo()
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-6"]  # room for the next one
    assert load(kept) == (6, "", [])
    save(kept, 9)
    assert load(kept) == (9, "", [])


def test_a_disk_that_is_full_from_the_start_is_told_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def full(*args: Any, **kwargs: Any) -> None:
        raise FULL

    monkeypatch.setattr(checkpoint, "save_file", full)
    with pytest.raises(RecordError, match=r"make room there; the same command starts anew"):
        save(Checkpoints(tmp_path / "run", 1), 3)
