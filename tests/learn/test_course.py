"""A run that is killed, stopped or broken anywhere: what is kept, what is told, what goes on."""

import errno
import json
import math
import os
import signal
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate import Accelerator
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

from oreo_agent.errors import RecordError, Stopped, TrainingError
from oreo_agent.learn import checkpoint
from oreo_agent.learn.course import Course
from oreo_agent.learn.interrupt import heeded
from oreo_agent.learn.metrics import Means
from oreo_agent.learn.optimisers import Mover
from oreo_agent.learn.selection import Selection
from oreo_agent.learn.settings import OptimiserSettings, TrainSettings

MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""Where files are synced at once, for the tests that write thousands."""
STEPS = 9
FIGURES = [math.nan, 5.0, 3.0, 4.0, 2.0, 2.5, 2.0, 1.0, 3.0, 2.2]
"""Held-out figures after each step."""


class Toy:
    """Two numbers that go down a slope of their own at each step; the policy waits for two."""

    def __init__(self, told: TrainSettings, during: Callable[[int], float] = lambda _: 1.0) -> None:
        torch.manual_seed(0)
        self.settings, self.steps, self.during = told, STEPS, during
        self.accelerator = Accelerator()
        self.trained = {name: torch.nn.Linear(2, 1) for name in ("policy", "value")}
        moved = OptimiserSettings(lr=0.1)
        self.movers = {n: Mover(net, moved, STEPS) for n, net in self.trained.items()}
        self.means = Means()
        self.selection = Selection(told, by="loss", warm=0, steps=STEPS)

    def gradients(self, step: int) -> tuple[int, float]:
        loss = self.during(step) * sum(
            (step + 1) * self.trained[name](torch.ones(2)).square().sum() for name in self.due(step)
        )
        loss.backward()
        self.means.add("loss", float(loss.detach()))
        return 7, float(loss.detach())

    def due(self, step: int) -> dict[str, int]:
        return {"value": step} | ({"policy": step - 2} if step >= 2 else {})

    def judge(self) -> dict[str, Any]:
        taken = int(self.movers["value"].tensors()["0.0.step"])
        return {"loss": FIGURES[taken]}

    def doubts(self) -> dict[str, str]:
        return {}

    @property
    def weights(self) -> dict[str, torch.Tensor]:
        return {
            f"{name}.{key}": value.clone()
            for name, net in self.trained.items()
            for key, value in net.state_dict().items()
        }


def ran(
    folder: Path,
    told: TrainSettings,
    *,
    during: Callable[[int], float] = lambda _: 1.0,
    report: Callable[[dict[str, Any]], None] = lambda _: None,
) -> tuple[Toy, dict[str, Any]]:
    toy = Toy(told, during)
    return toy, Course(toy, folder, report).run()


def lines(folder: Path) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in row.items() if k != "tokens_per_second"} for row in rows]


def assert_same(first: Toy, second: Toy) -> None:
    for name, weight in first.weights.items():
        assert weight.equal(second.weights[name]), name


class _Killed(BaseException):
    """No `except` of ours takes it, as none takes SIGKILL."""


courses = st.builds(
    TrainSettings,
    checkpoint_every=st.integers(0, 4),
    report_every=st.integers(1, 4),
    keep=st.integers(1, 2),
    judge_every=st.integers(1, 3),
    best=st.booleans(),
    patience=st.integers(0, 3),
)


@settings(max_examples=40, deadline=None)
@given(
    courses,
    st.lists(st.tuples(st.sampled_from(["kill", "term", "int"]), st.integers(0, 8)), max_size=4),
)
def test_however_often_a_run_is_killed_or_stopped_it_ends_as_if_it_had_not_been(
    told: TrainSettings, ends: list[tuple[str, int]]
):
    with tempfile.TemporaryDirectory(dir=MEMORY) as name:
        calm, figures = ran(Path(name) / "calm", told)
        for how, when in ends:

            def disturb(step: int, how: str = how, when: int = when) -> float:
                if step == when and how == "kill":
                    raise _Killed
                if step == when:
                    signal.raise_signal(signal.SIGTERM if how == "term" else signal.SIGINT)
                return 1.0

            try:
                ran(Path(name) / "disturbed", told, during=disturb)
            except (_Killed, Stopped):
                continue
        disturbed, again = ran(Path(name) / "disturbed", told)
        assert again == figures
        assert_same(calm, disturbed)
        assert lines(Path(name) / "calm") == lines(Path(name) / "disturbed")


@settings(max_examples=25, deadline=None)
@given(courses, st.integers(0, 25))
def test_a_kill_at_any_line_that_is_told_changes_nothing_either(told: TrainSettings, when: int):
    heard: list[dict[str, Any]] = []

    def hear(row: dict[str, Any]) -> None:
        heard.append(row)
        if len(heard) == when:
            raise _Killed

    with tempfile.TemporaryDirectory(dir=MEMORY) as name:
        calm, figures = ran(Path(name) / "calm", told)
        try:
            ran(Path(name) / "killed", told, report=hear)
        except _Killed:
            assert len(heard) == when
        killed, again = ran(Path(name) / "killed", told)
        assert again == figures
        assert_same(calm, killed)
        assert lines(Path(name) / "calm") == lines(Path(name) / "killed")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
@pytest.mark.parametrize("every", [0, 100])
def test_a_signal_is_answered_after_the_step_at_hand_with_a_checkpoint_of_it(
    tmp_path: Path, number: signal.Signals, code: int, every: int
):
    def disturb(step: int) -> float:
        if step == 4:
            signal.raise_signal(number)
        return 1.0

    before = signal.getsignal(number)
    told = TrainSettings(checkpoint_every=every)
    with pytest.raises(Stopped, match=f"{number.name} after step 5 of 9, saved in .* goes on") as e:
        ran(tmp_path, told, during=disturb)
    assert e.value.exit_code == code
    assert isinstance(e.value, KeyboardInterrupt)
    assert signal.getsignal(number) is before
    assert [path.name for path in tmp_path.glob("checkpoint-*")] == ["checkpoint-5"]
    begun: list[int] = []
    ran(tmp_path, told, during=lambda step: begun.append(step) or 1.0)
    assert begun == [5, 6, 7, 8]


def test_a_signal_during_the_last_figures_is_answered_once_they_are_taken(tmp_path: Path):
    told = TrainSettings(checkpoint_every=0)
    toy = Toy(told)
    judge = toy.judge

    def interrupted() -> dict[str, Any]:
        signal.raise_signal(signal.SIGTERM)
        return judge()

    toy.judge = interrupted
    with pytest.raises(Stopped, match="after step 9 of 9"):
        Course(toy, tmp_path, lambda _: None).run()
    late = Toy(told, during=lambda step: pytest.fail("all steps were taken"))
    late.judge = lambda: pytest.fail("all figures were taken")
    assert Course(late, tmp_path, lambda _: None).run() == {"loss": FIGURES[STEPS]}
    assert_same(toy, late)
    assert [row["step"] for row in lines(tmp_path) if "held_out" in row] == [STEPS]


def test_the_last_state_is_kept_until_the_bundle_is_there(tmp_path: Path):
    ran(tmp_path, TrainSettings(checkpoint_every=100))
    assert [path.name for path in tmp_path.glob("checkpoint-*")] == ["checkpoint-9"]


def test_a_second_ctrl_c_leaves_at_once_and_a_second_sigterm_does_not():
    told: list[str] = []
    before = {
        number: signal.signal(number, lambda n, _: told.append(signal.Signals(n).name))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        with suppress(_Killed), heeded() as noted:
            assert noted() == 0
            signal.raise_signal(signal.SIGTERM)
            signal.raise_signal(signal.SIGTERM)
            assert (noted(), told) == (signal.SIGTERM, [])
            signal.raise_signal(signal.SIGINT)
            assert (noted(), told) == (signal.SIGTERM, ["SIGINT"])
            raise _Killed
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_a_signal_that_nobody_has_answered_is_handed_on_and_one_that_was_ignored_stays_so():
    told: list[int] = []
    before = [
        signal.signal(signal.SIGTERM, lambda number, _: told.append(number)),
        signal.signal(signal.SIGINT, signal.SIG_IGN),
    ]
    try:
        with heeded() as noted:
            signal.raise_signal(signal.SIGINT)
            assert noted() == 0
            signal.raise_signal(signal.SIGTERM)
            assert (noted(), told) == (signal.SIGTERM, [])
        assert told == [signal.SIGTERM]
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before[0])
        signal.signal(signal.SIGINT, before[1])


def test_a_run_in_another_thread_leaves_signals_alone(tmp_path: Path):
    handlers: list[Any] = []

    def during(step: int) -> float:
        handlers.append(signal.getsignal(signal.SIGTERM))
        return 1.0

    thread = threading.Thread(
        target=ran, args=(tmp_path, TrainSettings()), kwargs={"during": during}
    )
    thread.start()
    thread.join()
    assert handlers == [signal.getsignal(signal.SIGTERM)] * STEPS


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("step", [0, 4, 8])
def test_a_loss_that_is_no_number_stops_the_run_and_moves_nothing(
    tmp_path: Path, bad: float, step: int
):
    told = TrainSettings(checkpoint_every=3)
    weights: list[dict[str, torch.Tensor]] = []
    toy = Toy(told)

    def during(index: int) -> float:
        weights.append(toy.weights)
        return bad if index == step else 1.0

    toy.during = during
    with pytest.raises(TrainingError) as error:
        Course(toy, tmp_path, lambda _: None).run()
    said = str(error.value)
    both = "gradient of the value" + (" and the gradient of the policy" if step >= 2 else "")
    assert said.startswith(f"step {step + 1}: the {both} is no number")
    assert "lower train.policy.lr or train.value.lr" in said
    for name, weight in toy.weights.items():
        assert weight.equal(weights[-1][name])
    good = 3 * (step // 3)
    assert (f"checkpoint is {tmp_path / f'checkpoint-{good}'}" in said) == (good > 0)
    if good:
        kept = load_file(tmp_path / f"checkpoint-{good}" / "policy.safetensors")
        assert all(bool(weight.isfinite().all()) for weight in kept.values())
    begun: list[int] = []
    ran(tmp_path, told, during=lambda index: begun.append(index) or 1.0)
    assert begun == list(range(good, STEPS))


def test_a_loss_that_is_no_number_is_seen_although_its_gradients_are_some(tmp_path: Path):
    toy = Toy(TrainSettings())
    taken = toy.gradients
    toy.gradients = lambda step: (taken(step)[0], math.inf)
    with pytest.raises(TrainingError, match="step 1: the loss is no number"):
        Course(toy, tmp_path, lambda _: None).run()


def test_weights_that_are_no_numbers_are_never_saved(tmp_path: Path):
    toy = Toy(TrainSettings(checkpoint_every=3))

    def during(step: int) -> float:
        if step == 5:  # the step after which they would be saved
            toy.movers["value"].rates = [math.inf]
        return 1.0

    toy.during = during
    with pytest.raises(TrainingError, match=r"after step 6 weights of the value .*checkpoint-3"):
        Course(toy, tmp_path, lambda _: None).run()
    assert [path.name for path in tmp_path.glob("checkpoint-*")] == ["checkpoint-3"]


FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_disk_that_fills_up_stops_the_run_at_its_last_good_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    told = TrainSettings(checkpoint_every=2)

    def during(step: int) -> float:
        def full(*args: Any, **kwargs: Any) -> None:
            raise FULL

        if step == 4:
            monkeypatch.setattr(checkpoint, "save_file", full)
        return 1.0

    with pytest.raises(RecordError, match=r"checkpoint-6 cannot be written.*goes on from step 4"):
        ran(tmp_path, told, during=during)
    monkeypatch.undo()
    begun: list[int] = []
    late, figures = ran(tmp_path, told, during=lambda step: begun.append(step) or 1.0)
    assert begun == [4, 5, 6, 7, 8]
    calm, same = ran(tmp_path / "calm", told)
    assert_same(calm, late)
    assert figures == same


def test_metrics_that_cannot_be_written_are_told_too(tmp_path: Path):
    (tmp_path / "metrics.jsonl").mkdir()
    with pytest.raises(RecordError, match=r"metrics.jsonl cannot be written.*make room"):
        ran(tmp_path, TrainSettings(report_every=1))


def test_a_torn_checkpoint_is_left_aside_and_said_and_the_run_ends_the_same(tmp_path: Path):
    told = TrainSettings(checkpoint_every=2, keep=2)
    calm, _ = ran(tmp_path / "calm", told)

    def kill(step: int) -> float:
        if step == 7:
            raise _Killed
        return 1.0

    with pytest.raises(_Killed):
        ran(tmp_path / "torn", told, during=kill)
    torn = tmp_path / "torn" / "checkpoint-6" / "value.safetensors"
    torn.write_bytes(torn.read_bytes()[:40])
    heard: list[dict[str, Any]] = []
    begun: list[int] = []

    def during(step: int) -> float:
        begun.append(step)
        return 1.0

    late, _ = ran(tmp_path / "torn", told, during=during, report=heard.append)
    assert begun[0] == 4
    assert str(torn.parent) in heard[0]["left_aside"]
    assert_same(calm, late)
    assert lines(tmp_path / "calm") == lines(tmp_path / "torn")


def test_the_best_weights_are_what_a_run_ends_with_and_its_figures_say_so(tmp_path: Path):
    told = TrainSettings(judge_every=1, best=True, checkpoint_every=0)
    best, figures = ran(tmp_path / "best", told)
    assert figures == {"loss": 1.0, "best_step": 7, "best_by": "loss"}
    weights: list[dict[str, torch.Tensor]] = []
    toy = Toy(replace(told, best=False))

    def during(step: int) -> float:
        weights.append(toy.weights)
        return 1.0

    toy.during = during
    last = Course(toy, tmp_path / "last", lambda _: None).run()
    assert last == {"loss": FIGURES[STEPS]}
    for name, weight in best.weights.items():
        assert weight.equal(weights[7][name])  # as they were before step 8
        assert not weight.equal(toy.weights[name])
    assert not list((tmp_path / "last").glob("checkpoint-*"))


def test_a_run_that_gives_up_takes_no_further_step(tmp_path: Path):
    begun: list[int] = []
    told = TrainSettings(judge_every=1, patience=2)
    _, figures = ran(tmp_path, told, during=lambda step: begun.append(step) or 1.0)
    # 5, 3, 4, 2, 2.5, 2: the second 2 is not better
    assert begun == [0, 1, 2, 3, 4, 5]
    assert figures == {"loss": 2.0, "stopped_early": 6}
