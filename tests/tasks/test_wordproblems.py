"""Word problems: told and worked out alike, in few words, and never the same in two splits."""

import hashlib
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from word_problem_reader import answer

from oreo_tasks.questions.problem import Problem
from oreo_tasks.wordproblems import SIZES, WordProblems
from oreo_tasks.wordproblems.derivation import Derivation
from oreo_tasks.wordproblems.puzzle import reachable, shortest_paths
from oreo_tasks.wordproblems.tiers import TIERS, tier
from oreo_tasks.wordproblems.words import WORDS, text, tokens

TASK = WordProblems()
STORIES = ("easy", "medium", "hard")
LINE = re.compile(r"(\d+) ([-+*/]) (\d+) = (\d+)")
WORK = {"+": int.__add__, "-": int.__sub__, "*": int.__mul__, "/": int.__truediv__}

BLOCK = 25
"""Problems that one example tries: drawing an example costs more than making a problem."""


def blocks(tiers: Iterable[str]) -> st.SearchStrategy[tuple[str, list[Problem]]]:
    """A tier, and problems of it that follow each other in a split."""
    return st.builds(
        lambda data, split, start: (data, [made(data, split, start + n) for n in range(BLOCK)]),
        st.sampled_from(list(tiers)),
        st.sampled_from(list(SIZES)),
        st.integers(0, 40).map(lambda turn: turn * BLOCK),
    )


def made(data: str, split: str, number: int) -> Problem:
    return TASK.problem(f"{data}/{split}/{number % SIZES[split]:05d}", split, data)


def everything(data: str, split: str, count: int | None = None) -> list[Problem]:
    return [TASK.problem(row.id, split, data) for row in TASK.instances(split, data)[:count]]


@given(blocks(TIERS))
@settings(max_examples=40)
def test_a_solution_works_out_to_its_answer_in_whole_numbers_within_the_tier(drawn):
    data, problems = drawn
    for problem in problems:
        *lines, final = problem.solution.split("\n")
        for line in lines:
            a, sign, b, c = LINE.fullmatch(line).groups()  # type: ignore[union-attr]
            assert WORK[sign](int(a), int(b)) == int(c)
            assert 0 <= int(c) <= TIERS[data].largest
        assert final == f"#### {lines[-1].split()[-1]}"
        assert problem.answer.split()[0] == final.removeprefix("#### ")
        assert TIERS[data].fewest <= len(lines) <= TIERS[data].most
        assert f"{len(lines)} steps" in problem.task_type


@given(blocks(TIERS))
@settings(max_examples=40)
def test_words_and_text_are_each_others_inverse(drawn):
    for problem in drawn[1]:
        both = f"{problem.question}\n{problem.solution}\n"
        for written in (problem.question, problem.solution, both):
            found = tokens(written)
            assert text(found) == written
            assert tokens(text(found)) == found


@pytest.mark.parametrize("data", STORIES)
def test_who_reads_only_the_english_comes_to_the_same_answer(data):
    for split in SIZES:
        for problem in everything(data, split, 500 if split == "train" else 100):
            assert str(answer(problem.question)) == problem.answer, problem


@given(blocks(STORIES))
@settings(max_examples=40)
def test_a_line_needs_only_numbers_that_are_told_or_worked_out_before(drawn):
    for problem in drawn[1]:
        known = {int(n) for n in re.findall(r"\d+", problem.question)}
        known |= {2} if re.search(r"\b(half|twice)\b", problem.question) else set()
        for a, _, b, c in LINE.findall(problem.solution):
            assert {int(a), int(b)} <= known
            known.add(int(c))


@given(blocks(STORIES))
@settings(max_examples=40)
def test_a_story_is_clean_english_as_far_as_a_machine_can_tell(drawn):
    for problem in drawn[1]:
        question = problem.question
        assert not re.search(r"[{}]|  | [.,?]|\b[01]\b", question)
        told = re.findall(r"[^.?]+[.?]", question)
        assert question.count("?") == 1
        assert question.endswith("?")
        assert all(sentence.strip()[0].isupper() for sentence in told)
        assert max(Counter(told).values()) == 1
        assert not re.match(r"(Then |Later |Next )?(He|She|His|Her)\b", question)


def test_the_vocabulary_is_small_and_every_word_of_it_occurs():
    used: set[str] = set()
    for data in (*TIERS, "hard?asides=3"):
        for problem in everything(data, "train", 700):
            for written in (problem.question, problem.solution):
                found = tokens(written)
                assert text(found) == written
                used.update(found)
    assert len(WORDS) == len(set(WORDS)) < 200
    assert used == set(WORDS)
    assert [word for word in WORDS if word.isdigit()] == list("0123456789")


@pytest.mark.parametrize("strange", ["Anna has x apples.", "12 % 5", "The", "a the Dog", "5 -- é"])
def test_a_word_that_is_none_is_named(strange):
    with pytest.raises(ValueError, match="is no word of word problems"):
        tokens(f"Anna {strange}")


@given(st.lists(st.sampled_from(WORDS)))
def test_any_words_make_a_text_as_a_model_may_write_any(words):
    assert [word for word in tokens(text(words)) if word != "'s"] == [
        word for word in words if word != "'s"
    ]


@pytest.mark.parametrize("data", TIERS)
def test_no_question_and_no_derivation_is_in_two_splits(data):
    splits = {split: everything(data, split, 1000) for split in SIZES}
    for sort in (lambda p: p.question, lambda p: (p.solution, p.answer)):
        found = [{sort(problem) for problem in problems} for problems in splits.values()]
        assert sum(map(len, found)) == len(set().union(*found))


@pytest.mark.parametrize("data", TIERS)
def test_a_split_has_its_size_and_its_lengths_are_about_equally_frequent(data):
    for split, size in SIZES.items():
        rows = TASK.instances(split, data)
        assert len({row.id for row in rows}) == len(rows) == size
        assert rows == sorted(rows, key=lambda row: row.id)
        lengths = Counter(row.task_type.removeprefix("numbers, ")[-7:] for row in rows)
        assert len(lengths) == TIERS[data].most - TIERS[data].fewest + 1
        assert min(lengths.values()) > 0.7 * size / len(lengths)
        assert len({row.task_type for row in rows[:: size // 16]}) > 1  # also of every 500th
        assert made(data, split, 7).task_type == rows[7].task_type


def test_few_questions_are_asked_twice_in_a_split():
    for data in TIERS:
        questions = [problem.question for problem in everything(data, "train", 1000)]
        assert len(questions) - len(set(questions)) <= 10


def test_a_problem_follows_from_its_id_alone_on_every_python():
    code = (
        "from oreo_tasks.wordproblems import WordProblems as W\n"
        "for d in ('puzzle', 'hard', 'medium', 'easy'):\n"
        "    print(W().problem(f'{d}/test/00123', 'test', d))"
    )
    alone = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    here = [made(data, "test", 123) for data in ("puzzle", "hard", "medium", "easy")]
    assert alone == "".join(f"{problem}\n" for problem in here)
    content = [
        f"{problem.question}\n{problem.solution}\n{problem.answer}"
        for data in TIERS
        for problem in everything(data, "valid", 50)
    ]
    assert hashlib.sha256("\n".join(content).encode()).hexdigest()[:16] == "4576eb2bda2dad38"


def test_the_fingerprint_follows_the_problems():
    prints = {
        TASK.fingerprint(split, data)
        for split in ("valid", "test")
        for data in ("easy", "easy?largest=49", "puzzle")
    }
    assert len(prints) == 6
    assert TASK.fingerprint("valid", "easy") == TASK.fingerprint("valid", "generated:easy")
    assert TASK.fingerprint("valid", "easy?largest=50") == TASK.fingerprint("valid")


@pytest.mark.parametrize(
    ("data", "steps", "largest"),
    [("medium?steps=2-3&largest=30", (2, 3), 30), ("hard?steps=8&asides=0", (8, 8), 500)],
)
def test_the_knobs_turn_what_they_say(data, steps, largest):
    problems = everything(tier(data).text, "valid", 60)
    lengths = {problem.solution.count("\n") for problem in problems}
    assert lengths == set(range(steps[0], steps[1] + 1))
    numbers = [int(n) for p in problems for n in re.findall(r"\d+", p.question + p.solution)]
    assert max(numbers) <= largest
    assert ("miles" in " ".join(p.question for p in problems)) == (tier(data).asides > 0)


@pytest.mark.parametrize("data", ["hard?steps=8&largest=20", "easy?steps=8&largest=20"])
def test_narrow_knobs_still_give_problems(data):
    data = tier(data).text
    assert all(problem.solution.count("\n") == 8 for problem in everything(data, "train", 20))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ("mediun", "did you mean 'medium'"),
        ("generated:esay", "did you mean 'easy'"),
        ("easy?step=3", "did you mean 'steps'"),
        ("easy?steps=9", "2 to 8, not 9-9"),
        ("easy?steps=x", "the form is"),
        ("easy?largest=5", "20 to 9999, not 5"),
        ("easy?largest", "the form is"),
        ("puzzle?asides=1", "0 in puzzles"),
    ],
)
def test_a_wrong_tier_or_knob_is_refused_with_the_right_one(data, says):
    with pytest.raises(LookupError, match=says):
        TASK.instances("train", data)


@pytest.mark.parametrize(
    "id",
    ["", "x", "easy/train/1", "easy/train/08000", "easy/test/00001", "hard/train/00001", "/easy"],
)
def test_an_id_that_is_no_problem_is_refused(id):
    with pytest.raises(LookupError, match="no word problem"):
        TASK.problem(id, "train", "easy")
    with pytest.raises(LookupError, match="did you mean 'train'"):
        TASK.problem(id, "trian", "easy")


JUDGE = Derivation()


def judged(problem: Problem, *lines: str) -> str:
    return JUDGE("\n".join(lines), problem.answer)


@given(st.integers(min_value=0))
@settings(max_examples=150)
def test_the_known_derivation_of_a_puzzle_is_right_and_no_part_of_it_is(number):
    problem = made("puzzle", "train", number)
    *lines, final = problem.solution.split("\n")
    assert JUDGE.answer(problem.solution) == problem.answer.split()[0]
    assert judged(problem, *lines, final) == "right"
    assert judged(problem, "I try this.", *lines, "So it is done.", final) == "right"
    for shorter in (lines[1:], lines[:-1], [], [*lines, lines[-1]]):
        assert judged(problem, *shorter, final) == "wrong"
    assert judged(problem, *lines) == "wrong"
    assert judged(problem, *lines, "#### 1") == "wrong"


NUMBERS, CHAIN = "18 from 3 4 6", "11 from 5 in 3 by +3 *2 -1"


@pytest.mark.parametrize(
    ("gold", "lines", "verdict"),
    [
        (NUMBERS, "3 * 4 = 12\n12 + 6 = 18\n#### 18", "right"),
        (NUMBERS, "4 × 3 = 12\n6 + 12 = 18.\n#### 18", "right"),
        (NUMBERS, "6 * 3 = 18\n#### 18", "wrong"),
        (NUMBERS, "6 * 3 = 18\n4 - 4 = 0\n#### 18", "wrong"),
        (NUMBERS, "3 * 4 = 13\n12 + 6 = 18\n#### 18", "wrong"),
        (NUMBERS, "9 + 9 = 18\n#### 18", "wrong"),
        (NUMBERS, "3 * 4 = 12\n12 + 6 = 18\n#### 19", "wrong"),
        (NUMBERS, "3 * 4 = 12 = 12\n12 + 6 = 18\n#### 18", "wrong"),
        (NUMBERS, "3 - 4 = -1\n12 + 6 = 18\n#### 18", "wrong"),
        (NUMBERS, "3 * 4 = 12\n12 + 6 = 18\n18 + 0 = 18\n#### 18", "wrong"),
        (NUMBERS, "#### 18", "wrong"),
        (NUMBERS, "", "wrong"),
        (CHAIN, "5 + 3 = 8\n8 - 1 = 7\n7 + 3 = 10\n#### 10", "wrong"),
        (CHAIN, "5 + 3 = 8\n8 + 3 = 11\n#### 11", "wrong"),
        (CHAIN, "5 - 1 = 4\n2 * 4 = 8\n8 + 3 = 11\n#### 11", "right"),
        (CHAIN, "5 + 1 = 6\n6 * 2 = 12\n12 - 1 = 11\n#### 11", "wrong"),
        (CHAIN, "5 - 1 = 4\n5 + 3 = 8\n8 + 3 = 11\n#### 11", "wrong"),
        ("", "3 * 4 = 12\n#### 12", "undecided"),
        ("18", "#### 18", "undecided"),
    ],
)
def test_every_legal_derivation_is_right_and_no_other(gold, lines, verdict):
    assert JUDGE(lines, gold) == verdict


@given(st.text(), st.sampled_from([NUMBERS, CHAIN, "", "x"]))
def test_whatever_a_model_writes_is_judged(written, gold):
    assert JUDGE(written, gold) != "right"
    assert JUDGE("1 + 1 = 2\n" * 50 + written + "####" * 50, gold) != "right"


def test_a_goal_can_be_reached_and_not_in_fewer_moves():
    for problem in everything("puzzle", "test", 300):
        goal, _, rest = problem.answer.partition(" from ")
        given = [int(n) for n in re.findall(r"\d+", rest)]
        if " by " not in rest:
            assert len(given) > 4 or reachable(given, int(goal))
            continue
        moves = {sign: int(n) for sign, n in re.findall(r"([-+*])(\d+)", rest)}
        assert int(goal) not in shortest_paths(given[0], moves, given[1] - 1, 10**6)
