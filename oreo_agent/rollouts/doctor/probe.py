"""One environment, stepped for a while; run as a process, which says what it found as JSON.

python -m oreo_agent.rollouts.doctor.probe ENV SECONDS [DATA]
"""

import json
import sys
import time
from contextlib import closing
from random import Random
from typing import Any

import psutil

from oreo_agent.errors import DataError, OreoError, SettingError
from oreo_agent.rollouts.stage import Stage, find_task
from oreo_agent.rollouts.worlds import Begin, Fault, Scene

INSTANCES = 5
"""That are played, one after the other, until the time is over."""
TURNS = 40
"""Most turns of an episode."""
WORDS = "look"
"""What is said to a world that does not say what can be done."""


def probe(name: str, seconds: float, data: str | None = None) -> dict[str, Any]:
    """Play by chance for ``seconds``, at least one episode.

    Returns:
        ``steps_per_second`` (resets left out) and ``megabytes`` (by which this process and those
        that the environment has begun are larger than before it was made); or ``missing`` (data or
        a package is not there), or ``fault``.
    """
    try:
        stage = Stage(task=name, split=find_task(name).splits()[0], data=data, live=1)
        names = [each.id for each in stage.instances()[:INSTANCES]]
        if not names:
            return {"missing": f"{stage.task} has no instances of the split {stage.split!r}"}
        try:
            stage.prepare(names)
        except SettingError as error:  # what makes its games is not installed
            return {"missing": str(error)}
        return _played(stage, names, seconds)
    except DataError as error:
        return {"missing": str(error)}
    except ImportError as error:
        return {"missing": str(error)}
    except OreoError as error:
        return {"fault": str(error)}


def _played(stage: Stage, names: list[str], seconds: float) -> dict[str, Any]:
    before, spent, steps, episodes = _resident(), 0.0, 0, 0
    rng = Random(0)
    with closing(stage.open(1)) as world:
        while spent < seconds or not episodes:
            scene = _good(world.begin({0: Begin(instance=names[episodes % len(names)], seed=0)})[0])
            episodes += 1
            for _ in range(min(TURNS, stage.limit)):
                command = rng.choice(scene.info.get("admissible_commands") or [WORDS])
                began = time.perf_counter()
                scene = _good(world.step({0: command})[0])
                spent += time.perf_counter() - began
                steps += 1
                if scene.terminated or scene.truncated:
                    break
        grown = (_resident() - before) / 1e6
    return {"steps_per_second": steps / max(spent, 1e-9), "megabytes": grown}


def _good(found: Scene | Fault) -> Scene:
    if isinstance(found, Fault):
        raise OreoError(found.text)
    return found


def _resident() -> int:
    """Bytes that this process and those that it has begun hold in memory now."""
    me = psutil.Process()
    return sum(one.memory_info().rss for one in (me, *me.children(recursive=True)))


if __name__ == "__main__":
    told = probe(sys.argv[1], float(sys.argv[2]), *sys.argv[3:])
    print("\n" + json.dumps(told))
