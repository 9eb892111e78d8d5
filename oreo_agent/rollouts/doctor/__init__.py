"""What this machine has, what is missing, and the one command that mends it.

`examined` asks everything in turn: `installed` the machine and its packages, `holdings` the data
folders, `speed` each environment in a process of its own. `gold` is the other half: it replays
known solutions and says whether the evaluator calls each of them won.
"""

from collections.abc import Iterator

from oreo_agent.rollouts.doctor.holdings import holdings
from oreo_agent.rollouts.doctor.installed import machine
from oreo_agent.rollouts.doctor.remark import Remark
from oreo_agent.rollouts.doctor.speed import environments


def examined(data: str | None = None) -> Iterator[Remark]:
    """Everything that is worth saying, as it is found.

    Args:
        data: a folder of official data that is looked at in the place of those that the
            environment variables name.
    """
    yield from machine()
    yield from holdings(data)
    yield from environments()
