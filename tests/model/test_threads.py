"""As many threads as are asked for, where there are cores for them."""

import pytest
import torch

from oreo_agent.model import threads


@pytest.mark.parametrize(("asked", "there", "used"), [(2, 4, 2), (3, 1, 1), (2, 2, 2), (1, 8, 1)])
def test_no_more_threads_than_cores(
    monkeypatch: pytest.MonkeyPatch, asked: int, there: int, used: int
) -> None:
    told: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", told.append)
    monkeypatch.setattr(threads, "cores", lambda: there)

    threads.use_threads(asked)

    assert told == [used]


def test_cores_are_those_that_the_process_may_run_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def allowed(process: int) -> set[int]:
        assert process == 0  # this one
        return {0, 3, 5}

    monkeypatch.setattr(threads.os, "sched_getaffinity", allowed, raising=False)
    assert threads.cores() == 3

    monkeypatch.delattr(threads.os, "sched_getaffinity")
    monkeypatch.setattr(threads.os, "cpu_count", lambda: None)
    assert threads.cores() == 1
