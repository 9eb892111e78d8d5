"""Logs become episodes, once each, and are held against the world that they are of."""

import json
import lzma
import subprocess
import sys
from pathlib import Path

import pytest
from made_logs import GAME, OPENING, TASK, bring, row

from oreo_agent.errors import DataError, SettingError
from oreo_agent.records.store import Store
from oreo_agent.rollouts.casting import Cast
from oreo_agent.rollouts.checking import check_store
from oreo_agent.rollouts.collect import CollectSettings, collect
from oreo_agent.rollouts.exporting import export, export_formats
from oreo_agent.rollouts.importing import ImportSettings, import_logs
from oreo_agent.rollouts.stage import Stage
from oreo_agent.rollouts.telling import make_teller


@pytest.fixture(scope="module")
def played(tmp_path_factory) -> Path:
    """Six generated games as an expert plays them, commands alone."""
    out = tmp_path_factory.mktemp("played") / "store"
    collect(
        CollectSettings(
            out=out,
            stage=Stage(data="generated", split="valid_seen"),
            cast=Cast(policy="expert", prompt="react", epsilon=0.3),
            episodes=6,
        )
    )
    return out


def test_a_log_is_tokenised_once_and_the_record_says_so(tmp_path, model):
    done = bring(tmp_path, row(), prompt="react", model=model)
    (episode,) = Store.open(tmp_path / "store")
    assert (done.imported, done.won, done.steps) == (1, 1, 2)
    assert (episode.policy.kind, episode.end, episode.reward) == ("import", "won", 1.0)
    assert (episode.instance, episode.task_type) == (TASK, "pick_and_place_simple")
    assert episode.versions["tokenised"] == "once, on import"
    assert [s.kind for s in episode.segments] == [
        "prompt",
        "observation",
        "action",
        "observation",
        "action",
    ]
    replies = [s for s in episode.segments if s.kind == "action"]
    assert replies[0].text == "Thought: I should look. <|im_end|>\nAction: go to drawer 2"
    assert replies[0].command == "go to drawer 2"
    teller = make_teller("alfworld", "train", source="react", prompt="react", model=model)
    eos = teller.prompt.tokenizer.eos_token_id  # type: ignore[attr-defined]
    assert [s.ids.count(eos) for s in replies] == [1, 1], "a spelt mark stays text"
    assert check_store(tmp_path / "store", model).findings == {}


def test_doing_it_again_adds_nothing(tmp_path):
    first = bring(tmp_path, row(), row(result=False), row())
    again = bring(tmp_path, row(), row(result=False), row())
    assert (first.imported, first.already) == (2, 1)
    assert (again.imported, again.already) == (0, 3)


def test_what_cannot_be_read_is_counted_and_kept_with_its_reason(tmp_path):
    source = tmp_path / "logs.jsonl"
    rows = [row(), row(result="yes"), row(traj=7), row(traj=OPENING), row(result=None)]
    unsayable = row(traj=GAME.replace("take mug 1", "juggle mug 1"))
    text = "".join(json.dumps(each) + "\n" for each in [*rows, unsayable])
    source.write_text(text + '{"torn": ')
    aside = tmp_path / "aside.jsonl"
    settings = ImportSettings(
        sources=(source,),
        out=tmp_path / "store",
        format="react",
        prompt="compact",
        aside=aside,
    )
    done = import_logs(settings)
    assert (done.rows, done.imported, done.aside.total()) == (7, 1, 6)
    kept = [json.loads(line) for line in aside.read_text().splitlines()]
    kept.sort(key=lambda one: one["place"])
    assert [one["place"] for one in kept] == [f"logs.jsonl:{n}" for n in range(2, 8)]
    reasons = " ".join(one["reason"] for one in kept)
    for word in ("'yes'", "not text", "no command", "no outcome", "juggle", "no JSON"):
        assert word in reasons
    assert kept[0]["raw"] == rows[1]
    assert kept[5]["raw"] == '{"torn": '
    assert len(done.aside) == 6


def test_rows_of_one_fault_are_told_by_the_first_of_them(tmp_path):
    done = bring(tmp_path, row(), row(result="yes"), row(result="no"), row(result=7))
    ((reason, count),) = done.aside.items()
    assert count == 3
    assert "'yes'" in reason
    assert "[0, 1]" in reason
    assert reason.endswith("(first in logs.jsonl:2)")


def test_nothing_imported_is_an_error_that_leaves_no_store(tmp_path):
    with pytest.raises(DataError, match="nothing could be imported"):
        bring(tmp_path, row(result=None))
    assert not (tmp_path / "store").exists()
    assert bring(tmp_path, row(result=None), reward=1.0).won == 1


def test_a_reward_that_is_given_saves_no_row_that_is_broken_otherwise(tmp_path):
    told = {"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]}
    broken = {"conversations": [{"from": "gpt", "tool_calls": 7}]}
    rows = (broken, told, told | {"extra": "none"})
    done = bring(tmp_path, *rows, format="oreo", task="shop", prompt="react", reward=1.0)
    assert (done.imported, done.already, done.aside.total()) == (1, 1, 1)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"format": "raect"}, "did you mean 'react'"),
        ({"reward": 2.0}, "in \\[0, 1\\]"),
        ({"task": "webshop"}, "takes its words from the task"),
        ({"task": "webshop", "prompt": "text"}, "take react, bare or steps"),
        ({"task": "webshop", "prompt": "given"}, "take react, bare or steps"),
        ({"task": "webshop", "prompt": "raect"}, "did you mean 'react'"),
        ({"prompt": "steps"}, "cannot be told"),
        ({"format": "records", "replay": True}, "leave the replay out"),
    ],
)
def test_settings_that_do_not_fit_are_refused(tmp_path, more, words):
    with pytest.raises(SettingError, match=words):
        bring(tmp_path, row(), **more)
    assert not (tmp_path / "store").exists()


def test_a_task_of_nobodys_keeps_its_own_instruction(tmp_path, model):
    messages = [
        {"role": "system", "content": "Buy shoes."},
        {"role": "user", "content": "A shop."},
        {"role": "assistant", "content": "search[shoes]"},
    ]
    told = {"messages": messages, "reward": 0.5}
    bring(tmp_path, told, format="trl", task="webshop", prompt="react", model=model)
    (episode,) = Store.open(tmp_path / "store")
    assert episode.segments[1].text == "Buy shoes.\n\nA shop."
    assert episode.segments[2].text == "Action: search[shoes]"
    assert (episode.reward, episode.end, episode.environment) == (0.5, "lost", "")
    assert len(episode.instance) == 16
    assert check_store(tmp_path / "store", model).findings == {}


def test_a_solution_is_cut_into_steps_and_puts_together_again(tmp_path, model):
    told = {"prompt": "1+1?", "response": "One and one\nis 2", "reward": 1}
    done = bring(tmp_path, told, format="oreo", task="sums", prompt="steps", model=model)
    (episode,) = Store.open(tmp_path / "store")
    assert done.steps == episode.steps == 2
    export(tmp_path / "store", tmp_path / "out.jsonl", "oreo")
    (again,) = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert again["conversations"][-1]["content"] == "One and one\nis 2"


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
@pytest.mark.parametrize("to", [one for one in export_formats() if one not in ("minari", "dpo")])
def test_what_is_exported_and_imported_is_the_same_episode(tmp_path, played, to, kind):
    if kind == "parquet":
        pytest.importorskip("pyarrow", reason="the package pyarrow is not installed")
    target = tmp_path / f"out.{kind}"
    done = export(played, target, to)
    assert done.episodes == 6
    source = "trl" if to in ("kto", "messages") else to
    import_logs(
        ImportSettings(sources=(target,), out=tmp_path / "back", format=source, split="valid_seen")
    )
    before = {e.instance: e for e in Store.open(played)}
    after = {e.instance: e for e in Store.open(tmp_path / "back")}
    assert before.keys() == after.keys()
    for name, one in before.items():
        other = after[name]
        assert (one.end, one.reward, one.task_type) == (other.end, other.reward, other.task_type)
        for mine, its in zip(one.segments, other.segments, strict=True):
            assert (mine.kind, mine.command) == (its.kind, its.command)
            if to == "records" or mine.kind == "observation":
                assert mine.text == its.text
    if to == "records":
        assert before == after


def test_minari_gives_back_the_games(tmp_path, played):
    for package in ("minari", "h5py", "PIL"):
        pytest.importorskip(package, reason=f"the package {package} is not installed")
    export(played, tmp_path / "out", "minari")
    done = import_logs(
        ImportSettings(
            sources=(tmp_path / "out",), out=tmp_path / "back", format="minari", prompt="bare"
        )
    )
    assert done.imported == 6
    before = {e.instance: [s.command for s in e.segments] for e in Store.open(played)}
    after = {e.instance: [s.command for s in e.segments] for e in Store.open(tmp_path / "back")}
    assert before == after


def logged(played: Path, tmp_path: Path) -> list[dict[str, object]]:
    export(played, tmp_path / "out.jsonl", "react")
    return [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]


def replayed(tmp_path: Path, rows: list[dict[str, object]]):
    done = bring(
        tmp_path, *rows, prompt="react", split="valid_seen", replay=True, data="generated", live=4
    )
    assert done.replays is not None
    return done


def test_logs_of_our_own_games_are_replayed_word_for_word(tmp_path, played):
    done = replayed(tmp_path, logged(played, tmp_path))
    assert (done.replays.matched, done.replays.outcomes_equal) == (6, 6)
    assert done.replays.observations == done.steps
    for episode in Store.open(tmp_path / "store"):
        assert episode.versions["replayed"] == "matched"
        assert {s.valid for s in episode.segments if s.kind == "action"} <= {True, False}


def test_a_word_that_differs_is_found_and_so_is_an_outcome(tmp_path, played):
    rows = logged(played, tmp_path)
    rows[0]["traj"] = str(rows[0]["traj"]).replace("Your task is to", "Your duty is to")
    rows[1]["result"] = 0.0 if rows[1]["result"] == 1 else 1.0
    rows[1]["end"] = "lost"
    rows[2]["name"] = "no/such"
    done = replayed(tmp_path, rows)
    told = done.replays
    assert (told.matched, told.differing, told.impossible) == (4, 1, 1)
    assert told.outcomes_differing == 1
    first = told.differences[0]
    assert (first["verdict"], first["turn"]) == ("differs", 0)
    assert "Your duty" in first["log"]
    assert "Your task" in first["world"]
    assert done.imported == 6


def test_a_log_that_goes_on_after_the_end_differs(tmp_path, played):
    won = next(each for each in logged(played, tmp_path) if each["result"] == 1)
    won["traj"] = f"{won['traj']}> look\nA room.\n> look\nA room.\n"
    told = replayed(tmp_path, [won]).replays
    assert told.differing == 1


def test_what_has_no_other_outcome_is_told_as_left_out_only_where_something_is(tmp_path):
    lost = GAME.replace("take mug 1 from drawer 2", "go to shelf 1")
    bring(tmp_path, row(), row(result=False, traj=lost))
    done = export(tmp_path / "store", tmp_path / "pairs.jsonl", "dpo")
    assert (done.rows, done.episodes, done.left_out) == (1, 2, {})


def test_the_recorded_games_are_imported_and_equal_the_official_ones(
    tmp_path, shared_data, monkeypatch
):
    games = tmp_path / "games"
    unpack = [sys.executable, str(shared_data / "unpack_alfworld.py"), str(games)]
    unpack += ["--split", "train", "--dialect", "put", "--no-traj"]
    subprocess.run(
        [*unpack, "--task-type", "pick_heat_then_place_in_recep"], check=True, capture_output=True
    )
    there = {path.parent.parent.name + "/" + path.parent.name for path in games.rglob("*.tw-pddl")}
    packed = shared_data / "episodes" / "knowagent_d0.jsonl.xz"
    with lzma.open(packed, "rt") as file:
        rows = [json.loads(line) for line in file]
    kept = [row for row in rows if row["name"] in there][:24]
    assert len(kept) == 24
    done = bring(tmp_path, *kept, prompt="react", replay=True, data=str(games))
    assert (done.imported, done.replays.matched, done.replays.outcomes_equal) == (24, 24, 24)
    assert done.won == sum(bool(row["result"]) for row in kept)
