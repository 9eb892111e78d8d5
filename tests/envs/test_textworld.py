"""TextWorld's games as worlds: what is told, what is paid, and an engine that may die or grow.

The games are tiny and made once; nothing here is timed, and nothing waits.
"""

import json
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import gymnasium
import pytest
from gymnasium.error import ResetNeeded

import oreo_envs
from oreo_agent.rollouts import experts
from oreo_agent.rollouts.casting import Cast
from oreo_agent.rollouts.catalogue import shown
from oreo_agent.rollouts.collect import CollectSettings, collect
from oreo_agent.rollouts.stage import Stage
from oreo_envs.checking import RULES, bench_of
from oreo_envs.textworld.env import TextWorldEnv
from oreo_envs.textworld.expert import Walkthrough
from oreo_envs.textworld.host import EngineDied, Host
from oreo_tasks import load_task
from oreo_tasks.alfworld.generator import export
from oreo_tasks.textworld import games
from oreo_tasks.textworld.challenges import CHALLENGES, SIZES

GAMES = {
    "coin-collector": ["3/train/00000", "3/train/00001"],
    "cooking": ["1/train/00000"],
    "simple": ["detailed/train/00000"],
    "treasure-hunter": ["2/train/00000"],
}
stock = pytest.mark.stock


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache with `GAMES` in it."""
    folder = tmp_path_factory.mktemp("games")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        for kind, names in GAMES.items():
            games.prepare(CHALLENGES[kind], names)
    return folder


@pytest.fixture
def cache(made: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(made))
    return made / "oreo-agent" / "textworld" / games.version()


def world(kind: str, **settings: object) -> TextWorldEnv:
    level = GAMES[kind][0].partition("/")[0]
    return TextWorldEnv(task=f"textworld-{kind}", data=level, **settings)


@pytest.fixture
def coins(cache: Path) -> Iterator[TextWorldEnv]:
    env = world("coin-collector")
    yield env
    env.close()


def begin(env: TextWorldEnv, at: int = 0):
    kind = env._task.kind
    return env.reset(options={"instance": GAMES[kind][at]})


def follow(env: TextWorldEnv, slips: dict[int, str] | None = None):
    """Play as the expert does, who slips at some turns; returns every step's result."""
    observation, info = begin(env)
    expert, turns = Walkthrough(), []
    expert.begin(observation)
    while not (turns and (turns[-1][2] or turns[-1][3])):
        command = expert.act(observation, info)
        if (slip := (slips or {}).get(len(turns))) is not None:
            expert.replaced(slip)
            command = slip
        turns.append(env.step(command))
        observation, _, _, _, info = turns[-1]
    return turns


@stock
@pytest.mark.parametrize("kind", GAMES)
def test_each_kind_is_told_cleanly_and_won_by_its_walkthrough(kind: str, cache):
    env = world(kind)
    observation, info = begin(env)
    assert "$$" not in observation
    assert not any(line.startswith(">") or line != line.strip() for line in observation.split("\n"))
    assert "-= " in observation.split("\n")[1]  # the objective, then the room
    assert info["admissible_commands"] == sorted(set(info["admissible_commands"]))
    turns = follow(env)
    assert [turn[1] for turn in turns] == [0.0] * (len(turns) - 1) + [1.0]
    assert turns[-1][4]["won"]
    assert "RESTART" not in turns[-1][0]
    env.close()


@stock
def test_a_slip_is_taken_back(coins):
    straight = follow(coins)
    away = next(c for c in begin(coins)[1]["admissible_commands"] if c.startswith("go "))
    assert len(follow(coins, {0: "inventory"})) == len(straight) + 1
    assert len(follow(coins, {0: away})) in (len(straight), len(straight) + 2)
    last = len(straight) - 1
    back = next(c for c in straight[-2][4]["admissible_commands"] if c.startswith("go "))
    assert len(follow(coins, {last: back})) == len(straight) + 2


@stock
@pytest.mark.parametrize(
    "command", ["quit", "restart", "", "restore", "tw-trace-actions off", "look. look", "\x00", "é"]
)
def test_what_would_leave_the_game_never_reaches_it(coins, command: str):
    _, before = begin(coins)
    said, reward, terminated, truncated, info = coins.step(command)
    assert (said, reward, terminated, truncated) == (
        "That is not something you can do here.", 0.0, False, False,
    )  # fmt: skip
    assert info == {**before, "valid": False}


@stock
def test_what_the_game_understands_beyond_its_list_is_done_and_is_not_valid(coins):
    _, info = begin(coins)
    way = next(c for c in info["admissible_commands"] if c.startswith("go "))
    said, *_, after = coins.step(way.removeprefix("go ")[0])
    assert not after["valid"]
    begin(coins)
    assert coins.step(way)[0] == said


@stock
def test_the_step_limit_truncates_and_points_are_paid_on_request(cache):
    env = world("cooking", step_limit=4, score=True)
    turns = follow(env)
    assert [turn[3] for turn in turns] == [False, False, False, True]
    assert 0 < turns[-1][1] < 1  # an ingredient was taken, the meal is not cooked
    plain = world("cooking", step_limit=4)
    assert follow(plain)[-1][1] == 0.0
    with pytest.raises(ResetNeeded):
        plain.step("look")
    env.close()
    plain.close()


@stock
def test_an_engine_that_has_grown_plays_its_games_to_the_end_and_another_takes_the_next(cache):
    host, memory = Host(), 1
    path = str(cache / "coin-collector" / f"{GAMES['coin-collector'][0]}.z8")
    first = host.begin(path, memory)
    second = host.begin(path, memory)
    assert first.process != second.process
    assert first.step("look")["text"] == second.step("look")["text"]
    first.close()
    with pytest.raises(ProcessLookupError):
        os.kill(first.process, 0)
    assert second.step("look")["commands"] == second.opening["commands"]
    assert host.begin(path, 1 << 40).process != first.process
    host.close()


@stock
def test_an_engine_that_dies_is_a_fault_and_the_next_game_has_another(coins):
    begin(coins)
    os.killpg(coins._game.process, signal.SIGKILL)
    with pytest.raises(EngineDied, match="SIGKILL"):
        coins.step("look")
    with pytest.raises(EngineDied, match="begin the game again"):
        coins.step("look")
    observation, info = begin(coins)
    assert observation
    assert info["valid"]


@stock
def test_a_game_that_nobody_can_reach_any_more_is_let_go(cache):
    host = Host()
    path = str(cache / "coin-collector" / f"{GAMES['coin-collector'][0]}.z8")
    host.begin(path)
    game = host.begin(path)
    assert game._engine._live == {1}
    host.close()


@stock
def test_a_file_is_shown_with_what_a_model_reads_of_it(cache):
    file = cache / "coin-collector" / f"{GAMES['coin-collector'][0]}.z8"
    found = shown("oreo/TextWorld-v0", data=str(file), prompt="given")
    assert (found.instances, found.instance) == ({"train": 1}, file.name)
    assert "coin" in found.read
    assert found.entry.expert


@stock
def test_a_file_that_is_no_game_is_told(tmp_path, cache):
    (tmp_path / "broken.z8").write_bytes(b"no game")
    (tmp_path / "broken.json").write_text("{}")
    env = TextWorldEnv(data=str(tmp_path))
    with pytest.raises(RuntimeError, match="TextWorld broke"):
        env.reset()


@stock
def test_a_game_that_cannot_be_made_is_told(home):
    broken = replace(CHALLENGES["treasure-hunter"], settings=lambda *told: {})
    with pytest.raises(RuntimeError, match="'2/train/00000' was not made: KeyError"):
        games.prepare(broken, ["2/train/00000"])


@stock
def test_planned_games_are_played_by_the_names_that_their_walkthroughs_use(tmp_path, cache):
    export(tmp_path, "train", "small", 1)
    env = gymnasium.make("oreo/TextWorld-v0", data=str(tmp_path / "json_2.1.1")).unwrapped
    observation, info = env.reset()
    assert observation.startswith("You are in the middle of a room.")
    for command in info["walkthrough"]:
        _, reward, terminated, _, info = env.step(command)
    assert (reward, terminated, info["won"]) == (1.0, True, True)
    env.close()


@stock
def test_the_same_id_is_the_same_game_whoever_makes_it(home, cache, tmp_path, monkeypatch):
    name = GAMES["coin-collector"][0]
    first = (cache / "coin-collector" / f"{name}.json").read_text()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    told: list[tuple[int, int]] = []
    games.prepare(CHALLENGES["coin-collector"], [name], lambda *now: told.append(now))
    assert told == [(1, 1)]
    again = games.path_of(CHALLENGES["coin-collector"], name).with_name("00000.json").read_text()
    assert json.loads(again) == json.loads(first)
    assert not list(tmp_path.rglob(".making*"))


@stock
@pytest.mark.parametrize("rule", RULES)
def test_it_keeps_every_rule_of_the_check(rule: str, cache, monkeypatch):
    bench = bench_of("oreo/TextWorldCoinCollector-v0", data="3")
    monkeypatch.setitem(SIZES, "train", 2)  # Gymnasium's checker names no game
    assert RULES[rule][0](replace(bench, instances=GAMES["coin-collector"])) == ""


@stock
def test_rollouts_have_their_games_made_first_and_know_expert_and_chance(home, tmp_path, capfd):
    stage = Stage(task="oreo/TextWorldCoinCollector-v0", data="1")
    assert stage.task == "textworld-coin-collector"
    for policy in ("expert", "random"):
        cast = Cast(policy=policy, prompt="given", epsilon=0.5 if policy == "expert" else 0)
        summary = collect(
            CollectSettings(out=tmp_path / policy, stage=stage, cast=cast, episodes=1)
        )
        assert (summary.played, summary.faults) == (1, 0)
        assert ("1/1 games made" in capfd.readouterr().err) == (policy == "expert")


@stock
def test_its_words_are_those_of_its_first_games(made, cache, monkeypatch):
    for module in ("oreo_envs.words", "oreo_agent.rollouts.experts"):
        monkeypatch.setattr(f"{module}.GAMES", 1)
    words = experts.world_words("textworld-coin-collector", "3")
    assert {"coin", "take", "go", "look"} <= set(words)


def test_the_registered_worlds_belong_to_tasks():
    for name, told in oreo_envs.REGISTRATIONS.items():
        if "TextWorld" in name:
            assert load_task(told.task).environment == name
