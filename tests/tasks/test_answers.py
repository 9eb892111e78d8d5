"""What counts as an answer, and the verifiers that need no algebra."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oreo_tasks.answers import VERIFIERS, Verdict, load_verifier
from oreo_tasks.answers.marks import LOOKED_AT, last_mark

GENERAL = sorted(set(VERIFIERS) - {"derivation", "reasoning-gym"})
"""Those that do not belong to one task, whose gold has a form of its own."""


def right(name: str, text: str, gold: str) -> bool:
    return load_verifier(name)(text, gold) is Verdict.RIGHT


@pytest.mark.parametrize(
    ("text", "content"),
    [
        (r"so \boxed{12}.", "12"),
        (r"\boxed{\frac{1}{\sqrt{2}}} is it", r"\frac{1}{\sqrt{2}}"),
        (r"\boxed{1} no, \boxed{ 2 }", "2"),
        (r"\boxed{\fbox{3}}", "3"),
        (r"\fbox{A}", "A"),
        (r"\boxed 2", "2"),
        (r"$\boxed2$", "2"),
        (r"\boxed\pi", r"\pi"),
        (r"\boxed{\left\{1, 2\right\}}", r"\left\{1, 2\right\}"),
        (r"\boxed{1} and \boxed{2 was cut off", "1"),
        ("1 + 1 = 2\n#### 2", "2"),
        ("#### 3\n#### 4\nmore", "4"),
        (r"\boxed{5} so #### 6", "6"),
        ("#### 6 and " + r"\boxed{5}", "5"),
        ("So the answer is 7.", "7"),
        ("Answer: 7.5", "7.5"),
        ("**Answer:** 7", "7"),
        ("The final answer is: $x+1$. I hope it is correct.", "$x+1$"),
        ("the answer is 1. No, the answer is 2.", "2"),
        (r"The answer is 3. \boxed{4} The answer is 5.", "4"),
    ],
)
def test_an_answer_is_what_the_last_mark_says_and_a_box_outweighs_a_sentence(text, content):
    mark = last_mark(text)
    assert mark is not None
    assert mark.content == content


@pytest.mark.parametrize(
    "text",
    [
        "",
        "so it is 12",
        "12",
        r"\boxed{}",
        r"\boxed{12",
        "####",
        "#### \n12",
        "the answer",
        r"\boxed",
    ],
)
@pytest.mark.parametrize("name", GENERAL)
def test_what_is_not_marked_is_no_answer_and_therefore_wrong(name, text):
    gold = {"choice": "A", "yes-no": "yes"}.get(name, "12")
    verifier = load_verifier(name)
    assert verifier.answer(text) is None
    assert verifier(text, gold) is Verdict.WRONG


@pytest.mark.parametrize("name", GENERAL)
def test_without_a_gold_answer_nobody_knows(name):
    assert load_verifier(name)(r"\boxed{12}", " ") is Verdict.UNDECIDED


@pytest.mark.parametrize("name", GENERAL)
def test_verifiers_bear_the_names_they_are_loaded_by(name):
    assert load_verifier(name).name == name


def test_an_unknown_verifier_is_answered_with_the_nearest_name():
    with pytest.raises(LookupError, match="did you mean 'number'"):
        load_verifier("nubmer")


def test_without_its_package_the_math_verifier_says_what_to_install(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(LookupError, match=r"pip install 'oreo-agent\[math\]'"):
        load_verifier("math")


def test_only_the_end_of_a_long_text_is_looked_at():
    assert last_mark(r"\boxed{1}" + " " * LOOKED_AT) is None


@pytest.mark.parametrize(
    ("marked", "gold"),
    [
        ("1,234", "1234"),
        ("1,234,567.50", "1234567.5"),
        ("18.0", "18"),
        ("$18", "18"),
        ("18 dollars", "18"),
        ("18 dollars per hour.", "18"),
        ("$-5", "-5"),
        ("-$5", "-5"),
        ("18%", "18"),
        ("3/4", "0.75"),
        ("1 1/2", "1.5"),
        (r"\frac{3}{4}", "0.75"),
        (r"$\$18$", "18"),
        ("1.5e3", "1500"),
        ("5 million", "5000000"),
        ("x = 18", "18"),
        (".5", "0.5"),
        ("**18**", "18"),
        ("18 m^2", "18"),
        ("20 (in dollars)", "20"),
        ("0.1", "1/10"),
        ("٣", "3"),
    ],
)
def test_numbers_are_equal_by_value(marked, gold):
    assert right("number", f"#### {marked}", gold)
    assert right("number", f"#### {gold}", marked)


@pytest.mark.parametrize(
    ("marked", "gold"),
    [
        ("12", "21"),
        ("-5", "5"),
        ("0.333", "1/3"),
        ("0.30000000000000004", "0.3"),
        ("ten", "10"),
        ("1800", "18"),
        ("18.5", "18"),
        ("1/2", "2"),
        ("1e999", "1"),
        ("50%", "0.5"),
    ],
)
def test_another_number_is_wrong_and_nothing_is_rounded(marked, gold):
    assert load_verifier("number")(f"#### {marked}", gold) is Verdict.WRONG


@pytest.mark.parametrize(
    ("marked", "gold"),
    [
        ("18 or 19", "18"),
        ("1,23", "123"),
        ("18x", "18"),
        ("18 + 2", "18"),
        ("2-3", "2"),
        ("10:30", "10"),
        ("5 million", "5"),
        ("1/0", "1"),
        ("12", "twelve"),
        ("9" * 2000, "9"),
    ],
)
def test_what_is_not_one_number_is_never_right(marked, gold):
    open_question = (marked, gold) in (("5 million", "5"), ("12", "twelve"))
    verdict = Verdict.UNDECIDED if open_question else Verdict.WRONG
    assert load_verifier("number")(f"#### {marked}", gold) is verdict


def test_a_sentence_answers_with_a_number_only_if_one_comes_next():
    number = load_verifier("number")
    assert number.answer("The answer is the sum of 3 and 4.") is None
    assert number.answer("The answer is $7.50 in all.") == "$7.50 in all"


@given(st.integers(-(10**12), 10**12), st.integers(-(10**12), 10**12))
def test_two_integers_are_right_exactly_when_they_are_equal(one, other):
    assert right("number", f"#### {one:,}", str(other)) == (one == other)
    assert right("number", rf"\boxed{{{one}}}", str(one))


@pytest.mark.parametrize(
    "marked",
    ["B", "(B)", "B.", "b", "(b)", r"\text{(B)}", "B) a dog", "**B**", "option B", "B: dogs"],
)
def test_a_choice_is_its_letter_however_it_is_dressed(marked):
    assert right("choice", f"#### {marked}", "B")
    assert right("choice", f"The answer is {marked}", "(B)")
    assert not right("choice", f"#### {marked}", "A")


@pytest.mark.parametrize("marked", ["A dog", "a dog", "Both", "F", "BC", "7"])
def test_a_word_that_begins_with_a_letter_is_no_choice(marked):
    assert load_verifier("choice").answer(f"#### {marked}") is None


@pytest.mark.parametrize(
    "marked", ["yes", "Yes.", "TRUE", "true, because", r"\text{Yes}", "**yes**"]
)
def test_yes_is_yes_in_all_its_words(marked):
    verifier = load_verifier("yes-no")
    assert verifier.answer(f"So the answer is {marked}") == "yes"
    assert verifier(f"#### {marked}", "True") is Verdict.RIGHT
    assert verifier(f"#### {marked}", "no") is Verdict.WRONG


def test_words_are_equal_but_for_case_and_spaces():
    assert right("text", "#### The  blue Whale.", "the blue whale")
    assert not right("text", "#### The blue whales", "the blue whale")


@pytest.mark.parametrize("name", ["choice", "number", "text", "yes-no"])
@given(text=st.text(), gold=st.text())
def test_no_text_makes_a_verifier_fail(name, text, gold):
    verifier = load_verifier(name)
    for dressed in (text, f"#### {text}", rf"\boxed{{{text}}}", f"the answer is {text}"):
        assert verifier(dressed, gold) in Verdict
