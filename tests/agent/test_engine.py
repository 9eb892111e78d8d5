"""The engine: with caches, branches and neighbours it says what a plain forward says."""

from collections import Counter
from random import Random
from typing import Any

import pytest
import torch
from stirring import drawn, stirred

from oreo_agent.agent.engines import Reply, Request
from oreo_agent.agent.engines.local import LocalEngine
from oreo_agent.errors import EngineError
from oreo_agent.model.networks import ValueNetwork, new_policy

VOCABULARY, STOP = 24, 4
DRAW: dict[str, Any] = {"samples": 3, "temperature": 1.0, "max_tokens": 5}


@pytest.fixture(scope="module")
def networks():
    """64x2 with weights large enough that tokens and values differ."""
    torch.set_num_threads(1)
    policy = new_policy(VOCABULARY, "64x2", bos=1, eos=STOP, pad=0, seed=0)
    rng = drawn(0)
    stirred(policy, 0.1, rng)
    value = stirred(ValueNetwork.of_policy(policy), 0.1, rng)
    return policy, value


@pytest.fixture
def engine(networks) -> LocalEngine:
    policy, value = networks
    return LocalEngine(policy, value, stop_ids=frozenset((STOP,)), max_context=600)


@torch.no_grad()
def plain_logps(engine: LocalEngine, history: tuple[int, ...]) -> torch.Tensor:
    """(N, V) after each token of a history, by one forward without caches."""
    return engine.policy(torch.tensor([history])).logits[0].log_softmax(-1)


@torch.no_grad()
def plain_value(engine: LocalEngine, history: tuple[int, ...]) -> float:
    hidden = engine.value.body(torch.tensor([history])).last_hidden_state[0, -1]
    return float(engine.value.head(hidden))


def check(engine: LocalEngine, request: Request, replies: list[Reply], values: list[float]) -> None:
    """Log-probabilities and values of replies equal those of plain forwards."""
    assert values[0] == pytest.approx(plain_value(engine, request.ids), abs=1e-5)
    for reply, value in zip(replies, values[1:], strict=True):
        whole = request.ids + reply.ids
        at = plain_logps(engine, whole)[len(request.ids) - 1 : -1]
        expected = at[range(len(reply.ids)), list(reply.ids)].tolist()
        assert reply.logps == pytest.approx(expected, abs=1e-4)
        assert value == pytest.approx(plain_value(engine, whole), abs=1e-5)
        assert reply.ended == (reply.ids[-1] == STOP)
        assert STOP not in reply.ids[:-1]
        assert reply.ended or len(reply.ids) == DRAW["max_tokens"]


def asked(
    engine: LocalEngine, requests: list[Request], **changes: Any
) -> tuple[list[list[Reply]], list[list[float]]]:
    replies = engine.generate(requests, **(DRAW | changes))
    values = engine.values(requests, [[(), *(r.ids for r in line)] for line in replies])
    return replies, values


def said(rng: Random, most: int = 9) -> tuple[int, ...]:
    return tuple(rng.randrange(5, VOCABULARY) for _ in range(rng.randint(1, most)))


@pytest.mark.parametrize("seed", range(4))
def test_replies_and_values_are_those_of_plain_forwards_whatever_sessions_do(
    engine: LocalEngine, seed: int
):
    """Sessions join, go on, are cut back, rewritten, left alone for a while, and closed."""
    rng = Random(seed)
    histories: dict[str, tuple[int, ...]] = {}
    names = 0
    for turn in range(7):
        if turn == 0 or rng.random() < 0.6:
            names += 1
            histories[f"s{names}"] = (1, *said(rng, 70))
        live = [name for name in histories if rng.random() < 0.8] or list(histories)[:1]
        rng.shuffle(live)
        requests = [Request(session=s, ids=histories[s], seed=rng.getrandbits(63)) for s in live]
        replies, values = asked(engine, requests, samples=rng.randint(1, 4))
        for request, line, worth in zip(requests, replies, values, strict=True):
            check(engine, request, line, worth)
            deed = rng.random()
            if deed < 0.6:
                grown = request.ids + rng.choice(line).ids + said(rng)
            elif deed < 0.75:
                grown = request.ids[: rng.randint(1, len(request.ids))]
            elif deed < 0.9:
                grown = request.ids[: rng.randint(1, len(request.ids))] + said(rng)
            else:
                engine.close(request.session)
                del histories[request.session]
                continue
            histories[request.session] = grown
        if not histories:
            names += 1
            histories[f"s{names}"] = (1, *said(rng))


def test_a_branch_that_was_tried_leaves_no_trace(engine: LocalEngine):
    request = Request(session="a", ids=(1, 7, 8, 9), seed=5)
    first = asked(engine, [request])
    engine.values([request], [[(5, 6, 7, 8, 9, 10), (STOP,), ()]])
    asked(engine, [request], samples=4)
    assert asked(engine, [request]) == first


def test_a_session_that_was_closed_begins_anew_under_its_old_name(engine: LocalEngine):
    first = Request(session="a", ids=(1, 7, 8, 9), seed=5)
    other = Request(session="b", ids=(1, 10, 11, 12, 13), seed=6)
    asked(engine, [first])
    engine.close("a")
    asked(engine, [other])  # takes the line of the cache that became free
    longer = Request(session="a", ids=(1, 7, 8, 9, 14), seed=5)
    (replies,), (values,) = asked(engine, [longer])
    check(engine, longer, replies, values)


@pytest.mark.parametrize("samples", [1, 5])
def test_the_same_seed_draws_the_same_replies_whoever_else_is_asked(networks, samples: int):
    def fresh() -> LocalEngine:
        return LocalEngine(*networks, stop_ids=frozenset((STOP,)), max_context=600)

    rng = Random(1)
    requests = [Request(session=f"s{i}", ids=(1, *said(rng, 30)), seed=i) for i in range(6)]
    together = fresh().generate(requests, **(DRAW | {"samples": samples}))
    for request, line in zip(requests, together, strict=True):
        (alone,) = fresh().generate([request], **(DRAW | {"samples": samples}))
        assert [r.ids for r in alone] == [r.ids for r in line]
    backwards = fresh().generate(requests[::-1], **(DRAW | {"samples": samples}))
    assert [[r.ids for r in line] for line in backwards[::-1]] == [
        [r.ids for r in line] for line in together
    ]


def test_more_samples_of_a_seed_begin_with_the_fewer(engine: LocalEngine):
    request = Request(session="a", ids=(1, 7, 8), seed=3)
    ((one,),) = engine.generate([request], **(DRAW | {"samples": 1}))
    (many,) = engine.generate([request], **(DRAW | {"samples": 6}))
    assert many[0].ids == one.ids
    assert len({reply.ids for reply in many}) > 1


def test_only_tokens_that_are_new_are_encoded(engine: LocalEngine):
    counted: list[int] = []

    def count(module: Any, args: Any, kwargs: Any) -> None:
        counted.append(kwargs["input_ids"].numel())

    handle = engine.policy.base_model.register_forward_pre_hook(count, with_kwargs=True)
    judge = engine.value.body.register_forward_pre_hook(count, with_kwargs=True)
    try:
        history = (1, *range(5, 20))
        settings = DRAW | {"samples": 2, "max_tokens": 1}
        engine.generate([Request(session="a", ids=history)], **settings)
        assert counted == [16]
        counted.clear()
        engine.generate([Request(session="a", ids=history)], **settings)
        assert counted == []
        engine.generate([Request(session="a", ids=(*history, 6, 7))], **settings)
        assert counted == [2]
        counted.clear()
        engine.generate([Request(session="a", ids=history[:9])], **settings)
        assert counted == [1]  # the end of a history that was cut back is read again
        counted.clear()
        engine.values([Request(session="a", ids=history)], [[(), (5, 6), (7, STOP)]])
        assert counted == [16 + 4]
        counted.clear()
        engine.values([Request(session="a", ids=history)], [[()]])
        assert counted == []
        engine.generate([Request(session="a", ids=history[:9])], **(settings | {"max_tokens": 4}))
        assert sum(counted) <= 3 * 2
    finally:
        handle.remove()
        judge.remove()


def test_a_history_without_room_for_a_reply_is_refused_before_anything_is_read(networks):
    engine = LocalEngine(*networks, stop_ids=frozenset((STOP,)), max_context=12)
    settings = DRAW | {"max_tokens": 4}
    full, over = (Request(session=f"s{n}", ids=(1,) * n) for n in (8, 9))
    assert len(engine.generate([full], **settings)) == 1
    with pytest.raises(EngineError, match=r"9 tokens leaves no room .* of 4 .* of 12"):
        engine.generate([full, over], **settings)
    assert len(engine.generate([full], **settings)) == 1


def test_at_temperature_zero_each_token_is_the_likeliest(engine: LocalEngine):
    request = Request(session="a", ids=(1, 7, 8, 9), seed=5)
    (replies,) = engine.generate([request], **(DRAW | {"temperature": 0.0}))
    assert replies[0].ids == replies[1].ids == replies[2].ids
    history = request.ids
    for token in replies[0].ids:
        assert token == int(plain_logps(engine, history)[-1].argmax())
        history += (token,)


@pytest.mark.parametrize("temperature", [0.5, 1.0])
def test_tokens_are_drawn_as_often_as_their_probabilities_say(
    engine: LocalEngine, temperature: float
):
    draws = 20_000
    request = Request(session="a", ids=(1, 7, 8, 9), seed=11)
    (replies,) = engine.generate([request], samples=draws, temperature=temperature, max_tokens=1)
    found = Counter(reply.ids[0] for reply in replies)
    likely = (plain_logps(engine, request.ids)[-1] / temperature).softmax(-1)
    for token, chance in enumerate(likely.tolist()):
        spread = (chance * (1 - chance) / draws) ** 0.5
        assert abs(found[token] / draws - chance) < 4.5 * spread + 1e-9, token


def test_values_without_a_value_network_are_refused_with_what_to_train(networks):
    engine = LocalEngine(networks[0], None, stop_ids=frozenset((STOP,)), max_context=64)
    with pytest.raises(EngineError, match="no value network; train one"):
        engine.values([Request(session="a", ids=(1, 2))], [[()]])


def test_no_replies_have_no_values_and_unknown_sessions_can_be_forgotten(engine: LocalEngine):
    assert engine.values([Request(session="a", ids=(1, 2))], [[]]) == [[]]
    engine.close("nobody")
    engine.close("a")
    engine.close("a")
