"""Threads of the CPU that torch computes with."""

import os

import torch

from oreo_agent.errors import SettingError


def cores() -> int:
    """How many this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def use_threads(count: int) -> None:
    """Compute with ``count`` threads, or as many as there are cores.

    Threads that share a core wait for each other busily: two on one took ten times as long as one.

    Raises:
        SettingError: the count is below 1.
    """
    if count < 1:
        raise SettingError(f"the number of threads must be 1 or more, got {count}")
    torch.set_num_threads(min(count, cores()))
