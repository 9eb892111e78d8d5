"""Whatever is sent, the answer is a clean object, the others are served, and nothing hangs."""

import asyncio
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scripted_errand import ERRAND
from serving.scripted_agent import OPENING, HeldEngine, asking, posted, service, until, visited

from oreo_agent.serving.limits import Limits

BEGUN = [{"observation": OPENING}]
VALID = {
    "/v1/decide": {"turns": BEGUN, "k": 2, "seed": 1, "admissible": ["a"], "strategy": "best-of-k"},
    "/v1/values": {"turns": BEGUN, "commands": [ERRAND[0]]},
    "/v1/chat/completions": {
        "messages": [{"role": "user", "content": OPENING}],
        "oreo": {"k": 2},
        "seed": 1,
        "temperature": 1,
    },
}
PATHS = sorted(VALID)
JSON = {"Content-Type": "application/json"}
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
KINDS = ["observation", "said", "text", "ids"]
MANY = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(scope="module")
def sent():
    """Sends bodies to one server that goes on; at the end it still answers."""
    with asyncio.Runner() as runner:
        visit = visited(service())
        client = runner.run(visit.__aenter__())

        def send(path, body):
            return runner.run(client.post(path, content=body, headers=JSON))

        yield send
        after = send("/v1/decide", json.dumps(VALID["/v1/decide"]).encode())
        assert after.status_code == 200
        runner.run(visit.__aexit__(None, None, None))


def refused(response, *statuses):
    """A clean refusal: the status, and one object in the shape of OpenAI's errors."""
    assert response.status_code in (statuses or range(400, 500)), response.text
    assert response.headers["content-type"] == "application/json"
    error = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"]
    assert "Traceback" not in error["message"]
    return error["message"]


@pytest.mark.parametrize("path", PATHS)
@MANY
@given(body=st.binary(max_size=200))
def test_bytes_that_mean_nothing_are_refused(sent, path, body):
    refused(sent(path, body), 400)


@pytest.mark.parametrize("path", PATHS)
@MANY
@given(body=ANY)
def test_json_of_any_other_shape_is_refused(sent, path, body):
    refused(sent(path, json.dumps(body).encode()), 400)


@pytest.mark.parametrize("path", PATHS)
@MANY
@given(data=st.data())
def test_a_body_with_one_strange_part_is_answered_or_refused_and_never_breaks(sent, path, data):
    body = dict(VALID[path])
    name = data.draw(st.sampled_from([*body, "max_tokens", "model", "score", "weight", "new"]))
    body[name] = data.draw(ANY)
    response = sent(path, json.dumps(body).encode())
    if response.status_code != 200:
        refused(response, 400, 404, 422)


@MANY
@given(turns=st.lists(st.dictionaries(st.sampled_from(KINDS), ANY, max_size=2), max_size=5))
def test_turns_of_any_kind_are_answered_or_refused(sent, turns):
    response = sent("/v1/decide", json.dumps({"turns": turns}).encode())
    if response.status_code != 200:
        refused(response, 400, 422)


@MANY
@given(text=st.text(), said=st.text(), command=st.text())
def test_any_text_may_be_observed_and_any_command_be_tried(sent, text, said, command):
    turns = [{"observation": text}, {"said": said}, {"observation": text}]
    response = sent("/v1/values", json.dumps({"turns": turns, "commands": [command]}).encode())
    if response.status_code != 200:
        refused(response, 422)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"turns":' * 50_000 + b"1" + b"}" * 50_000,
        b'{"messages":' * 50_000 + b"1" + b"}" * 50_000,
        b'{"metadata":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
        b'{"seed":' + b"9" * 100_000 + b"}",
        b'{"seed": 1e999}',
        b'{"temperature": NaN}',
        b'{"k": 1e400}',
        b'"\\ud800"',
        b'{"turns":[{"observation":"\\ud800\\ud800"}]}',
        b'{"turns":[{"observation":"\xff"}]}',
        b"\x80\x04\x95pickle.",
        b'{"__proto__": {}, "__class__": "os.system"}',
    ],
    ids=range(15),
)
def test_known_tricks_are_refused(sent, path, body):
    refused(sent(path, body), 400)


def many(count, turn):
    return {"turns": [BEGUN[0], *[turn, BEGUN[0]] * count]}


@pytest.mark.parametrize(
    ("path", "body", "word"),
    [
        ("/v1/decide", many(500, {"said": "look"}), "at most 1000"),
        ("/v1/decide", {"turns": [{"observation": "x" * 16_385}]}, "at most 16384"),
        ("/v1/decide", many(1, {"said": "x" * 513}), "at most 512"),
        ("/v1/decide", many(1, {"ids": [1] * 16_385}), "at most 16384"),
        ("/v1/decide", {"turns": BEGUN, "admissible": ["x"] * 1_001}, "at most 1000"),
        ("/v1/decide", {"turns": BEGUN, "admissible": ["x" * 513]}, "at most 512"),
        ("/v1/decide", {"turns": BEGUN, "k": 33}, "at most 32"),
        ("/v1/decide", {"turns": BEGUN, "k": 0}, "$.k"),
        ("/v1/decide", {"turns": BEGUN, "max_tokens": 9}, "longest reply has 8"),
        ("/v1/decide", {"turns": BEGUN, "temperature": -0.1}, "$.temperature"),
        ("/v1/decide", {"turns": BEGUN, "strategy": "beam", "k": 33}, "at most 32"),
        ("/v1/decide", {"turns": BEGUN, "strategy": "best-of-n", "k": 33}, "at most 32"),
        ("/v1/decide", {"turns": BEGUN, "strategy": "greedy", "k": 2}, "greedy"),
        ("/v1/decide", {"turns": BEGUN, "score": "vlaue"}, "did you mean 'value'"),
        ("/v1/decide", {"turns": BEGUN, "strategy": "subprocess:Popen"}, "no strategy"),
        ("/v1/decide", {"turns": BEGUN, "path": "/etc"}, "path"),
        ("/v1/decide", {"turns": [{"observation": "a", "said": "b"}]}, "one of"),
        ("/v1/decide", {"turns": [{}]}, "one of"),
        ("/v1/values", {"turns": BEGUN, "commands": ["look"] * 65}, "at most 64"),
        ("/v1/values", {"turns": BEGUN, "commands": ["fly"]}, "'fly'"),
    ],
)
def test_what_is_too_much_or_unknown_is_refused_with_the_bound(path, body, word):
    it = service()
    message = refused(posted(it, path, body), 400, 422)
    assert word in message
    assert it.served.agent.engine.asked == []


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_that_is_too_long_is_not_read_to_its_end(announced):
    taken = []

    async def pieces():
        for _ in range(1000):
            taken.append(1)
            yield b" " * 1000

    async def ask(client):
        length = {"Content-Length": "1000000"} if announced else {}
        return await client.post("/v1/decide", content=pieces(), headers=JSON | length)

    refused(asking(service(limits=Limits(body=5_000)), ask), 413)
    assert len(taken) <= 7


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded"])
def test_only_json_by_its_name_is_read(kind):
    async def ask(client):
        return await client.post("/v1/decide", content=b"{}", headers={"Content-Type": kind})

    assert "Content-Type: application/json" in refused(asking(service(), ask), 415)


def test_other_addresses_and_ways_to_ask_are_refused():
    async def ask(client):
        there = [await client.get(path) for path in ("/", "/v1", "/v1/decide/..", "/../etc")]
        ways = [await client.request(way, "/v1/decide") for way in ("GET", "PUT", "OPTIONS")]
        return there, ways

    there, ways = asking(service(), ask)
    for response in there:
        assert "/v1/decide" in refused(response, 404)
    for response in ways:
        refused(response, 405)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer right-token-"},
        {"Authorization": "Bearer right-toke"},
        {"Authorization": "Bearer RIGHT-TOKEN"},
        {"Authorization": "Basic right-token"},
        {"Authorization": "right-token"},
        {"Authorization": b"Bearer \xe2\x82\xac\xff"},
        {"Authorization": "Bearer " + "x" * 10_000},
        {"X-Api-Key": "right-token"},
    ],
    ids=range(13),
)
def test_without_the_right_token_nothing_is_told_or_done(headers):
    it = service(token="right-token")

    async def ask(client):
        gets = [await client.get(p, headers=headers) for p in ("/metrics", "/v1/models", "/nope")]
        posts = [await client.post(p, json=VALID[p], headers=headers) for p in PATHS]
        return gets + posts, await client.get("/healthz", headers=headers)

    asked, health = asking(it, ask)
    for response in asked:
        assert "token" in refused(response, 401)
        assert "right" not in response.text
        assert response.headers["www-authenticate"] == "Bearer"
    assert health.status_code == 200
    assert it.served.agent.engine.asked == []


@pytest.mark.parametrize("kind", ["Bearer", "bearer"])
def test_with_the_right_token_everything_is_told(kind):
    headers = {"Authorization": f"{kind} right-token", "Host": "example.org"}
    for path in PATHS:
        it = service(token="right-token")
        assert posted(it, path, VALID[path], headers=headers).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil", ""])
def test_a_page_that_leads_here_under_another_name_is_refused(host):
    refused(posted(service(), "/v1/decide", VALID["/v1/decide"], headers={"Host": host}), 421)


@pytest.mark.parametrize("host", ["localhost", "localhost:8000", "127.0.0.1:1", "[::1]:80"])
def test_this_machine_may_be_called_by_any_of_its_names(host):
    response = posted(service(), "/v1/decide", VALID["/v1/decide"], headers={"Host": host})
    assert response.status_code == 200


def held(**limits):
    it = service(HeldEngine, limits=Limits(**limits))
    return it, it.served.agent.engine


def decide(client, seed=0):
    return asyncio.create_task(client.post("/v1/decide", json={"turns": BEGUN, "seed": seed}))


def test_a_full_line_is_told_when_to_come_back_and_is_served_on():
    it, engine = held(waiting=2, together=1)

    async def main():
        async with visited(it) as client:
            first = decide(client)
            await until(engine.begun.is_set)
            waiting = [decide(client, seed) for seed in (1, 2)]
            await until(lambda: len(it.desk) == 2)
            full = await client.post("/v1/decide", json={"turns": BEGUN})
            told = (await client.get("/metrics")).text
            engine.free.set()
            return full, told, [await first, *[await one for one in waiting]]

    full, told, others = asyncio.run(main())
    assert "try again" in refused(full, 503)
    assert full.headers["retry-after"] == "1"
    assert "oreo_queue_length 2" in told
    assert [response.status_code for response in others] == [200, 200, 200]


async def leaving(it, left: asyncio.Event) -> list:
    """A request whose client goes away once ``left`` is set; what the server sent to it."""
    body = json.dumps({"turns": BEGUN, "seed": 99}).encode()
    messages = iter([{"type": "http.request", "body": body, "more_body": False}])
    sent_back: list = []

    async def receive():
        for message in messages:
            return message
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(message):
        sent_back.append(message)

    headers = [(b"host", b"localhost"), (b"content-type", b"application/json")]
    scope = {
        "type": "http", "method": "POST", "path": "/v1/decide", "raw_path": b"/v1/decide",
        "query_string": b"", "headers": headers, "http_version": "1.1", "scheme": "http",
        "server": ("127.0.0.1", 80), "client": ("127.0.0.1", 1), "root_path": "",
    }  # fmt: skip
    await it.app(scope, receive, send)
    return sent_back


def test_a_client_that_goes_away_while_it_waits_is_not_worked_for():
    it, engine = held(together=4)

    async def main():
        async with visited(it) as client:
            left = asyncio.Event()
            first = decide(client)
            await until(engine.begun.is_set)
            goes, stays = asyncio.create_task(leaving(it, left)), decide(client, 1)
            await until(lambda: len(it.desk) == 2)
            left.set()
            await until(lambda: len(it.desk) == 1)
            await goes
            engine.free.set()
            told = await first, await stays
            return told, (await client.get("/metrics")).text

    told, metrics = asyncio.run(main())
    assert [response.status_code for response in told] == [200, 200]
    assert "oreo_batch_size_count 2" in metrics  # one for each of those who stayed
    assert "oreo_batch_size_sum 2" in metrics
    assert 'oreo_requests_total{endpoint="/v1/decide",status="499"} 1' in metrics


def test_a_client_that_goes_away_while_it_is_decided_for_disturbs_nobody():
    it, engine = held(together=4)

    async def main():
        async with visited(it) as client:
            left = asyncio.Event()
            goes = asyncio.create_task(leaving(it, left))
            await until(engine.begun.is_set)
            left.set()
            await goes
            stays = decide(client)
            engine.free.set()
            return await stays

    assert asyncio.run(main()).status_code == 200


def test_a_client_that_goes_away_in_its_body_is_counted_and_forgotten():
    it = service()

    async def main():
        async def receive():
            return {"type": "http.disconnect"}

        async def send(message):
            pass

        headers = [(b"host", b"localhost"), (b"content-type", b"application/json")]
        scope = {"type": "http", "method": "POST", "path": "/v1/decide", "headers": headers}
        async with visited(it) as client:
            await it.app(scope | {"query_string": b"", "root_path": ""}, receive, send)
            return (await client.get("/metrics")).text

    assert 'status="499"} 1' in asyncio.run(main())


def test_who_waits_too_long_is_told_so_and_leaves_the_line():
    it, engine = held(seconds=0.05, together=1)

    async def main():
        async with visited(it) as client:
            both = await asyncio.gather(decide(client), decide(client, 1))
            assert len(it.desk) == 0
            engine.free.set()
            return both

    for response in asyncio.run(main()):
        assert "within 0.05 s" in refused(response, 504)


def test_a_server_that_stops_finishes_what_is_decided_and_refuses_the_rest():
    it, engine = held(together=1)

    async def main():
        async with visited(it) as client:
            first = decide(client)
            await until(engine.begun.is_set)
            waits = decide(client, 1)
            await until(lambda: len(it.desk) == 1)
            it.stop()
            told = await waits
            new, health = await decide(client, 2), await client.get("/healthz")
            engine.free.set()
            return await first, told, new, health

    first, *others = asyncio.run(main())
    assert first.status_code == 200
    for response in others:
        assert "stops" in refused(response, 503)
    assert len({batch[0].seed >> 8 for batch in engine.asked}) == 1
