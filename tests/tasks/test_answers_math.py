r"""Mathematical answers: what is equal, what is not, and what nobody can tell."""

import itertools
import json
import lzma
import pickle
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oreo_tasks.answers import Verdict, load_verifier
from oreo_tasks.answers.latex import joined, spelled
from oreo_tasks.answers.mathematics import Mathematics


@pytest.fixture(scope="module")
def mathematics() -> Iterator[Mathematics]:
    verifier = Mathematics(deadline=20, processes=2)  # seconds enough for a busy machine
    yield verifier
    verifier.close()


SAME = [
    (r"\dfrac12", r"\frac{1}{2}"),
    (r"\frac{\sqrt3}2", r"\tfrac{\sqrt{3}}{2}"),
    (r"\left(1, 2\right)", "(1,2)"),
    ("0.5", r"\frac12"),
    (".5", "0.5"),
    ("-1/2", r"-\frac{1}{2}"),
    (r"1\frac12", "3/2"),
    (r"10,\!000", "10000"),
    ("10,000", "10{,}000"),
    (r"1.5 \times 10^{3}", "1500"),
    (r"12\text{ inches}", "12"),
    ("12 inches", "12"),
    (r"\frac73\,\mbox{ cm}^2", r"\frac{7}{3}"),
    (r"\$18.90", "18.90"),
    (r"50\%", "50"),
    (r"90^\circ", "90"),
    ("90 degrees", r"90^{\circ}"),
    ("x = 3", "3"),
    ("12.", "12"),
    (r"\text{(B)}", "B"),
    ("B", r"\text{(B)}"),
    ("Monday", r"\text{monday}"),
    (r"\text{A, D, F}", "F, A, D"),
    ("3, 1, 2", "1,2,3"),
    (r"\{3, 1\}", r"\left\{1,3\right\}"),
    (r"x \in [0, 1)", "[0,1)"),
    (r"(-\infty, 2) \cup [5, 7]", r"[5,7]\cup(-\infty,2)"),
    (r"\begin{pmatrix} 1/2 \\ -3 \end{pmatrix}", r"\begin{bmatrix}0.5\\-3\end{bmatrix}"),
    (r"2, 3, \text{ and } 4", "2,3,4"),
    ("1101_2", "1101_{2}"),
    ("x^10", "x^{10}"),
    ("−5", "-5"),
]
DIFFERENT = [
    ("12", "21"),
    ("(1,2)", "[1,2]"),
    ("(1,2)", "(1,2]"),
    ("(1,2)", "(2,1)"),
    ("1/2", "2"),
    (".5", "5"),
    ("0.333", r"\frac13"),
    ("0.3333333333333333", r"\frac13"),
    ("1,2", "1,3"),
    ("1,2", "1,2,3"),
    (r"\{1,2\}", r"\{1,4\}"),
    ("-3", "3"),
    (r"1\frac12", r"\frac12"),
    ("Monday", "Tuesday"),
    ("two", "2"),
    ("B", r"\text{(A)}"),
    ("1101_2", "1011_2"),
    (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{pmatrix}2\\1\end{pmatrix}"),
    (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{pmatrix}1&2\end{pmatrix}"),
    ("10,000", "10"),
]
UNKNOWN = [
    ("x = 3", "y = 3"),
    ("5 cm", "5 feet"),
    (r"5\text{ million}", "5"),
    (r"8:34\text{ a.m.}", r"8:34\text{ p.m.}"),
    ("1101_2", "1101"),
    ("(1,2)", "1,2"),
    (r"1 \pm \sqrt{2}", r"1+\sqrt2, 1-\sqrt2"),
    ("CBAD", "ABCD"),
    ("1/2x", r"\frac{x}{2}"),
    ("x < 3", r"(-\infty, 3)"),
    ("1" * 1500, "1"),
    ("2 3", "6"),
]
SAME_BY_ALGEBRA = [
    (r"\sqrt{8}", r"2\sqrt2"),
    ("y + x", "x+y"),
    ("0.5x", r"\frac{x}{2}"),
    ("2(5)", "10"),
    ("n + 7 - 7", "n"),
    ("3 > x", "x < 3"),
    ("2x + 4y = 2", "x+2y-1=0"),
    (r"\left(\sqrt{4}, \frac{\pi}{2}\right)", r"(2, 0.5\pi)"),
    ("y = 2x + 3", "3+2x"),
    ("x^{2} - 1", "(x-1)(x+1)"),
]
DIFFERENT_BY_ALGEBRA = [
    ("x^2", "x^3"),
    (r"3\sqrt2", r"2\sqrt3"),
    (r"\sqrt2", "1.414213562373095"),
    ("2(5)", "7"),
    ("(2)(3)", "5"),
    (r"\frac{12}{3}4", "8"),
    ("2C+1", "1+2c"),
    ("3c", "3"),
    (r"x \le 3", "x < 3"),
    ("2x - y = 0", "x - 2y = 0"),
    ("-x", "x"),
    ("10^{-20}x", r"2\cdot 10^{-20}x"),
    (r"\sqrt{10^{40}+1}", "10^{20}"),
]
BELIEVED_OF_NOBODY = [("x^2+1=0", "x^2+4=0"), ("0.56 = 57", "0.56 = 56"), ("1 < 2", "3 < 4")]


@pytest.mark.parametrize(("answer", "gold"), SAME)
def test_spellings_of_one_answer_are_right_without_algebra(mathematics, answer, gold):
    assert mathematics.judge(rf"\boxed{{{answer}}}", gold) == (Verdict.RIGHT, "exact")
    assert mathematics.judge(rf"\boxed{{{gold}}}", answer) == (Verdict.RIGHT, "exact")


@pytest.mark.parametrize(("answer", "gold"), DIFFERENT)
def test_another_answer_is_wrong_without_algebra(mathematics, answer, gold):
    assert mathematics.judge(rf"\boxed{{{answer}}}", gold) == (Verdict.WRONG, "exact")
    assert mathematics.judge(rf"\boxed{{{gold}}}", answer) == (Verdict.WRONG, "exact")


@pytest.mark.parametrize(("answer", "gold"), UNKNOWN)
def test_what_cannot_be_compared_is_undecided(mathematics, answer, gold):
    assert mathematics(rf"\boxed{{{answer}}}", gold) is Verdict.UNDECIDED
    assert mathematics(rf"\boxed{{{gold}}}", answer) is Verdict.UNDECIDED


@pytest.mark.parametrize(("answer", "gold"), SAME_BY_ALGEBRA)
def test_algebra_finds_equal_what_is_equal(mathematics, answer, gold):
    assert mathematics.judge(rf"\boxed{{{answer}}}", gold) == (Verdict.RIGHT, "algebra")


@pytest.mark.parametrize(("answer", "gold"), DIFFERENT_BY_ALGEBRA)
def test_algebra_finds_different_what_is_different(mathematics, answer, gold):
    assert mathematics.judge(rf"\boxed{{{answer}}}", gold) == (Verdict.WRONG, "algebra")
    assert mathematics.judge(rf"\boxed{{{gold}}}", answer) == (Verdict.WRONG, "algebra")


@pytest.mark.parametrize(("answer", "gold"), BELIEVED_OF_NOBODY)
def test_relations_that_say_nothing_are_not_found_equal(mathematics, answer, gold):
    assert mathematics(rf"\boxed{{{answer}}}", gold) is Verdict.UNDECIDED


@given(st.integers(-999, 999), st.integers(1, 99), st.integers(-999, 999), st.integers(1, 99))
def test_two_fractions_are_right_exactly_when_their_values_are_equal(a, b, c, d):
    verdict = load_verifier("math")(rf"\boxed{{\frac{{{a}}}{{{b}}}}}", f"{c}/{d}")
    assert verdict is (Verdict.RIGHT if a * d == b * c else Verdict.WRONG)


@given(st.text(alphabet=r"\{}^_ 12ax/.,()[]+-$%=&\frac\sqrt\text\left\right", max_size=60))
def test_a_normal_form_is_its_own_normal_form(text):
    once = joined(spelled(text))
    assert joined(spelled(once)) in (once, joined(spelled(joined(spelled(once)))))


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("The answer is $x+1$, as was to be shown", "x+1"),
        ("The answer is 3x + 1.", "3x + 1"),
        ("The answer is Monday.", "Monday"),
        ("The answer is not yet known.", None),
        ("The answer is the sum of both.", None),
    ],
)
def test_a_sentence_answers_only_with_what_looks_like_an_answer(mathematics, text, answer):
    assert mathematics.answer(text) == answer


def test_many_pairs_are_answered_in_their_order_by_several_processes(mathematics):
    pairs = [(r"\boxed{x+1}", "1+x"), (r"\boxed{x+1}", "2+x"), ("none", "x"), ("#### 2", "2")]
    words = ["right", "wrong", "wrong", "right"]
    assert mathematics.verify_many(pairs * 5) == words * 5
    copy = pickle.loads(pickle.dumps(mathematics))
    assert copy.verify_many(pairs[2:]) == words[2:]


def test_a_closed_verifier_opens_again():
    verifier = Mathematics()
    verifier.close()
    assert verifier("#### 2", "2") is Verdict.RIGHT


def read(path: Path) -> list[dict[str, str]]:
    with lzma.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def test_every_gold_solution_of_the_real_sets_is_right(shared_data: Path, mathematics):
    number = load_verifier("number")
    problems = read(shared_data / "qa" / "gsm8k_train.jsonl.xz")
    assert all(number(p["answer"], p["final"]) is Verdict.RIGHT for p in problems)
    problems = read(shared_data / "qa" / "math_train.jsonl.xz")
    judged = Counter(mathematics.judge(p["solution"], p["answer"]) for p in problems)
    assert judged == {(Verdict.RIGHT, "exact"): 7498, (Verdict.UNDECIDED, "no gold"): 2}


def test_no_next_answer_of_the_real_sets_is_right_unless_it_is_the_same(shared_data: Path):
    number = load_verifier("number")
    finals = [p["final"] for p in read(shared_data / "qa" / "gsm8k_train.jsonl.xz")]
    for one, other in itertools.pairwise(finals):
        same = float(one.replace(",", "")) == float(other.replace(",", ""))
        assert (number(f"#### {other}", one) is Verdict.RIGHT) == same
