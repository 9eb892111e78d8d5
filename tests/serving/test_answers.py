"""What clients read is what the agent says, alone and among others."""

import asyncio
import json
from dataclasses import replace
from random import Random

import msgspec
import pytest
from scripted_errand import ERRAND, ScriptedEngine
from serving.scripted_agent import (
    CALIBRATION,
    DISTRUST,
    OPENING,
    PickyEngine,
    StrictEngine,
    asking,
    posted,
    service,
)

from oreo_agent.agent.strategies import STRATEGIES
from oreo_agent.model.plain import TextPrompt
from oreo_agent.serving import telling
from oreo_agent.serving.app import Service
from oreo_agent.serving.limits import Limits
from oreo_agent.serving.wire import Wish

BEGUN = [{"observation": OPENING}]
GONE_ON = [*BEGUN, {"said": ERRAND[0]}, {"observation": "You see a cup 1."}]
DRAW = {"k": 3, "temperature": 1.0}


def state(rng: Random) -> dict:
    """A request in a state of the errand, or away from it."""
    turns = list(BEGUN)
    for _ in range(rng.randrange(4)):
        turns += [{"said": rng.choice(ERRAND)}, {"observation": "You see a cup 1."}]
    ways = ({"k": 3}, {"k": 1}, {"strategy": "greedy"}, {"strategy": "best-of-n", "k": 2})
    return {"turns": turns, "seed": rng.randrange(5), **rng.choice(ways)}


def told(response) -> dict:
    assert response.status_code == 200, response.text
    return {key: value for key, value in response.json().items() if key != "seconds"}


@pytest.mark.parametrize("seed", range(4))
def test_a_decision_is_what_act_decides(seed):
    it = service()
    answer = told(posted(it, "/v1/decide", {"turns": GONE_ON, "seed": seed, **DRAW}))
    agent = it.served.agent
    history = agent.begin(OPENING, seed=seed)
    history = agent.hear(history, ERRAND[0], "You see a cup 1.")
    decision = agent.act(history, strategy="best-of-k", **DRAW)
    assert answer["command"] == decision.choice.command
    assert answer["chosen"] == decision.chosen
    assert answer["value"] == decision.value
    assert answer["probability"] == CALIBRATION.probability(decision.value)
    assert len(answer["candidates"]) == len(decision.candidates)
    for one, candidate in zip(answer["candidates"], decision.candidates, strict=True):
        assert tuple(one["ids"]) == candidate.ids
        for name in ("text", "command", "logp", "value", "probability", "advantage", "ended"):
            assert one[name] == getattr(candidate, name), name


def test_the_same_request_gets_the_same_answer_and_another_seed_may_get_another():
    it = service()

    async def ask(client):
        asked = [
            await client.post("/v1/decide", json={"turns": BEGUN, "seed": seed, **DRAW})
            for seed in (0, 0, 1, 2, 3)
        ]
        return [told(response) for response in asked]

    first, again, *others = asking(it, ask)
    assert first == again
    assert any(other["candidates"] != first["candidates"] for other in others)


@pytest.mark.parametrize("together", [1, 3, 64])
def test_an_answer_does_not_depend_on_who_else_asks(together):
    rng = Random(together)
    asked = [state(rng) for _ in range(60)]
    alone = [told(posted(service(), "/v1/decide", body)) for body in asked]
    it = service(limits=Limits(together=together, sessions=8))

    async def ask(client):
        return await asyncio.gather(*(client.post("/v1/decide", json=body) for body in asked))

    assert [told(response) for response in asking(it, ask)] == alone


def test_a_thousand_clients_at_a_time_are_all_answered_and_many_in_one_call():
    rng = Random(0)
    asked = [state(rng) for _ in range(1000)]
    it = service()

    async def ask(client):
        found = await asyncio.gather(*(client.post("/v1/decide", json=body) for body in asked))
        return found, (await client.get("/metrics")).text

    found, metrics = asking(it, ask)
    assert {response.status_code for response in found} == {200}
    known = {}
    for body, response in zip(asked, found, strict=True):
        answer = told(response)
        assert known.setdefault(json.dumps(body), answer) == answer
    engine = it.served.agent.engine
    sizes = [len(batch) for batch in engine.asked if "#" not in batch[0].session]
    assert max(sizes) == it.limits.together
    assert 'oreo_requests_total{endpoint="/v1/decide",status="200"} 1000' in metrics
    assert "oreo_queue_length 0" in metrics
    assert len(engine.read) <= it.limits.sessions


def test_values_are_those_of_the_commands_in_that_state():
    it = service()
    body = {"turns": BEGUN, "commands": [*ERRAND[:2], "open box 1"], "admissible": [ERRAND[0]]}
    answer = told(posted(it, "/v1/values", body))
    agent = it.served.agent
    request = agent.begin(OPENING, admissible=[ERRAND[0]]).request(agent.prompt)
    assert answer["probability"] == CALIBRATION.probability(answer["value"])
    for command, one in zip(body["commands"], answer["candidates"], strict=True):
        judged = agent.appraise(request, command)
        assert (one["command"], one["value"]) == (command, judged.value)
        assert one["probability"] == judged.probability
        assert one["advantage"] == judged.advantage
        assert one["admissible"] == (command == ERRAND[0])
        assert one["logp"] == -2 * len(judged.ids)


def test_without_a_value_log_probability_chooses_and_values_are_refused():
    it = service(has_value=False)
    answer = told(posted(it, "/v1/decide", {"turns": BEGUN, **DRAW}))
    logps = [one["logp"] for one in answer["candidates"] if one["command"]]
    assert answer["candidates"][answer["chosen"]]["logp"] == max(logps)
    assert answer["value"] is None
    for path, body in (
        ("/v1/values", {"turns": BEGUN, "commands": [ERRAND[0]]}),
        ("/v1/decide", {"turns": BEGUN, "score": "value"}),
    ):
        refused = posted(service(has_value=False), path, body)
        assert refused.status_code == 422
        assert "no value" in refused.json()["error"]["message"]


def test_a_value_that_its_own_evidence_speaks_against_does_not_choose():
    trusted = told(posted(service(), "/v1/decide", {"turns": BEGUN, **DRAW}))
    gated = told(posted(service(trust=DISTRUST), "/v1/decide", {"turns": BEGUN, **DRAW}))
    assert trusted["objection"] is None
    assert "would lose 3.0 points" in gated["objection"]
    assert gated["strategy"] == "best-of-k logp"
    assert gated["candidates"] == trusted["candidates"]  # V is told all the same
    logps = [one["logp"] for one in gated["candidates"] if one["command"]]
    assert gated["candidates"][gated["chosen"]]["logp"] == max(logps)


def test_solutions_are_searched_at_the_weight_that_the_verdict_is_about():
    of_solutions = msgspec.structs.replace(DISTRUST, whole=True, weight=0.2)
    planned = service(trust=of_solutions).served.plan(Wish(strategy="beam"), most=99)
    assert dict(planned.settings)["weight"] == 0.2
    assert "V + 0.2 log-probability would lose" in planned.objection
    other = Wish(strategy="beam", weight=0.1)
    assert service(trust=of_solutions).served.plan(other, most=99).objection == ""


def test_a_conversation_that_goes_on_is_not_read_again():
    it = service()
    engine = it.served.agent.engine

    async def ask(client):
        turns, read = list(BEGUN), []
        for deed in ERRAND:
            answer = told(await client.post("/v1/decide", json={"turns": turns, **DRAW}))
            read.append((engine.encoded, answer["prompt_tokens"]))
            turns += [{"said": deed}, {"observation": "You see a cup 1."}]
        return read

    for encoded, whole in asking(it, ask):
        assert encoded == whole  # every token of the history once, however many turns
    assert len(engine.read) == 1


def test_conversations_side_by_side_keep_a_cache_each_and_the_oldest_goes():
    it = service(limits=Limits(sessions=2))
    engine = it.served.agent.engine

    async def ask(client):
        last = []
        for name in ("desk", "box", "shelf"):
            turns = [{"observation": f"You see a {name} 1."}]
            for _ in range(2):
                answer = told(await client.post("/v1/decide", json={"turns": turns}))
                turns = [*turns, {"said": ERRAND[0]}, {"observation": "You see a cup 1."}]
            last.append(answer["prompt_tokens"])
        assert engine.encoded == sum(last)
        await client.post("/v1/decide", json={"turns": turns[:1]})
        return last

    asking(it, ask)
    assert len(engine.read) == 2
    assert engine.closed


def test_two_that_part_ways_both_go_on_from_what_was_read():
    it = service()
    engine = it.served.agent.engine
    long = [{"observation": f"You see a {'cup 1, a desk 1, ' * 12}box 1."}]

    async def ask(client):
        for deed in ("open box 1", ERRAND[0]):
            turns = [*long, {"said": deed}, {"observation": "You see a cup 1."}]
            answer = told(await client.post("/v1/decide", json={"turns": turns}))
            yield engine.encoded, answer["prompt_tokens"]

    async def both(client):
        return [one async for one in ask(client)]

    (first, whole), (second, _) = asking(it, both)
    assert first == whole
    assert second - first < 8  # what differs, and not the long beginning


@pytest.mark.parametrize(
    ("engine", "status", "word"), [(StrictEngine, 422, "take cup 1"), (PickyEngine, 500, "log")]
)
def test_what_the_engine_cannot_do_for_one_it_does_for_the_others(engine, status, word, caplog):
    it = service(engine)
    bad = [*BEGUN, {"said": "take cup 2 from desk 1"}, {"observation": "You see nothing."}]
    asked = [{"turns": bad if i % 3 == 0 else BEGUN, "seed": i, **DRAW} for i in range(12)]

    async def ask(client):
        together = await asyncio.gather(*(client.post("/v1/decide", json=one) for one in asked))
        after = await client.post("/v1/decide", json=asked[1])
        health = await client.get("/healthz")
        return together, after, health

    together, after, health = asking(it, ask)
    assert (after.status_code, health.status_code) == (200, 200)
    for i, response in enumerate(together):
        if i % 3:
            alone = posted(service(), "/v1/decide", asked[i])
            assert told(response) == told(alone)
        else:
            assert response.status_code == status
            message = response.json()["error"]["message"]
            assert word in message
            assert "secret" not in message
            assert "Traceback" not in response.text
    assert ("secret" in caplog.text) == (engine is PickyEngine)


def test_tokens_of_a_reply_may_be_sent_back_as_they_were_drawn():
    it = service()
    ids = list(it.served.agent.prompt.reply(ERRAND[0]))
    by_ids = [*BEGUN, {"ids": ids}, {"observation": "You see a cup 1."}]
    assert told(posted(service(), "/v1/decide", {"turns": by_ids})) == told(
        posted(service(), "/v1/decide", {"turns": GONE_ON})
    )
    for wrong in ([], [10_000], [2**40]):
        body = {"turns": [*BEGUN, {"ids": wrong}, {"observation": "You see nothing."}]}
        assert posted(service(), "/v1/decide", body).status_code == 422


def test_tokens_may_be_sent_back_to_an_agent_that_speaks_in_any_words():
    prompt = TextPrompt(["take", "cup"])
    usual = service().served
    agent = replace(usual.agent, prompt=prompt, engine=ScriptedEngine(prompt))
    for ids, status in ((prompt.reply("take cup"), 200), ((len(prompt.tokens),), 422)):
        turns = [*BEGUN, {"ids": list(ids)}, {"observation": "Taken."}]
        response = posted(
            Service(replace(usual, agent=agent), Limits()),
            "/v1/decide",
            {"turns": turns, "strategy": "greedy"},
        )
        assert response.status_code == status


def test_what_breaks_after_the_decision_is_in_the_log_and_not_in_the_answer(monkeypatch, caplog):
    def breaks(*_):
        raise ZeroDivisionError("/secret/place")

    monkeypatch.setattr(telling, "decision", breaks)
    response = posted(service(), "/v1/decide", {"turns": BEGUN})
    assert response.status_code == 500
    assert "its log says how" in response.json()["error"]["message"]
    assert "secret" not in response.text
    assert "/secret/place" in caplog.text


def test_only_admissible_commands_are_chosen_if_that_is_asked():
    for seed in range(8):
        body = {"turns": BEGUN, "seed": seed, "admissible": [ERRAND[2]], "only_admissible": True}
        answer = told(posted(service(), "/v1/decide", body | DRAW))
        assert answer["command"] == ERRAND[2]
        assert {one["admissible"] for one in answer["candidates"]} <= {True, False}


@pytest.mark.parametrize("name", STRATEGIES.names())
def test_every_registered_strategy_can_be_asked_for(name):
    answer = told(posted(service(), "/v1/decide", {"turns": BEGUN, "strategy": name}))
    assert answer["strategy"].startswith(name)
    assert answer["candidates"][0]["value"] is not None


def test_the_servers_own_wishes_hold_where_a_client_has_none():
    it = service(k=2, temperature=0.0)
    answer = told(posted(it, "/v1/decide", {"turns": BEGUN}))
    assert (answer["settings"]["k"], answer["settings"]["temperature"]) == (2, 0.0)
    answer = told(posted(service(k=2), "/v1/decide", {"turns": BEGUN, "k": 3}))
    assert answer["settings"]["k"] == 3


def test_a_history_that_leaves_no_room_is_told_before_the_engine_is_asked():
    it = service()
    it.served.agent.engine.max_context = 19
    response = posted(it, "/v1/decide", {"turns": GONE_ON})
    assert response.status_code == 422
    assert "leaves no room" in response.json()["error"]["message"]
    assert it.served.agent.engine.asked == []


def test_models_and_health_are_told():
    async def ask(client):
        return [await client.get(p) for p in ("/v1/models", "/v1/models/scripted", "/healthz")]

    models, model, health = asking(service(), ask)
    assert models.json()["data"] == [model.json()]
    assert model.json()["id"] == "scripted"
    assert health.json() == {"status": "ok"}


def test_metrics_are_such_as_prometheus_reads():
    async def ask(client):
        for body in ({"turns": BEGUN}, {"turns": BEGUN}, {"turns": []}):
            await client.post("/v1/decide", json=body)
        await client.get("/no/such/place")
        return await client.get("/metrics")

    response = asking(service(), ask)
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    figures, typed = {}, set()
    for line in response.text.splitlines():
        if line.startswith("# TYPE "):
            typed.add(line.split()[2])
        elif not line.startswith("#"):
            name, figure = line.rsplit(" ", 1)
            assert name not in figures
            figures[name] = float(figure)
            bare = name.partition("{")[0]
            ends = ("_bucket", "_sum", "_count")
            assert bare in typed or any(bare.removesuffix(end) in typed for end in ends)
    assert figures['oreo_requests_total{endpoint="/v1/decide",status="200"}'] == 2
    assert figures['oreo_requests_total{endpoint="/v1/decide",status="422"}'] == 1
    assert figures['oreo_requests_total{endpoint="other",status="404"}'] == 1
    assert figures['oreo_batch_size_bucket{le="+Inf"}'] == figures["oreo_batch_size_count"]
    assert figures['oreo_tokens_total{kind="policy"}'] > 0
    assert figures["oreo_encoded_tokens_total"] == 6
    counts = [v for k, v in figures.items() if k.startswith("oreo_batch_size_bucket")]
    assert counts == sorted(counts)
