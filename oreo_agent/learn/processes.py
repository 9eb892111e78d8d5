"""The processes that a run is made of."""

import torch
from accelerate import Accelerator


def accelerator() -> Accelerator:
    """Those that a launcher started, or this one alone.

    Where torch knows no accelerator they are processes of the CPU: accelerate takes them for
    strangers unless it is told.
    """
    return Accelerator(cpu=not torch.accelerator.is_available())
