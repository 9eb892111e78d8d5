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
    """On a CPU, the same sums in the same order each time, with several threads too.

    Left to itself torch adds some gradients in the order in which its threads arrive. On other
    devices that is left as it is: the kernels that they are fast with have no other order.
    """
    memory = cast(Any, torch.utils.deterministic)
    before, filled = torch.get_deterministic_debug_mode(), memory.fill_uninitialized_memory
    if device.type == "cpu":
        torch.set_deterministic_debug_mode("warn")
        memory.fill_uninitialized_memory = False  # every number is written before it is read
    try:
        yield
    finally:
        torch.set_deterministic_debug_mode(before)
        memory.fill_uninitialized_memory = filled
