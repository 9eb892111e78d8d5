"""In which order episodes are learned from."""

from random import Random

import pytest

from oreo_agent.learn import trainer as module
from oreo_agent.learn.batch import Tokens
from oreo_agent.learn.trainer import Trainer


@pytest.fixture
def trainer(an_episode, a_trainer) -> Trainer:
    """Nine episodes in batches of two: an epoch is five steps."""
    episodes = [Tokens.of(an_episode(number)) for number in range(9)]
    return a_trainer(episodes, batch=2, epochs=3.0)


def names(trainer: Trainer, step: int) -> list[str]:
    return [episode.id for unit in trainer.drawn(step) for episode in unit]


def test_an_epoch_takes_every_episode_once_and_each_in_an_order_of_its_own(trainer: Trainer):
    epochs = [
        [name for step in range(5 * epoch, 5 * epoch + 5) for name in names(trainer, step)]
        for epoch in range(3)
    ]
    everything = sorted(episode.id for unit in trainer.units for episode in unit)
    assert [sorted(epoch) for epoch in epochs] == [everything] * 3
    assert epochs[0] != epochs[1] != epochs[2]


def test_what_a_step_takes_depends_on_the_step_alone(trainer: Trainer):
    forward = {step: names(trainer, step) for step in range(15)}
    mixed = [7, 2, 14, 3, 7, 0, 11]
    assert [names(trainer, step) for step in mixed] == [forward[step] for step in mixed]


def test_an_epoch_is_shuffled_once(trainer: Trainer, monkeypatch: pytest.MonkeyPatch):
    seeds: list[str] = []

    def noted(seed: str) -> Random:
        seeds.append(seed)
        return Random(seed)

    monkeypatch.setattr(module, "Random", noted)
    for step in range(15):
        trainer.drawn(step)
    assert seeds == ["0/order/0", "0/order/1", "0/order/2"]
