"""Episodes to write and read."""

from collections.abc import Callable

import pytest

from oreo_agent.records.episode import Episode, PolicyRecord, Segment

MakeEpisode = Callable[..., Episode]


@pytest.fixture(scope="session")
def make_episode() -> MakeEpisode:
    """A short won episode with the given id; keywords replace what it holds."""

    def make(name: str, **changes: object) -> Episode:
        fields: dict[str, object] = {
            "id": name,
            "task": "alfworld",
            "environment": "oreo/ALFWorld-v0",
            "split": "train",
            "instance": f"task/{name}",
            "task_type": "pick",
            "seed": 1,
            "repeat": 0,
            "policy": PolicyRecord(kind="expert"),
            "prompt": "bare",
            "tokenizer": "t1",
            "segments": (
                Segment(kind="prompt", ids=(1, 2), text="Your task"),
                Segment(
                    kind="action", ids=(3, 4, 5), text="go to x", command="go to x", valid=True
                ),
            ),
            "reward": 1.0,
            "end": "won",
            "seconds": 0.5,
        }
        return Episode(**(fields | changes))

    return make
