"""`envs check` is content with a sound environment, and sees each fault that was planted."""

import pytest
from own_environments import PLANTED

from oreo_envs.checking import RULES, bench_of, check
from oreo_envs.checking import strain as straining
from oreo_envs.checking.walks import WALKS

FAULTS = {
    "NoSuper": ("gymnasium", "super().reset"),
    "Numbers": ("gymnasium", "TextAdapter"),
    "Unseeded": ("determinism", "and then"),
    "Remembers": ("memory", "after other episodes"),
    "Alike": ("instances", "exactly alike"),
    "OtherName": ("instances", "info['instance'] is 'x'"),
    "Shaped": ("reward", "0.1"),
    "Generous": ("reward", "20.0"),
    "WonUnpaid": ("reward", "won True"),
    "Cramped": ("spaces", "is not in Text"),
    "LateKey": ("infos", "prize"),
    "WrongType": ("infos", "was bool and is 1"),
    "Promises": ("commands", "'fly'"),
    "Twice": ("commands", "twice"),
    "Shared": ("side by side", "beside another"),
    "Misread": ("prompt", "is read as 'take'"),
    "Hopeless": ("expert", "won none"),
    "Mistyped": ("expert", "planted_nowhere:Expert cannot be imported: ModuleNotFoundError"),
    "Stumbling": ("expert", "breaks: instance '000000', reset: KeyError: 'A red"),
    "Brittle": ("wild commands", "raises KeyError"),
    "Leaves": ("wild commands", "raises SystemExit"),
    "PaysForNonsense": ("wild commands", "and wins"),
    "OfItsProcess": ("workers", "in another process"),
    "Hoards": ("leaks", "bytes more"),
    "OpensFiles": ("leaks", "open files"),
}


def bench(name: str):
    return bench_of(f"{PLANTED}:{name}")


def told(rule: str, name: str, monkeypatch) -> str:
    """What a rule finds, as `check` words it."""
    monkeypatch.setattr("oreo_envs.checking.RULES", {rule: RULES[rule]})
    (found,) = check(f"{PLANTED}:{name}")
    assert found.passed is not None
    return found.fault


@pytest.mark.parametrize("rule", RULES)
def test_a_sound_environment_keeps_the_rule(rule, monkeypatch):
    assert told(rule, "Sound", monkeypatch) == ""


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_seen_by_its_rule_and_can_be_mended(name, monkeypatch):
    rule, words = FAULTS[name]
    assert words in told(rule, name, monkeypatch)
    assert RULES[rule][1]


def test_an_environment_that_is_slow_by_the_clock_is_seen():
    slow = bench("Slow")
    clock = slow.make().unwrapped.__class__
    assert straining.speed(slow, lambda: clock.clock).endswith("steps a second")
    assert straining.speed(bench("Sound"), lambda: clock.clock) == ""


def test_whatever_a_rule_meets_is_a_finding_and_the_other_rules_go_on(monkeypatch):
    def broken(bench):
        raise RuntimeError("the floor\ngave way")

    monkeypatch.setattr(
        "oreo_envs.checking.RULES", {"a": (broken, "mend it"), "b": RULES["spaces"]}
    )
    first, second = check(f"{PLANTED}:Sound")
    assert (first.passed, first.fault, first.remedy) == (
        False, "RuntimeError: the floor gave way", "mend it",
    )  # fmt: skip
    assert (second.passed, second.remedy) == (True, "")


def test_a_rule_that_lacks_its_package_is_neither_kept_nor_broken(monkeypatch):
    monkeypatch.setattr("oreo_envs.checking.RULES", {"wild": RULES["wild commands"]})
    monkeypatch.setattr(straining.importlib.util, "find_spec", lambda name: None)
    (found,) = check(f"{PLANTED}:Sound")
    assert found.passed is None
    assert "pip install hypothesis" in found.fault


def some(*rules):
    """A few of the rules."""
    return {rule: RULES[rule] for rule in rules}


def test_a_rule_without_anything_to_be_tried_on_says_so(monkeypatch):
    monkeypatch.setattr("oreo_envs.checking.RULES", some("reward", "commands", "prompt", "expert"))
    found = {each.rule: each for each in check(f"{PLANTED}:Silent")}
    assert {rule: each.passed for rule, each in found.items()} == {
        "reward": True, "commands": None, "prompt": None, "expert": None,
    }  # fmt: skip
    assert "no admissible commands" in found["commands"].fault
    assert "without an expert" in found["expert"].fault


@pytest.mark.parametrize("name", ["Mistyped", "Stumbling"])
def test_what_an_expert_breaks_is_the_experts_fault_alone(name, monkeypatch):
    monkeypatch.setattr(
        "oreo_envs.checking.RULES", some("determinism", "reward", "infos", "expert")
    )
    assert [each.rule for each in check(f"{PLANTED}:{name}") if not each.passed] == ["expert"]


def test_a_world_that_ends_the_process_is_checked_to_the_end(monkeypatch):
    monkeypatch.setattr("oreo_envs.checking.RULES", some("determinism", "wild commands", "workers"))
    found = list(check(f"{PLANTED}:LeavesAtOnce"))
    assert [(each.passed, each.fault) for each in found] == [
        (False, "SystemExit: no game here")
    ] * 3


def test_an_expert_plays_each_instance_once(monkeypatch):
    begun = []
    expert = bench("Sound").expert
    monkeypatch.setattr(expert, "begin", lambda self, observation: begun.append(observation))
    monkeypatch.setattr("oreo_envs.checking.RULES", some("reward", "prompt", "expert"))
    assert all(each.passed for each in check(f"{PLANTED}:Sound"))
    assert len(begun) == WALKS


@pytest.mark.parametrize("rule", RULES)
def test_our_own_questions_keep_the_rule_or_it_is_not_tried(rule, monkeypatch):
    monkeypatch.setattr("oreo_envs.checking.RULES", some(rule))
    (found,) = check("oreo/WordProblems-v0")
    assert found.passed is not False, found.fault
    assert (found.passed is None) == (rule in ("commands", "prompt"))


@pytest.mark.parametrize("name", ["oreo/FrozenLake-v0", "oreo/Taxi-v0"])
@pytest.mark.parametrize("rule", ["gymnasium", "determinism", "reward", "infos", "expert"])
def test_the_worlds_that_we_adapted_keep_the_rules(rule, name):
    assert RULES[rule][0](bench_of(name)) == ""
