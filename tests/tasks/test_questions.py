"""Question sets: every published layout gives the same problems, and what is wrong is named."""

import csv
import gzip
import importlib.util
import json
import lzma
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from oreo_tasks import load_task
from oreo_tasks.questions.gsm8k import Gsm8k
from oreo_tasks.questions.hub import download
from oreo_tasks.questions.mathematics import Math, Math500, boxed
from oreo_tasks.questions.official import ANY_COUNT, OfficialQuestions
from oreo_tasks.questions.openbookqa import OpenBookQa
from oreo_tasks.questions.problem import Problem
from oreo_tasks.questions.prompts import INSTRUCTIONS, instructions
from oreo_tasks.questions.strategyqa import StrategyQa

Rows = list[dict[str, Any]]
TASKS: tuple[OfficialQuestions, ...] = (Gsm8k(), Math(), Math500(), StrategyQa(), OpenBookQa())


@pytest.fixture(autouse=True)
def nothing_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for task in TASKS:
        monkeypatch.delenv(task.published.variable, raising=False)


def write(path: Path, rows: Rows) -> Path:
    """Write rows in the format and packing that the path's ending names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kind = path.name[path.name.index(".") :]
    if kind == ".parquet":
        pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is missing: extra [questions]")
        parquet = pytest.importorskip("pyarrow.parquet")
        parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    elif kind == ".csv":
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)
    else:
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        content = json.dumps(rows) if kind.startswith(".json.") or kind == ".json" else lines
        packed = {".xz": lzma.compress, ".gz": gzip.compress}.get(path.suffix, bytes)
        path.write_bytes(packed(content.encode()))
    return path


def problems(task: OfficialQuestions, split: str, data: Path | str) -> list[Problem]:
    named = f"{data}{ANY_COUNT}"
    return [task.problem(row.id, split, named) for row in task.instances(split, named)]


GSM8K: Rows = [
    {
        "question": "Ann has 12 eggs \u2028and eats 3. How many are left?\n",
        "answer": "She has 12-3=<<12-3=9>>9.\n\nThat is <<9*1=9.0>>all.\n#### 9",
    },
    {"question": "What costs it?", "answer": "It costs $<<600+600=1200>>1,200.\n#### 1,200"},
]
MATH: Rows = [
    {
        "problem": "What is $\\frac12+\\frac12$?\n[asy]\ndraw((0,0)--(1,1));\n[/asy]",
        "level": "Level 1",
        "type": "Algebra",
        "solution": "First $\\boxed{2}$ halves. So $\\boxed{\\frac{2}{2}}$.",
    },
    {"problem": "Two?", "level": "Level ?", "type": "Geometry", "solution": "It is $\\boxed 2$"},
]
STRATEGY: Rows = [
    {
        "qid": "b1",
        "term": "Milk",
        "description": "drink",
        "question": "Is milk blue?",
        "answer": False,
        "facts": ["Milk is  white.", "White is not\nblue."],
        "decomposition": ["What colour is milk?", "Is #1 blue?"],
    },
    {"qid": "a2", "question": "Is it so?", "answer": True, "facts": [], "decomposition": ["So?"]},
]
OPENBOOK: Rows = [
    {
        "id": "7-980",
        "question": {
            "stem": "The sun is responsible for",
            "choices": [{"text": "puppies", "label": "A"}, {"text": "plants", "label": "B"}],
        },
        "answerKey": "B",
    }
]


def gsm8k_shared(rows: Rows) -> Rows:
    return [{"id": f"gsm8k/train/{n}", **row, "final": "x"} for n, row in enumerate(rows)]


def openbook_hub(rows: Rows) -> Rows:
    return [
        {
            "id": row["id"],
            "question_stem": row["question"]["stem"],
            "choices": {
                key: [choice[key] for choice in row["question"]["choices"]]
                for key in ("text", "label")
            },
            "answerKey": row["answerKey"],
        }
        for row in rows
    ]


def openbook_shared(rows: Rows) -> Rows:
    return [
        {
            "id": row["id"],
            "question": row["question"]["stem"],
            "choices": {c["label"]: c["text"] for c in row["question"]["choices"]},
            "answer": row["answerKey"],
        }
        for row in rows
    ]


Change = Callable[[Rows], Rows]
SAME: Change = list
LAYOUTS: dict[tuple[str, str], Change] = {
    ("gsm8k", "train.jsonl"): SAME,
    ("gsm8k", "train.json"): SAME,
    ("gsm8k", "train.csv"): SAME,
    ("gsm8k", "train.jsonl.gz"): SAME,
    ("gsm8k", "grade_school_math/data/train.jsonl"): SAME,
    ("gsm8k", "main/train-00000-of-00001.parquet"): SAME,
    ("gsm8k", "gsm8k_train.jsonl.xz"): gsm8k_shared,
    ("strategyqa", "strategyqa_train.json"): SAME,
    ("strategyqa", "strategyqa_train.jsonl.xz"): SAME,
    ("strategyqa", "strategyqa_train.parquet"): SAME,
    ("openbookqa", "train.jsonl"): SAME,
    ("openbookqa", "Data/Main/train.jsonl"): SAME,
    ("openbookqa", "OpenBookQA-V1-Sep2018/Data/Main/train.jsonl.gz"): SAME,
    ("openbookqa", "main/train-00000-of-00001.parquet"): openbook_hub,
    ("openbookqa", "openbookqa_train.jsonl.xz"): openbook_shared,
}
ROWS = {"gsm8k": GSM8K, "strategyqa": STRATEGY, "openbookqa": OPENBOOK}
EXPECTED = {
    "gsm8k": [
        Problem(
            id="train/00000",
            question="Ann has 12 eggs \u2028and eats 3. How many are left?",
            answer="9",
            solution="She has 12-3=9.\nThat is all.\n#### 9",
        ),
        Problem(
            id="train/00001",
            question="What costs it?",
            answer="1200",
            solution="It costs $1,200.\n#### 1200",
        ),
    ],
    "strategyqa": [
        Problem(id="a2", question="Is it so?", answer="yes", solution="So?\n#### yes"),
        Problem(
            id="b1",
            question="Is milk blue?",
            answer="no",
            solution="Milk is white.\nWhite is not blue.\n#### no",
        ),
    ],
    "openbookqa": [
        Problem(
            id="7-980",
            question="The sun is responsible for\nA. puppies\nB. plants",
            answer="B",
            solution="#### B",
        )
    ],
}


@pytest.mark.parametrize(("name", "file"), LAYOUTS)
def test_every_layout_gives_the_same_problems(tmp_path: Path, name: str, file: str):
    path = write(tmp_path / file, LAYOUTS[name, file](ROWS[name]))
    task = load_task(name)
    assert isinstance(task, OfficialQuestions)
    for data in (tmp_path, path):
        assert problems(task, "train", data) == EXPECTED[name]


MATH_EXPECTED = [
    Problem(
        id="train/algebra/24.json",
        question=MATH[0]["problem"],
        answer="\\frac{2}{2}",
        solution=MATH[0]["solution"],
        task_type="Algebra",
    ),
    Problem(
        id="train/geometry/3.json",
        question="Two?",
        answer="2",
        solution="It is $\\boxed 2$",
        task_type="Geometry",
    ),
]


@pytest.mark.parametrize("place", ["train", "MATH/train"])
def test_the_folders_of_math_are_read_and_give_the_ids(tmp_path: Path, place: str):
    for row, name in zip(MATH, ("algebra/24", "geometry/3"), strict=True):
        path = tmp_path / place / f"{name}.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(row))
    assert problems(Math(), "train", tmp_path) == MATH_EXPECTED


def test_math_in_other_layouts_has_the_same_problems(tmp_path: Path):
    ids = [problem.id for problem in MATH_EXPECTED]
    rows = [{"id": id, **row} for id, row in zip(ids, MATH, strict=True)]
    write(tmp_path / "one" / "math_train.jsonl.xz", rows)
    assert problems(Math(), "train", tmp_path / "one") == MATH_EXPECTED
    for row in MATH:
        folder = tmp_path / "hub" / row["type"].lower()
        write(folder / "train-00000-of-00001.parquet", [row])
    found = problems(Math(), "train", tmp_path / "hub")
    assert [p.id for p in found] == ["train/algebra/00000", "train/geometry/00000"]
    assert [(p.question, p.answer) for p in found] == [
        (p.question, p.answer) for p in MATH_EXPECTED
    ]


def test_math500_has_the_ids_that_it_was_published_with(tmp_path: Path):
    row = {**MATH[0], "unique_id": "test/algebra/24.json", "subject": "Algebra", "level": 1}
    write(tmp_path / "test.jsonl", [row])
    (problem,) = problems(Math500(), "test", tmp_path)
    assert (problem.id, problem.answer) == ("test/algebra/24.json", "\\frac{2}{2}")


def test_a_problem_without_an_answer_is_kept_but_not_listed(tmp_path: Path):
    rows = [{"id": str(n), **MATH[0]} for n in range(2)]
    rows[1]["solution"] = "There are $\\boxed{}$."
    data = f"{write(tmp_path / 'train.jsonl', rows)}{ANY_COUNT}"
    assert [row.id for row in Math().instances("train", data)] == ["0"]
    assert Math().problem("1", "train", data).answer == ""


def test_the_test_split_of_strategyqa_has_no_answers_and_is_listed(tmp_path: Path):
    rows = [{"qid": "q", "question": "Is it?"}]
    write(tmp_path / "strategyqa_test.json", rows)
    assert [(p.id, p.answer, p.solution) for p in problems(StrategyQa(), "test", tmp_path)] == [
        ("q", "", "")
    ]
    write(tmp_path / "strategyqa_train.json", rows)
    with pytest.raises(ValueError, match="must be true or false, not None"):
        problems(StrategyQa(), "train", tmp_path)


@pytest.mark.parametrize("layout", ["apart", "part"])
def test_the_authors_own_development_part_is_valid_where_files_tell(tmp_path: Path, layout: str):
    if layout == "apart":
        write(tmp_path / "train.json", STRATEGY[:1])
        write(tmp_path / "dev.json", STRATEGY[1:])
    else:
        parts = zip(STRATEGY, ("train", "dev"), strict=True)
        write(tmp_path / "strategyqa_train.json", [{**row, "part": p} for row, p in parts])
    task = StrategyQa()
    assert [p.id for p in problems(task, "fit", tmp_path)] == ["b1"]
    assert [p.id for p in problems(task, "valid", tmp_path)] == ["a2"]
    assert [p.id for p in problems(task, "train", tmp_path)] == ["a2", "b1"]


def many(count: int) -> Rows:
    return [{"question": f"Question {n}?", "answer": f"#### {n}"} for n in range(count)]


def test_fit_and_valid_part_the_training_split_by_the_question_alone(tmp_path: Path):
    task, rows = Gsm8k(), many(600)
    one = write(tmp_path / "one" / "train.jsonl", rows)
    two = write(tmp_path / "two" / "train.jsonl", [*reversed(rows), *rows[:300]])
    parts = {part: problems(task, part, one) for part in ("fit", "valid")}
    ids = [{p.id for p in found} for found in parts.values()]
    assert not ids[0] & ids[1]
    assert ids[0] | ids[1] == {p.id for p in problems(task, "train", one)}
    assert 15 < len(parts["valid"]) < 80
    for part, found in parts.items():
        again = {p.question for p in problems(task, part, two)}
        assert again == {p.question for p in found}
    inside = parts["valid"][0].id
    with pytest.raises(LookupError, match=f"split 'fit': no problem '{inside}'; the nearest is"):
        task.problem(inside, "fit", f"{one}{ANY_COUNT}")


def test_the_fingerprint_follows_the_problems_and_nothing_else(tmp_path: Path):
    def fingerprint(name: str, rows: Rows) -> str:
        return Gsm8k().fingerprint("train", f"{write(tmp_path / name, rows)}{ANY_COUNT}")

    one = fingerprint("train.jsonl", GSM8K)
    assert fingerprint("other.json", GSM8K) == one
    assert fingerprint("fewer.jsonl", GSM8K[:1]) != one
    assert fingerprint("turned.jsonl", GSM8K[::-1]) != one


def test_a_wrong_count_is_named_with_the_remedy_and_a_right_one_is_not(tmp_path: Path):
    path = write(tmp_path / "train.jsonl", many(7472))
    says = r"train\.jsonl: 7,472 problems, but the official split 'train' of GSM8K has 7,473.*any"
    for split in ("train", "fit"):
        with pytest.raises(ValueError, match=says):
            Gsm8k().instances(split, str(tmp_path))
    assert len(Gsm8k().instances("train", f"{path}{ANY_COUNT}")) == 7472
    write(tmp_path / "whole" / "train.jsonl", many(7473))
    assert len(Gsm8k().instances("train", str(tmp_path / "whole"))) == 7473


def test_the_environment_variable_names_the_data_when_nobody_else_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    write(tmp_path / "train.jsonl", GSM8K)
    monkeypatch.setenv("GSM8K_DATA", f"{tmp_path}{ANY_COUNT}")
    assert len(Gsm8k().instances("train")) == 2


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_what_is_not_there_is_missed_with_a_remedy(tmp_path: Path, task: OfficialQuestions):
    split, variable = task.splits()[-1], task.published.variable
    with pytest.raises(FileNotFoundError, match=f"{variable} is not set.*Fetch the official"):
        task.instances(split)
    with pytest.raises(FileNotFoundError, match=f"looked in {tmp_path} for .*{variable}"):
        task.instances(split, str(tmp_path))
    with pytest.raises(FileNotFoundError, match="there is no folder and no file"):
        task.instances(split, str(tmp_path / "nowhere"))
    with pytest.raises(LookupError, match="has no split 'tes'; did you mean 'test'"):
        task.instances("tes", str(tmp_path))


def test_a_file_named_after_another_split_is_not_taken(tmp_path: Path):
    path = write(tmp_path / "test.jsonl", GSM8K)
    with pytest.raises(FileNotFoundError, match="is named as the file of split 'test'"):
        Gsm8k().instances("train", f"{path}{ANY_COUNT}")


HOSTILE: dict[str, tuple[str, bytes, str]] = {
    "torn": (
        "train.jsonl",
        b'{"question": "a", "answer": "#### 1"}\n{"que',
        "line 2: no valid JSON",
    ),
    "list": ("train.jsonl", b'\n["a"]\n', "line 2: no JSON object"),
    "deep": ("train.jsonl", b"[" * 100_000, "line 1: no valid JSON"),
    "latin": ("train.jsonl", '{"question": "ä"}'.encode("latin-1"), "line 1: no valid JSON"),
    "surrogate": ("train.jsonl", b'{"question": "\\ud800", "answer": "#### 1"}', "no valid JSON"),
    "empty": ("train.jsonl", b"", "no problem in it"),
    "field": (
        "train.jsonl",
        b'{"questoin": "a", "answer": "#### 1"}',
        "no field 'question'; did you mean 'questoin'",
    ),
    "number": (
        "train.jsonl",
        b'{"question": 3, "answer": "#### 1"}',
        "'question' must hold text, not 3",
    ),
    "null": ("train.jsonl", b'{"question": "a", "answer": null}', "field 'answer' is null"),
    "final": ("train.jsonl", b'{"question": "a", "answer": "so 3"}', "does not end in '#### '"),
    "xz": ("train.jsonl.xz", b"\xfd7zXZ no", "cannot be unpacked"),
    "gz": ("train.jsonl.gz", b"\x1f\x8b", "cannot be unpacked"),
    "json": ("train.json", b'{"question": ', "no valid JSON"),
    "word": ("train.json", b'"a"', "neither a record nor a list"),
    "rows": ("train.json", b'[{"question": "a", "answer": "#### 1"}, 3]', "row 2: no JSON object"),
    "cells": ("train.csv", b"question,answer\na,#### 1,x\n", "line 2: 3 cells for 2 columns"),
    "columns": ("train.csv", b"question,question\n", "names a column twice"),
    "quotes": ("train.csv", b'question,answer\n"a"b,"c"\n', "line 2: no valid CSV"),
    "coding": ("train.csv", b"question\n\xff\n", "is not text in UTF-8"),
    "parquet": ("train.parquet", b"PAR1", "no valid Parquet"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_broken_file_is_named_with_the_place_of_the_fault(tmp_path: Path, name: str):
    file, content, says = HOSTILE[name]
    if file.endswith("parquet") and importlib.util.find_spec("pyarrow") is None:
        pytest.skip("pyarrow is missing: extra [questions]")
    (tmp_path / file).write_bytes(content)
    with pytest.raises(ValueError, match=f"{tmp_path / file}.*{says}"):
        Gsm8k().instances("train", f"{tmp_path}{ANY_COUNT}")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"answerKey": "C"}, "the answer 'C' is none of the choices A, B"),
        ({"question": {"stem": "x", "choices": [{"text": "a"}]}}, "choices are not understood"),
        ({"question": {"stem": "x"}}, "choices are not understood"),
        ({"question": {"stem": "x", "choices": {"A": "a"}}}, "a letter and a text each"),
        ({"question": {"stem": "x", "choices": {"A": "a", "B": 2}}}, "a letter and a text each"),
        ({"question": "x", "choices": {"text": ["a"], "label": ["A", "B"]}}, "not understood"),
    ],
)
def test_choices_that_make_no_sense_are_named(tmp_path: Path, change, says):
    data = write(tmp_path / "train.jsonl", [OPENBOOK[0] | change])
    with pytest.raises(ValueError, match=f"line 1: .*{says}"):
        OpenBookQa().instances("train", f"{data}{ANY_COUNT}")


def test_an_id_that_is_there_twice_is_named(tmp_path: Path):
    data = write(tmp_path / "train.jsonl", OPENBOOK * 2)
    with pytest.raises(ValueError, match=r"line 2: a second problem has the id '7-980'"):
        OpenBookQa().instances("train", f"{data}{ANY_COUNT}")


def test_without_pyarrow_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "train.parquet").write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(ValueError, match=r"needs pyarrow: pip install 'oreo-agent\[questions\]'"):
        Gsm8k().instances("train", f"{tmp_path / 'train.parquet'}{ANY_COUNT}")


def test_the_hub_is_asked_once_for_the_files_of_the_split(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    asked: list[tuple[str, Iterable[str]]] = []

    def snapshot_download(repository: str, *, repo_type: str, allow_patterns: list[str]) -> str:
        assert repo_type == "dataset"
        asked.append((repository, allow_patterns))
        return str(tmp_path)

    stub = SimpleNamespace(snapshot_download=snapshot_download)
    monkeypatch.setitem(sys.modules, "huggingface_hub", stub)
    download.cache_clear()
    write(tmp_path / "main" / "train-00000-of-00001.parquet", GSM8K)
    for _ in range(3):
        assert len(Gsm8k().instances("train", f"hub{ANY_COUNT}")) == 2
    ((repository, patterns),) = asked
    assert repository == "openai/gsm8k"
    assert "main/train-*.parquet" in patterns
    with pytest.raises(FileNotFoundError, match="hub has no copy with the official splits"):
        StrategyQa().instances("train", "hub")
    download.cache_clear()


def test_a_hub_that_cannot_be_reached_is_told_with_a_remedy(monkeypatch: pytest.MonkeyPatch):
    def snapshot_download(*args: object, **settings: object) -> str:
        raise ConnectionError("offline")

    stub = SimpleNamespace(snapshot_download=snapshot_download)
    monkeypatch.setitem(sys.modules, "huggingface_hub", stub)
    download.cache_clear()
    with pytest.raises(FileNotFoundError, match=r"could not be fetched .*\(offline\).*GSM8K_DATA"):
        Gsm8k().instances("train", "hub")


@pytest.mark.parametrize(
    ("solution", "answer"),
    [
        ("\\boxed{3}", "3"),
        ("\\boxed {a{b}c} or", "a{b}c"),
        ("\\boxed{1}, \\boxed{\\text{A \\} B}}", "\\text{A \\} B}"),
        ("\\boxed{\\begin{array}{c}1\\\\{2}\\end{array}}", "\\begin{array}{c}1\\\\{2}\\end{array}"),
        ("\\boxed 2$", "2"),
        ("\\boxed{", ""),
        ("\\boxed{}", ""),
        ("none", ""),
    ],
)
def test_the_last_box_is_the_answer(solution: str, answer: str):
    assert boxed(solution) == answer


def test_every_task_has_instructions_that_ask_for_its_own_mark():
    for task, texts in INSTRUCTIONS.items():
        verifier = load_task(task).verifier  # type: ignore[attr-defined]
        assert ("\\boxed" if verifier == "math" else "####") in texts["steps"]
    assert "one operation at a time" in instructions("wordproblems", "steps", "derivation")
    assert instructions("gsm8k", "steps") == INSTRUCTIONS["gsm8k"]["steps"]
    with pytest.raises(LookupError, match="no instructions for task 'gsm8k' in prompt format 'x'"):
        instructions("gsm8k", "x")


def test_all_real_problems_are_found_and_their_solutions_end_with_the_answer(shared_data: Path):
    data = str(shared_data / "qa")
    counts = {
        ("gsm8k", "train"): 7473,
        ("gsm8k", "fit"): 6973,
        ("gsm8k", "valid"): 500,
        ("math", "train"): 7498,
        ("math", "fit"): 6998,
        ("math", "valid"): 500,
        ("strategyqa", "train"): 2290,
        ("strategyqa", "fit"): 2061,
        ("strategyqa", "valid"): 229,
        ("openbookqa", "train"): 4957,
        ("openbookqa", "dev"): 500,
    }
    for (name, split), count in counts.items():
        task = load_task(name)
        assert isinstance(task, OfficialQuestions)
        rows = task.instances(split, data)
        assert len(rows) == count
        assert rows == sorted(rows, key=lambda row: row.id)
        for row in rows:
            problem = task.problem(row.id, split, data)
            last = problem.solution.rpartition("\n")[2]
            assert last == f"#### {problem.answer}" or boxed(problem.solution) == problem.answer
            assert "<<" not in problem.solution or name == "math"


def test_the_boxes_of_all_real_solutions_are_read_as_the_data_say(shared_data: Path):
    data = shared_data / "qa" / "math_train.jsonl.xz"
    with lzma.open(data, "rt", encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            assert boxed(row["solution"]) == row["answer"].strip()
