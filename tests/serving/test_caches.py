"""With networks in the place of a script: caches save reading, and change no answer."""

import asyncio
from random import Random

import pytest
import torch
from scripted_errand import ERRAND
from serving.scripted_agent import LEXICON, OPENING, asking
from stirring import drawn, stirred

from oreo_agent.agent.engines.local import LocalEngine
from oreo_agent.agent.runtime import Agent
from oreo_agent.agent.strategies.single import Greedy
from oreo_agent.model.compact import END, CompactPrompt
from oreo_agent.model.networks import ValueNetwork, new_policy
from oreo_agent.serving.app import Service
from oreo_agent.serving.limits import Limits
from oreo_agent.serving.served import Served


@pytest.fixture(scope="module")
def networks():
    torch.set_num_threads(1)
    size = len(CompactPrompt(LEXICON).tokens)
    policy = new_policy(size, "64x2", bos=1, eos=END, pad=0, seed=0)
    rng = drawn(0)
    stirred(policy, 0.1, rng)
    return policy, stirred(ValueNetwork.of_policy(policy), 0.1, rng)


def service(networks, **limits) -> Service:
    prompt = CompactPrompt(LEXICON)
    agent = Agent(
        prompt=prompt,
        engine=LocalEngine(*networks, stop_ids=prompt.stop_ids, max_context=600),
        strategy=Greedy(),
        fingerprint="f" * 16,
        has_value=True,
    )
    return Service(Served(agent=agent, name="networks"), Limits(**limits))


def played(rng: Random, turns: int) -> list[dict]:
    told = [{"observation": OPENING}]
    for _ in range(turns):
        told += [{"said": rng.choice(ERRAND)}, {"observation": "You see a cup 1."}]
    return told


async def answered(client, turns, seed=0) -> dict:
    body = {"turns": turns, "seed": seed, "k": 3, "temperature": 1.0}
    response = await client.post("/v1/decide", json=body)
    assert response.status_code == 200, response.text
    return response.json()


def seen(answer: dict) -> tuple:
    return answer["chosen"], [tuple(one["ids"]) for one in answer["candidates"]]


def test_a_turn_more_costs_what_is_new_and_not_the_history(networks):
    told = played(Random(0), 12)

    def costs(sessions_kept: bool) -> list[int]:
        it = service(networks)
        engine, spent = it.served.agent.engine, []

        async def ask(client):
            for turns in range(13):
                before = engine.encoded
                await answered(client, told[: 1 + 2 * turns])
                spent.append(engine.encoded - before)
                if not sessions_kept:
                    it.mind.sessions.forget(list(engine._reader._read))
            return spent

        return asking(it, ask)

    kept, anew = costs(True), costs(False)
    assert kept[0] == anew[0]
    assert anew[-1] > 2 * anew[0]  # grows with the history
    assert max(kept[1:]) <= kept[0] + 20  # two networks read the new turn, and the branches


@pytest.mark.parametrize(("together", "sessions"), [(1, 64), (16, 64), (5, 1)])
def test_neighbours_and_caches_change_no_answer(networks, together, sessions):
    rng = Random(1)
    asked = [(played(rng, rng.randrange(5)), rng.randrange(3)) for _ in range(30)]
    alone = []
    for turns, seed in asked:
        alone.append(asking(service(networks), lambda c, t=turns, s=seed: answered(c, t, s)))
    it = service(networks, together=together, sessions=sessions)

    async def ask(client):
        return await asyncio.gather(*(answered(client, turns, seed) for turns, seed in asked))

    found = asking(it, ask)
    assert list(map(seen, found)) == list(map(seen, alone))
    for one, other in zip(found, alone, strict=True):
        assert one["value"] == pytest.approx(other["value"], abs=1e-5)
