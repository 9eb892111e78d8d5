"""Strategies of a user's own: by name, with settings, asked with care; and who may be chosen."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from made_agents import LEXICON, PROMPT, make_bundle

from oreo_agent.agent.engines import Request
from oreo_agent.agent.making import build_strategy, changed, decided, own_settings
from oreo_agent.agent.runtime import Agent
from oreo_agent.agent.strategies import Candidate, Decision, Reading, eligible, in_place_of
from oreo_agent.agent.strategies.best_of_k import BestOfK
from oreo_agent.agent.strategies.single import Greedy
from oreo_agent.cli import run
from oreo_agent.errors import EngineError, SettingError
from oreo_agent.model.compact import CompactPrompt
from oreo_agent.records.store import Store
from oreo_agent.rollouts.casting import Cast, deciding
from oreo_tasks.alfworld.lexicon import LEXICON as HOUSE

SAYS = '''
from dataclasses import dataclass
from oreo_agent.agent.strategies import Decision, spoken

@dataclass(frozen=True, kw_only=True)
class Says:
    """Says the same whatever happens."""

    k: int = 1
    command: str = "look"

    def __call__(self, engine, read, requests):
        said = spoken(read.prompt, self.command)
        return [Decision(strategy="says", chosen=0, candidates=(said,)) for _ in requests]

class Plain:
    def __call__(self, engine, read, requests):
        return Says()(engine, read, requests)

class Wants:
    def __init__(self, much): ...

class Mute: ...

class Breaks:
    def __call__(self, engine, read, requests):
        return [request.idz for request in requests]
'''


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with strategies in ``mine.py``."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "mine.py").write_text(SAYS)
    return tmp_path


def made(name: str, **settings: Any) -> Any:
    return build_strategy(name, settings, max_tokens=7)


def test_a_users_strategy_is_made_from_its_name_with_the_settings_of_its_dataclass(mine: Path):
    assert made("mine.py:Says", command="wait", k=2) == made("mine.py:Says", k=2, command="wait")
    assert made("mine.py:Says").command == "look"
    assert made("mine.py:Plain")(None, Reading(PROMPT), [Request(session="a", ids=(1,))])
    assert made("best-of-k", k=2) == BestOfK(k=2, max_tokens=7)
    assert made("best-of-k", max_tokens=9).max_tokens == 9
    assert changed(made("mine.py:Says"), {"k": 3}).k == 3


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        (
            "mine.py:Plain",
            {"k": 2},
            r"mine\.py:Plain: it has no settings, and k was given",
        ),
        ("mine.py:Says", {"kk": 2}, r"mine\.py:Says\.kk: no such setting; did you mean 'k'"),
        ("mine.py:Says", {"k": "x"}, r"mine\.py:Says\.k: wants an integer"),
        ("mine.py:Wants", {}, r"cannot be made: TypeError.*'much'"),
        ("mine.py:Mute", {}, "cannot be asked"),
        ("mine.py:SAYS", {}, "no attribute 'SAYS'"),
    ],
)
def test_a_strategy_that_cannot_be_made_says_why(
    mine: Path, name: str, settings: dict[str, Any], message: str
):
    with pytest.raises(SettingError, match=message):
        made(name, **settings)


def look(**changes: Any) -> Decision:
    said = Candidate(ids=(1,), text="look", command="look", ended=True)
    return Decision(**({"strategy": "s", "chosen": 0, "candidates": (said,)} | changes))


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda: None, "returned NoneType; return a list"),
        (lambda: look(), "returned Decision; return a list"),
        (lambda: [], "gave 0 decisions on 2 requests"),
        (lambda: [look()] * 3, "gave 3 decisions on 2 requests"),
        (lambda: [look(), "look"], "gave str on request 1; give a Decision"),
        (lambda: [look(), look(chosen=1)], "chose 1 of 1 candidates on request 1"),
        (lambda: [look(chosen=-1)] * 2, "chose -1 of 1 candidates on request 0"),
        (lambda: [look(candidates=())] * 2, "chose 0 of 0 candidates on request 0"),
        (lambda: [{}["gone"]], r"broke: KeyError: 'gone' \(.*test_own_strategies\.py, line \d+\)"),
    ],
)
def test_a_users_strategy_that_answers_nonsense_is_named(answer: Callable[[], Any], message: str):
    class Odd:
        def __call__(self, engine: Any, read: Any, requests: Any) -> Any:
            return answer()

    requests = [Request(session=name, ids=(1,)) for name in "ab"]
    with pytest.raises(SettingError, match=rf"strategy .*Odd {message}"):
        decided(Odd(), None, Reading(PROMPT), requests)  # type: ignore[arg-type]


def test_errors_that_say_what_to_do_and_those_of_our_own_strategies_stay_what_they_are():
    class Refuses:
        def __call__(self, engine: Any, read: Any, requests: Any) -> Any:
            raise EngineError("no")

    with pytest.raises(EngineError, match="no"):
        decided(Refuses(), None, Reading(PROMPT), [])  # type: ignore[arg-type]
    with pytest.raises(AttributeError):  # which the runner counts as a fault of that episode
        decided(Greedy(), None, Reading(PROMPT), [])  # type: ignore[arg-type]


def test_a_users_strategy_is_given_the_options_that_it_has_and_refuses_the_others(mine: Path):
    def told(**options: Any) -> dict[str, Any]:
        usual = {"k": 5, "temperature": None, "score": "value", "weight": None}
        return dict(deciding("agent", "mine.py:Says", **(usual | options)))

    assert told() == {"k": 5}
    assert dict(own_settings("mine.py:Plain", {}, {"k": 5})) == {}
    for option in ({"temperature": 0.5}, {"weight": 0.1}, {"only_admissible": True}):
        flag = next(iter(option)).replace("_", "-")
        with pytest.raises(SettingError, match=f"no setting .*leave --{flag} out"):
            told(**option)


# -- through the verbs ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that speaks of households."""
    folder = tmp_path_factory.mktemp("house")
    prompt = CompactPrompt(HOUSE)
    first = make_bundle(folder / "sft", seed=1, prompt=prompt)
    return make_bundle(folder / "oreo", seed=2, base=first, prompt=prompt)


@pytest.fixture
def oreo(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def told(*arguments: object) -> tuple[int, str, str]:
        code = run([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return told


def test_a_strategy_in_a_file_is_evaluated_collected_with_and_watched(mine: Path, house, oreo):
    games = ("--data", "generated", "--split", "valid_seen", "--step-limit", 2)
    own = ("--strategy", "mine.py:Says")
    code, out, err = oreo("eval", "--agent", house, *games, *own, "--episodes", 2, "--json")
    assert code == 0, err
    report = json.loads(out.splitlines()[-1])
    assert report["settings"]["strategy"].startswith("mine.py:Says@")
    assert report["settings"]["k"] == 5
    assert report["totals"]["valid"] == 1.0  # who only looks is never refused
    played = ("rollout", "--policy", house, *games, *own, "--episodes", 2)
    assert oreo(*played, "--out", mine / "a")[0] == 0
    (policy,) = {episode.policy for episode in Store.open(mine / "a")}
    assert policy.strategy == f"{report['settings']['strategy']} command=look k=5"
    commands = {s.command for e in Store.open(mine / "a") for s in e.segments if s.kind == "action"}
    assert commands == {"look"}
    code, out, err = oreo("play", "--agent", house, *games, *own, "--json")
    assert code == 0, err
    for name, words in (
        ("mine.py:Breaks", ("Breaks broke: AttributeError", "mine.py, line")),
        ("mine.py:Yours", ("'mine.py:Yours' cannot be imported", "no attribute 'Yours'")),
        ("gone.py:Says", ("there is no file gone.py",)),
        ("greedi", ("did you mean 'greedy'", "file.py:Class")),
    ):
        code, out, err = oreo("eval", "--agent", house, *games, "--strategy", name)
        assert (code, out) == (2, "")
        assert all(word in err.splitlines()[-1] for word in ("error: ", *words))


def test_another_file_under_the_same_name_is_another_policy(mine: Path):
    def name(folder: str, text: str) -> str:
        (mine / folder).mkdir()
        (mine / folder / "mine.py").write_text(text)
        return Cast(policy="b", strategy=f"{folder}/mine.py:Says").strategy_name.rpartition("@")[2]

    assert name("one", SAYS) == name("two", SAYS) != name("three", SAYS.replace('"look"', '"wait"'))
    assert Cast(policy="b", strategy="greedy").strategy_name == "greedy"


def test_only_admissible_commands_are_part_of_the_contract(mine: Path, house, oreo):
    games = ("--data", "generated", "--split", "valid_seen", "--step-limit", 2, "--episodes", 2)
    hashes, valid = set[str](), list[float]()
    for more in ((), ("--only-admissible",)):
        code, out, err = oreo("eval", "--agent", house, *games, *more, "--json")
        assert code == 0, err
        report = json.loads(out.splitlines()[-1])
        assert report["contract"]["only_admissible"] == bool(more)
        hashes.add(report["contract_hash"])
        valid.append(report["totals"]["valid"])
    assert len(hashes) == 2
    assert valid == [0.0, 1.0]  # noise speaks no command
    told = oreo("eval", "--agent", house, *games, "--only-admissible", "--strategy", "beam")
    assert told[0] == 2
    assert "nobody knows what is admissible" in told[2]


# -- who may be chosen ----------------------------------------------------------------------------

WORDS = ["", "look", "walk to den 1", "walk to den 2", "take key 1", "dance"]


def candidate(command: str, logp: float) -> Candidate:
    return Candidate(ids=(1,), logps=(logp,), text=command or "babble", command=command, ended=True)


CANDIDATES = some.lists(
    some.builds(candidate, some.sampled_from(WORDS), some.floats(-9, 0)), min_size=1, max_size=6
)
ADMISSIBLE = some.none() | some.lists(some.sampled_from(WORDS[1:]), max_size=4).map(tuple)


def asking(admissible: tuple[str, ...] | None) -> Request:
    return Request(session="a", ids=(1,), admissible=admissible)


@given(CANDIDATES, ADMISSIBLE, some.booleans())
def test_somebody_may_always_be_chosen_and_the_better_kind_alone(line, admissible, only: bool):
    may = eligible(line, asking(admissible), only_admissible=only)
    assert may
    assert may == sorted(set(may))
    commands = [line[i].command for i in may]
    if only and any(c.command in (admissible or ()) for c in line):
        assert set(commands) <= set(admissible or ())
        assert may == [i for i, c in enumerate(line) if c.command in (admissible or ())]
    elif any(c.command for c in line):
        assert may == [i for i, c in enumerate(line) if c.command]
    else:
        assert may == list(range(len(line)))


@given(CANDIDATES, ADMISSIBLE)
def test_what_is_said_in_their_place_is_admissible_and_can_be_said(line, admissible):
    can_say = [command for command in admissible or () if command != "dance"]
    fits = any(c.command in (admissible or ()) for c in line)
    if admissible and not can_say and not fits:
        with pytest.raises(SettingError):
            in_place_of(line, asking(admissible), PROMPT)
        return
    other = in_place_of(line, asking(admissible), PROMPT)
    if fits or not can_say:
        assert other is None
    else:
        assert other is not None
        assert other.command in can_say
        likeliest = max(line, key=lambda c: c.logp)
        assert in_place_of([likeliest], asking(admissible), PROMPT) == other
        whole = [*line, other]
        may = eligible(whole, asking(admissible), only_admissible=True)
        assert may == [len(line)]


@pytest.mark.parametrize("steps", ["dance", "dance " * 9])
def test_where_nothing_admissible_can_be_said_commands_and_format_are_named(steps):
    line, admissible = [candidate("look", -1.0)], (steps, "sing", "hum", "sleep")
    words = r"format 'compact' can say none of .*\('dance.*', 'sing', 'hum', \.\.\.\); name"
    with pytest.raises(SettingError, match=words):
        in_place_of(line, asking(admissible), PROMPT)
    assert in_place_of([candidate("hum", -1.0)], asking(admissible), PROMPT) is None


def test_the_nearest_command_is_said_in_the_place_of_the_likeliest():
    line = [candidate("walk to den 3", -1.0), candidate("take key 2", -2.0)]
    admissible = ("take key 1", "look", "walk to den 1")
    other = in_place_of(line, asking(admissible), PROMPT)
    assert other is not None
    assert other.command == "walk to den 1"
    assert other.ids == PROMPT.reply("walk to den 1")
    assert CompactPrompt(LEXICON).read(other.ids)[1] == other.command


def test_an_agent_takes_a_strategy_by_the_name_of_a_file(mine: Path, bundles):
    agent = Agent.load(bundles[1], strategy="mine.py:Says", k=2, device="cpu")
    assert agent.strategy.k == 2  # type: ignore[attr-defined]
    decision = agent.act(agent.begin("Nothing.", admissible=["look"]))
    assert (decision.choice.command, decision.choice.admissible) == ("look", True)
    assert len(decision.choice.logps) == decision.choice.tokens  # though nobody drew it
    with pytest.raises(SettingError, match="strategy Breaks broke"):
        agent.act(agent.begin("Nothing."), strategy="mine.py:Breaks")
