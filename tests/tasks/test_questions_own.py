"""Questions of the user's own, those of reasoning-gym, and whether gold answers are right."""

import json
from pathlib import Path
from typing import Any

import pytest

from oreo_tasks import load_task
from oreo_tasks.answers import Verdict, load_verifier
from oreo_tasks.questions.custom import Questions
from oreo_tasks.questions.problem import Problem, QuestionTask
from oreo_tasks.questions.reasoning_gym import ReasoningGym

ROWS: list[dict[str, Any]] = [
    {"q": "How many?", "gold": {"a": 3}, "how": "One, two.\n#### 3", "key": "x", "sort": "easy"},
    {"q": "How few?", "gold": {"a": 2.5}, "how": None, "key": "b", "sort": 7},
]
TASK = Questions()


@pytest.fixture(autouse=True)
def nothing_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QUESTIONS_DATA", raising=False)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "own.jsonl"
    path.write_text("\n".join(map(json.dumps, ROWS)))
    return path


def problems(data: str, split: str = "all") -> list[Problem]:
    return [TASK.problem(row.id, split, data) for row in TASK.instances(split, data)]


def test_fields_are_read_as_the_user_says(file: Path):
    data = f"{file}?question=q&answer=gold.a&verifier=number"
    assert problems(data) == [
        Problem(
            id=f"all/0000{n}",
            question=row["q"],
            answer=str(row["gold"]["a"]),
            verifier="number",
            delimiters=("\n",),
        )
        for n, row in enumerate(ROWS)
    ]
    more = f"{data}&solution=how&id=key&type=sort&delimiter=. &delimiter=\\n&delimiter=%26?"
    found = problems(more)
    assert [p.id for p in found] == ["b", "x"]
    assert [p.solution for p in found] == ["", "One, two.\n#### 3"]
    assert [p.task_type for p in found] == ["7", "easy"]
    assert found[0].delimiters == (". ", "\n", "&?")


def test_truth_values_are_yes_and_no_for_their_verifier(tmp_path: Path):
    (tmp_path / "a.json").write_text('[{"q": "So?", "a": true}, {"q": "Not?", "a": false}]')
    data = f"{tmp_path / 'a.json'}?question=q&answer=a&verifier="
    assert [p.answer for p in problems(f"{data}yes-no")] == ["yes", "no"]
    assert [p.answer for p in problems(f"{data}text")] == ["True", "False"]


def test_split_in_the_name_of_the_file_makes_the_splits(tmp_path: Path, monkeypatch):
    for split in ("test", "train", "hard"):
        (tmp_path / split).mkdir()
        (tmp_path / split / f"{split}.csv").write_text(f"q,a\nIs it {split}?,1\n")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "else.csv").write_text("q,a\n")
    data = f"{tmp_path}/{{split}}/{{split}}.csv?question=q&answer=a&verifier=number"
    monkeypatch.setenv("QUESTIONS_DATA", data)
    assert TASK.splits() == TASK.splits(data) == ["train", "hard", "test"]
    assert [p.question for p in problems(data, "hard")] == ["Is it hard?"]
    assert TASK.fingerprint("hard", data) != TASK.fingerprint("test")
    with pytest.raises(FileNotFoundError, match="splits that are there: train, hard, test"):
        TASK.instances("valid", data)


@pytest.mark.parametrize(
    ("ask", "error", "says"),
    [
        ("", LookupError, "'question' is missing; the form is"),
        ("?question=q&answer=gold.a", LookupError, "'verifier' is missing"),
        ("?question=q&answer=gold.a&verifier=nubmer", LookupError, "did you mean 'number'"),
        ("?qestion=q&answer=gold.a&verifier=number", LookupError, "did you mean 'question'"),
        ("?question=q&question=q&answer=x&verifier=number", LookupError, "is there twice"),
        ("?question=key&answer=golf&verifier=number", ValueError, "line 1.*did you mean 'gold'"),
        ("?question=q&answer=gold.b&verifier=number", ValueError, "no field 'gold.b'"),
        ("?question=q&answer=gold&verifier=number", ValueError, "must hold text, not"),
        ("?question=q&answer=q&verifier=text&id=none", ValueError, "no field 'none'"),
    ],
)
def test_a_wrong_word_is_answered_with_the_nearest(file: Path, ask, error, says):
    with pytest.raises(error, match=says):
        TASK.instances("all", f"{file}{ask}")


def test_a_field_that_is_null_is_not_called_missing(tmp_path: Path):
    (tmp_path / "a.jsonl").write_text('{"q": null, "a": null}\n')
    with pytest.raises(ValueError, match="line 1: field 'q' is null, and must hold text"):
        TASK.instances("all", f"{tmp_path / 'a.jsonl'}?question=q&answer=a&verifier=text")


def test_what_is_not_there_is_missed_with_a_remedy(file: Path):
    form = "question=q&answer=gold.a&verifier=number"
    with pytest.raises(FileNotFoundError, match="name a file with --data or in QUESTIONS_DATA"):
        TASK.instances("all")
    with pytest.raises(FileNotFoundError, match="there is no file"):
        TASK.instances("all", f"{file}x?{form}")
    with pytest.raises(
        LookupError, match=r"a file without \{split\} in its name has no split 'test'"
    ):
        TASK.instances("test", f"{file}?{form}")
    with pytest.raises(LookupError, match="no problem 'all/00007'; the nearest is"):
        TASK.problem("all/00007", "all", f"{file}?{form}")


def test_a_changed_file_is_read_again(file: Path):
    data = f"{file}?question=q&answer=gold.a&verifier=number"
    before = TASK.fingerprint("all", data)
    file.write_text(json.dumps(ROWS[0]))
    assert TASK.fingerprint("all", data) != before


def golds(task: QuestionTask, split: str, data: str | None, step: int) -> list[str]:
    """Ids of the problems whose own solution is not judged right."""
    unlike: list[str] = []
    for row in task.instances(split, data)[::step]:
        problem = task.problem(row.id, split, data)
        verifier = load_verifier(problem.verifier or task.verifier)
        if verifier(problem.solution, problem.answer) is not Verdict.RIGHT:
            unlike.append(problem.id)
    return unlike


@pytest.mark.parametrize("data", ["easy", "medium", "hard", "puzzle"])
def test_every_solution_of_a_word_problem_is_right(data: str):
    task: Any = load_task("wordproblems")
    assert golds(task, "train", data, 40) == []


@pytest.mark.parametrize("name", ["gsm8k", "strategyqa", "openbookqa"])
def test_every_real_solution_is_right(name: str, shared_data: Path):
    task: Any = load_task(name)
    assert golds(task, "train", str(shared_data / "qa"), 20) == []


def test_every_question_task_says_how_its_answers_are_judged_and_its_steps_end():
    names = ("gsm8k", "math", "math500", "strategyqa", "openbookqa", "questions", "wordproblems")
    for name in names:
        task: Any = load_task(name)
        assert load_verifier(task.verifier).name == task.verifier
        assert task.delimiters[0] == "\n"
        assert task.environment.startswith("oreo/")


def test_without_its_package_reasoning_gym_names_the_extra(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(__import__("sys").modules, "reasoning_gym", None)
    with pytest.raises(ValueError, match=r"pip install 'oreo-agent\[gym\]'"):
        ReasoningGym().instances("train", "leg_counting?size=3&seed=12345")
    with pytest.raises(LookupError, match="name a data set"):
        ReasoningGym().instances("train")


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_reasoning_gym_is_judged_by_its_own_scorers():
    pytest.importorskip("reasoning_gym", reason="reasoning-gym is missing: extra [gym]")
    task: Any = ReasoningGym()
    for data in (
        "leg_counting?size=20",
        "countdown?size=20&min_numbers=4&max_numbers=4",
        "chain_sum",
    ):
        rows = {split: task.instances(split, data) for split in task.splits()}
        assert len(rows["train"]) == (500 if data == "chain_sum" else 20)
        assert golds(task, "test", data, 1 if "size" in data else 50) == []
        assert task.fingerprint("train", data) != task.fingerprint("valid", data)
    judge = load_verifier("reasoning-gym")
    problem = task.problem("train/00003", "train", "countdown?size=20")
    assert judge("#### 1 + 1", problem.answer) is Verdict.WRONG
    assert judge("1 + 1", problem.answer) is Verdict.WRONG
    assert judge(problem.solution, "countdown?size=1#7") is Verdict.UNDECIDED
    assert judge(problem.solution, "x") is Verdict.UNDECIDED
    for wrong, says in (
        ("countdwon", "did you mean 'countdown'"),
        ("countdown?foo=1", "foo"),
        ("countdown?min_numbers=-1", "min_numbers"),
        ("countdown?size=x", "size must be a whole number"),
    ):
        with pytest.raises(LookupError, match=says):
            task.instances("train", wrong)
