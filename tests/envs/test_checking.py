"""`envs check` is content with a sound environment, and sees each fault that was planted."""

import pytest
from own_environments import PLANTED

from oreo_envs.checking import RULES, bench_of, check
from oreo_envs.checking import strain as straining

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
    "Brittle": ("wild commands", "raises KeyError"),
    "OfItsProcess": ("workers", "in another process"),
    "Hoards": ("leaks", "bytes more"),
    "OpensFiles": ("leaks", "open files"),
}


def bench(name: str):
    return bench_of(f"{PLANTED}:{name}")


def told(rule: str, name: str) -> str:
    """What a rule finds, as `check` words it."""
    try:
        return RULES[rule][0](bench(name))
    except Exception as error:
        return f"{type(error).__name__}: {error}"


@pytest.mark.parametrize("rule", RULES)
def test_a_sound_environment_keeps_the_rule(rule):
    assert told(rule, "Sound") == ""


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_seen_by_its_rule_and_can_be_mended(name):
    rule, words = FAULTS[name]
    assert words in told(rule, name)
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


@pytest.mark.parametrize("name", ["oreo/FrozenLake-v0", "oreo/Taxi-v0"])
@pytest.mark.parametrize("rule", ["gymnasium", "determinism", "reward", "infos", "expert"])
def test_the_worlds_that_we_adapted_keep_the_rules(rule, name):
    assert RULES[rule][0](bench_of(name)) == ""
