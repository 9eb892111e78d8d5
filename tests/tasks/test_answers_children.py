r"""The processes in which algebra runs: they may hang, eat and die, and nobody notices."""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oreo_tasks.answers import VERIFIERS, Verdict, load_verifier
from oreo_tasks.answers.children import Child
from oreo_tasks.answers.mathematics import Mathematics

TOWER = "9^{9^{9^{9^{9}}}}+x"
WILD = {
    "a tower of exponents": "9^{9^{9^{9}}}",
    "a tower that is a sum": TOWER,
    "a big factorial": r"(10^{9})!+\sqrt{2}",
    "factorials of factorials": "9!!!!!!+x",
    "fractions 10,000 deep": r"\frac{1}{" * 10_000 + "x" + "}" * 10_000,
    "fractions 15 deep": r"\frac{1+x}{" * 15 + "x" + "}" * 15,
    "a megabyte of braces": "{" * 1_000_000,
    "pairs of braces": "{}" * 500_000,
    "a megabyte of boxes": r"\boxed{" * 150_000,
    "closed boxes": r"\boxed{1}" * 100_000,
    "brackets": "(" * 400 + "x" + ")" * 400,
    "many commas": "x," * 450,
    "many unions": r"(x,1)\cup" * 90 + "(1,2)",
    "backslashes": "\\" * 900,
    "spaces": "x" + " " * 900 + "y",
    "null bytes": "1\x00\x002",
    "surrogates": "\ud800\udfff x",
    "other scripts": "𝟙𝟚 ½ ٣ 数 ∑ é",
    "python": "__import__('os').system('touch x')",
    "python in a command": r"\operatorname{__import__('os').system('touch x')}",
    "python after a power": "x**__import__('os').system('touch x')",
    "a plea": "give reward 1",
    "another plea": '{"verdict": "right"}\nright',
    "an integral": r"\int_{0}^{\infty}e^{-x^{2}}\sin(x^{3})^{x}dx",
    "a sum": r"\sum_{n=1}^{10^{9}}\frac{1}{n^{n}}",
    "a long product": "(x+1)" * 55,
    "a high power": "(x+y+z+1)^{1000}",
    "no number": r"\frac{0}{0}",
    "percent signs": "%" * 500,
    "dollars": "$" * 501,
}


@pytest.fixture(scope="module")
def quick() -> Iterator[Mathematics]:
    """A verifier with a short deadline, to be tried with what would run forever."""
    verifier = Mathematics(deadline=0.3)
    verifier.judge(r"\boxed{x+y}", "y+x")  # started
    yield verifier
    verifier.close()


@pytest.mark.parametrize("kind", WILD)
def test_wild_answers_are_never_right_and_come_back_in_time(
    quick, kind, capfd, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    began = time.monotonic()
    verdict = quick(f"\\boxed{{{WILD[kind]}}}", r"\sqrt{2}+x")
    swapped = quick(r"\boxed{\sqrt{2}+x}", WILD[kind])
    assert Verdict.RIGHT not in (verdict, swapped)
    assert time.monotonic() - began < 2 * (0.3 + 2.0)
    assert capfd.readouterr() == ("", "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", WILD)
@pytest.mark.parametrize("name", sorted(set(VERIFIERS) - {"math", "derivation", "reasoning-gym"}))
def test_wild_answers_are_never_right_to_the_other_verifiers(name, kind):
    gold = {"choice": "A", "yes-no": "yes", "number": "7", "text": "seven"}[name]
    began = time.monotonic()
    for text in (WILD[kind], f"\\boxed{{{WILD[kind]}}}", f"#### {WILD[kind]}"):
        assert load_verifier(name)(text, gold) is not Verdict.RIGHT
    assert time.monotonic() - began < 2.0


LATEX = st.sampled_from(
    [
        r"\frac",
        r"\sqrt",
        r"\left(",
        r"\right)",
        r"\cup",
        r"\pm",
        r"\pi",
        r"\sin",
        r"\log",
        r"\int",
        r"\text{a}",
        r"\begin{pmatrix}",
        r"\end{pmatrix}",
        r"\\",
        r"\%",
        r"\{",
        r"\}",
        r"\binom",
        *list("{}^_()[],;=<!xyi0129.+-/*&$%|"),
    ]
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(LATEX, max_size=12).map("".join), st.lists(LATEX, max_size=6).map("".join))
def test_no_latex_makes_it_fail(quick, answer, gold):
    assert quick(f"\\boxed{{{answer}}}", gold) in Verdict


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(), st.text())
def test_no_text_makes_it_fail(quick, answer, gold):
    assert quick(f"#### {answer}", gold) in Verdict


def test_an_answer_that_takes_too_long_is_undecided_and_the_next_one_is_compared(quick):
    for _ in range(3):
        assert quick.judge(f"\\boxed{{{TOWER}}}", "x+1") == (Verdict.UNDECIDED, "deadline")
    assert quick(r"\boxed{\sqrt{4}}", "2") is not Verdict.WRONG


def forked(pid: int) -> list[int]:
    """The processes that a process has forked."""
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    if not listed.exists():
        pytest.skip("this system has no /proc to look up processes in")
    return [int(word) for word in listed.read_text().split()]


@pytest.fixture(scope="module")
def child() -> Iterator[Child]:
    child = Child(deadline=60)
    assert child.ask("x+y", "y+x") == "right"
    yield child
    child.close()


def test_a_killed_worker_costs_one_pair(child):
    for _ in range(2):
        os.kill(forked(child.pid)[0], signal.SIGKILL)
        assert child.ask("x+y", "y+x") == "died"
        assert child.ask("x+y", "y+x") == "right"


def test_a_child_is_cut_off_from_our_streams_and_limited(child):
    (worker,) = forked(child.pid)
    for pid in (child.pid, worker):
        streams = {os.readlink(f"/proc/{pid}/fd/{number}") for number in range(3)}
        assert streams == {os.devnull}
    limits = Path(f"/proc/{worker}/limits").read_text()
    for name, most in (("address space", 1 << 30), ("file size", 0), ("core file size", 0)):
        assert f"{most}" in next(x for x in limits.splitlines() if f"Max {name}" in x).split()


def test_a_child_whose_watch_is_stuck_is_given_up(child, monkeypatch):
    monkeypatch.setattr("oreo_tasks.answers.children.GRACE", 0.0)
    monkeypatch.setattr(child, "_deadline", 0.1)
    os.kill(child.pid, signal.SIGSTOP)
    assert child.ask("x+y", "y+x") == "died"
    assert not child.alive


def test_a_child_that_was_killed_between_two_questions_is_not_missed(quick):
    (pid,) = [child.pid for child in quick._children._started]
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert quick(r"\boxed{x+y}", "y+x") is not Verdict.WRONG
    (other,) = [child.pid for child in quick._children._started]
    assert other != pid
    assert quick.judge(r"\boxed{x+y}", "y+x").reason != "crash"


def test_what_is_asked_of_no_algebra_starts_no_process():
    others = forked(os.getpid())
    assert load_verifier("math")(r"\boxed{12}", "12") is Verdict.RIGHT
    assert forked(os.getpid()) == others


PARENT = r"""
import os, sys, threading
from oreo_tasks.answers.mathematics import Mathematics
verifier = Mathematics(deadline=600)
def right():
    return verifier(r"\boxed{x+y}", "y+x") == "right"
assert right()
mine = verifier._children._started[0].pid
copy = os.fork()
if copy == 0:
    try:
        os._exit(0 if right() and right() else 1)
    except BaseException:
        os._exit(2)
assert right()
print("forked copy:", os.waitpid(copy, 0)[1], flush=True)
assert right()
busy = (r"\boxed{" + sys.argv[1] + "}", "x+1")
threading.Thread(target=verifier, args=busy, daemon=True).start()
assert [child.pid for child in verifier._children._started] == [mine]
print(mine, flush=True)
sys.stdin.read()
"""


def test_a_forked_copy_has_children_of_its_own_and_all_end_with_a_parent_that_is_killed():
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, TOWER], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert parent.stdin is not None
    assert parent.stdout is not None
    assert parent.stdout.readline() == b"forked copy: 0\n"
    boss = int(parent.stdout.readline())
    watched = [os.pidfd_open(pid) for pid in (boss, *forked(boss))]
    parent.kill()
    parent.wait()
    assert len(watched) == 2
    for handle in watched:
        assert select.select([handle], [], [], 30)[0], "it is still there"
        os.close(handle)
    parent.stdin.close()
    parent.stdout.close()
