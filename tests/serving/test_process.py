"""The server as a process of its own: it listens where it may, and stops in order."""

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from serving.scripted_agent import OPENING

from oreo_agent.cli import run
from oreo_agent.errors import SettingError
from oreo_agent.serving.run import Address

BODY = {"turns": [{"observation": OPENING}], "k": 3}
SCRIPTED = """
import json
import sys
from serving.scripted_agent import {engine}, served
from oreo_agent.errors import Stopped
from oreo_agent.serving.limits import Limits
from oreo_agent.serving.run import Address, serve

def listening(url, agent):
    print(json.dumps({{"url": url}}), flush=True)

try:
    serve(lambda: served({engine}), Address(port=0, token={token!r}), Limits(), listening)
except Stopped as stopped:
    sys.exit(stopped.exit_code)
"""


@contextlib.contextmanager
def started(*command):
    """A child that serves; gives its URL and the process, and leaves nobody behind."""
    tests = Path(__file__).resolve().parents[1]
    here = tests.parent
    paths = [tests, here, here / "envs", here / "tasks", os.environ.get("PYTHONPATH", "")]
    child = subprocess.Popen(
        [sys.executable, *map(str, command)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, paths))},
    )
    try:
        assert select.select([child.stdout], [], [], 300)[0], "the server said nothing"
        line = child.stdout.readline()
        assert line, child.stderr.read()
        yield json.loads(line)["url"], child
    finally:
        child.kill()
        child.wait()
        for pipe in (child.stdin, child.stdout, child.stderr):
            pipe.close()


def scripted(engine="ScriptedEngine", token=None):
    return started("-c", SCRIPTED.format(engine=engine, token=token))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_ends_it_at_once_where_nothing_is_asked(number, code):
    with scripted() as (url, child):
        assert httpx.get(f"{url}/healthz").json() == {"status": "ok"}
        child.send_signal(number)
        assert child.wait(60) == code
        assert child.stderr.read() == ""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_what_is_decided_be_told(number):
    with scripted("SlowEngine") as (url, child), ThreadPoolExecutor(1) as others:
        asked = others.submit(httpx.post, f"{url}/v1/decide", json=BODY, timeout=60)
        assert select.select([child.stderr], [], [], 60)[0], "nothing was decided"
        assert child.stderr.readline() == "deciding\n"
        child.send_signal(number)
        with contextlib.suppress(httpx.HTTPError):  # closed, or told that it stops
            while httpx.get(f"{url}/healthz").status_code == 200:
                pass
        child.stdin.close()
        assert asked.result().status_code == 200
        assert child.wait(60) == {signal.SIGTERM: 0, signal.SIGINT: 130}[number]


def test_a_real_socket_carries_what_the_application_says_and_refuses_a_wrong_token():
    with scripted(token="right") as (url, _), httpx.Client(base_url=url) as client:
        assert client.post("/v1/decide", json=BODY).status_code == 401
        client.headers["Authorization"] = "Bearer right"
        first, again = (client.post("/v1/decide", json=BODY).json() for _ in range(2))
        assert first["candidates"] == again["candidates"]
        assert client.post("/v1/decide", content=b"x" * (2 << 20)).status_code in (413, 415)
        assert "server" not in client.get("/healthz").headers


def test_a_client_that_hangs_up_leaves_the_server_to_the_others():
    with scripted() as (url, _):
        place = httpx.URL(url)
        for said in (
            b"POST /v1/decide HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{",
            b"POST /v1/decide HTTP/1.1\r\nHo",
            b"\x16\x03\x01\x02\x00\x01\x00",
            b"",
        ):
            with socket.create_connection((place.host, place.port), timeout=30) as wire:
                wire.sendall(said)
        assert httpx.post(f"{url}/v1/decide", json=BODY).status_code == 200


def test_a_bundle_is_served_by_the_command_line_and_ends_on_sigterm(tmp_path):
    games = ("--data", "generated:small", "--split", "train")
    for arguments in (
        ("rollout", "--policy", "expert", "--episodes", 4, "--out", tmp_path / "s", *games),
        ("train", "--method", "oreo", "--size", "64x1", "--data", tmp_path / "s",
         "--out", tmp_path / "agent", "--set", "train.batch=4"),
    ):  # fmt: skip
        assert run([str(argument) for argument in arguments]) == 0
    command = ("-m", "oreo_agent", "serve", tmp_path / "agent", "--port", 0, "--json")
    with started(*command) as (url, child), httpx.Client(base_url=url, timeout=60) as client:
        turns = [{"observation": "You are in the middle of a room."}]
        decided = client.post("/v1/decide", json={"turns": turns, "seed": 1, "k": 3}).json()
        assert decided["model"] == "agent"
        chosen = decided["candidates"][decided["chosen"]]
        assert chosen["value"] is not None
        body = {"messages": [{"role": "user", "content": turns[0]["observation"]}], "seed": 1}
        chat = client.post("/v1/chat/completions", json=body | {"oreo": {"k": 3}}).json()
        assert chat["oreo"]["candidates"] == decided["candidates"]
        metrics = client.get("/metrics").text
        assert "oreo_sessions 1" in metrics
        child.send_signal(signal.SIGTERM)
        assert child.wait(60) == 0
        assert child.stderr.read() == ""


def refused(capsys, *arguments):
    code = run(["serve", *map(str, arguments)])
    out, err = capsys.readouterr()
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    return err


def test_a_port_that_is_taken_is_told_before_anything_is_loaded(capsys, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        told = refused(capsys, tmp_path, "--port", port)
    assert f"port {port} of 127.0.0.1" in told
    assert "--port" in told


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--host", "0.0.0.0"), "token"),
        (("--host", "::"), "token"),
        (("--host", "no.such.host.invalid", "--token", "x"), "no.such.host.invalid"),
        (("--port", "70000"), "65535"),
        (("--token", ""), "token"),
        (("--token", "a b"), "token"),
        (("--token", "\u20ac"), "token"),
        (("--together", "0"), "together"),
        (("--timeout", "0"), "seconds"),
        (("--port", "0"), "bundle.json"),
    ],
)
def test_a_server_that_cannot_be_is_refused_in_a_line(capsys, tmp_path, arguments, word):
    assert word in refused(capsys, tmp_path, *arguments)


def test_others_may_reach_it_only_with_a_token():
    with pytest.raises(SettingError, match="OREO_AGENT_TOKEN"):
        Address(host="0.0.0.0", port=0).bound()
    with Address(host="0.0.0.0", port=0, token="x").bound() as ears:
        assert ears.getsockname()[0] == "0.0.0.0"
    with Address(host="localhost", port=0).bound() as ears:
        assert ears.getsockname()[0] in ("127.0.0.1", "::1")


def test_the_token_may_come_from_the_environment_and_is_not_shown(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("OREO_AGENT_TOKEN", "a b")
    assert "spaces" in refused(capsys, tmp_path)
    assert "secret" not in repr(Address(token="secret"))


@pytest.mark.parametrize("package", ["starlette", "uvicorn"])
def test_without_the_extra_the_remedy_is_told(monkeypatch, capsys, tmp_path, package):
    for name in [name for name in sys.modules if name.startswith(("oreo_agent.serving", package))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    told = refused(capsys, tmp_path)
    assert package in told
    assert "pip install 'oreo-agent[serve]'" in told
