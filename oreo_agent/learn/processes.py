"""The processes that a run is made of."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, cast

import torch
from accelerate import Accelerator


def accelerator() -> Accelerator:
    """Those that a launcher started, or this one alone.

    Where torch knows no accelerator they are processes of the CPU: accelerate takes them for
    strangers unless it is told.
    """
    return Accelerator(cpu=not torch.accelerator.is_available())


@contextmanager
def repeatable(device: torch.device) -> Generator[None]:
    """On a CPU, the same sums in the same order each time, whatever the number of threads.

    Left to itself torch adds some gradients in the order in which its threads arrive. On other
    devices that is left as it is: the kernels that they are fast with have no other order.
    """
    before = torch.are_deterministic_algorithms_enabled()
    warned = torch.is_deterministic_algorithms_warn_only_enabled()
    memory = cast(Any, torch.utils.deterministic)
    filled = memory.fill_uninitialized_memory
    if device.type == "cpu":
        torch.use_deterministic_algorithms(True, warn_only=True)
        memory.fill_uninitialized_memory = False  # every number is written before it is read
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before, warn_only=warned)
        memory.fill_uninitialized_memory = filled
