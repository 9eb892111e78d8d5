"""A server of OpenEnv, in a process of its own, behind our face."""

import importlib.util
import subprocess
import sys
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from oreo_envs.adapters.openenv import field_of_action, only_text
from oreo_envs.finding import find
from oreo_envs.task import EnvironmentTask

TEXT, NUMBER, OBJECT = {"type": "string"}, {"type": "integer"}, {"type": "object"}
SERVERS = Path(sys.prefix) / "openenv" / "bin" / "python"
"""Where ``make test SLOW=1`` puts the package: it cannot live beside verifiers."""


@pytest.mark.parametrize(
    ("fields", "required", "named", "taken"),
    [
        ({"message": TEXT, "metadata": OBJECT}, ["message"], None, ("message", False)),
        ({"message": TEXT}, [], None, ("message", False)),
        ({"action_id": NUMBER, "game": TEXT}, ["action_id"], None, ("action_id", True)),
        ({"a": TEXT, "b": TEXT}, [], "b", ("b", False)),
    ],
)
def test_the_field_that_a_reply_goes_into(fields, required, named, taken):
    schema = {"properties": fields, "required": required}
    assert field_of_action(schema, named, "http://x") == taken


@pytest.mark.parametrize(
    ("fields", "required", "named"),
    [
        ({"a": TEXT, "b": TEXT}, ["a", "b"], None),
        ({"a": TEXT, "b": TEXT}, ["a", "b"], "a"),
        ({"a": TEXT, "b": TEXT}, [], None),
        ({"a": OBJECT}, ["a"], None),
        ({"a": TEXT}, [], "b"),
        ({}, [], None),
    ],
)
def test_actions_of_several_fields_are_refused(fields, required, named):
    with pytest.raises(LookupError, match=r"an action of http://x is .*\?action=FIELD"):
        field_of_action({"properties": fields, "required": required}, named, "http://x")


def test_the_only_text_of_an_observation_is_shown():
    assert only_text({"properties": {"echo": TEXT, "length": NUMBER}}) == "echo"
    assert only_text({"properties": {"echo": TEXT, "board": TEXT}}) is None


@contextmanager
def serving(sessions: int = 8):
    """The address of a server."""
    pytest.importorskip("websockets", reason="pip install 'oreo-agent[openenv]'")
    if SERVERS.exists():
        python = str(SERVERS)
    elif importlib.util.find_spec("openenv"):
        python = sys.executable
    else:
        pytest.skip("openenv is not installed; make test SLOW=1 installs it")
    script = str(Path(__file__).with_name("openenv_server.py"))
    with subprocess.Popen(
        [python, script, str(sessions)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        assert port, "the server did not start"
        yield f"openenv:http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def server():
    with serving() as name:
        yield name


def made(name):
    return EnvironmentTask(find(name)).make()


@pytest.mark.slow
def test_only_the_end_pays(server):
    with closing(made(server)) as env:
        observation, info = env.reset(options={"instance": "000001"})
        colour = observation.removeprefix("You stand before a ").removesuffix(" door.")
        assert info["admissible_commands"] == ("look", "blue", "green", "red", "white")
        observation, reward, over, _, info = env.step("look")
        assert (observation, reward, over) == (f"The door is {colour}.", 0.0, False)
        observation, reward, over, _, info = env.step(colour)
        assert (observation, reward, over, info["won"]) == ("The door opens.", 1.0, True, True)
        env.reset(options={"instance": "000001"})
        other = "red" if colour != "red" else "blue"
        assert env.step(other)[1:4] == (0.0, True, False)


@pytest.mark.slow
def test_the_seed_is_sent_and_two_sessions_are_apart(server):
    with closing(made(server)) as one, closing(made(server)) as other:
        doors = [one.reset(seed=seed)[0] for seed in range(8)]
        assert len({*doors}) > 1
        assert [other.reset(seed=seed)[0] for seed in range(8)] == doors
        one.reset(seed=0)
        assert one.step("look")[0] == doors[0].replace("You stand before a", "The door is").replace(
            " door.", "."
        )


@pytest.mark.slow
def test_what_the_servers_checks_turn_down_is_not_valid(server):
    with closing(made(server)) as env:
        env.reset(seed=0)
        observation, reward, over, _, info = env.step("x" * 201)
        assert "at most 200 characters" in observation
        assert (reward, over, info["valid"]) == (0.0, False, False)
        assert env.step("look")[4]["valid"]


@pytest.mark.slow
def test_a_server_that_breaks_is_a_fault_and_the_next_episode_begins_anew(server):
    with closing(made(server)) as env:
        env.reset(seed=0)
        with pytest.raises(RuntimeError, match=r"broke at step: it broke \(EXECUTION_ERROR\)"):
            env.step("break")
        assert env.reset(seed=0)[0].startswith("You stand")


@pytest.mark.slow
def test_a_full_server_says_so():
    with serving(sessions=1) as name, closing(made(name)) as one, closing(made(name)) as other:
        one.reset(seed=0)
        with pytest.raises(RuntimeError, match=r"CAPACITY_REACHED.*--live 1"):
            other.reset(seed=0)


def test_an_address_without_a_server_is_refused():
    pytest.importorskip("websockets", reason="pip install 'oreo-agent[openenv]'")
    with pytest.raises(LookupError, match=r"no OpenEnv server at http://127\.0\.0\.1:9 .*start it"):
        find("openenv:http://127.0.0.1:9")
    with pytest.raises(LookupError, match="name it openenv:http://HOST:PORT"):
        find("openenv:localhost:8000")
