"""A score says what it was made under, and the same command gives the same score."""

import msgspec
import pytest
from scripted_world import CorridorStage, ScriptedCast, plain

from oreo_agent.errors import RecordError, SettingError
from oreo_agent.records.store import Store
from oreo_agent.rollouts import evaluate as module
from oreo_agent.rollouts.casting import Cast, deciding
from oreo_agent.rollouts.comparison import compare
from oreo_agent.rollouts.evaluate import EvaluateSettings, evaluate
from oreo_agent.rollouts.report import Report
from oreo_agent.rollouts.stage import Stage

NAMES = (*plain(11), "9-plain", "2-pit", "3-raises")


class Fingerprinted:
    def fingerprint(self, split, data=None):
        return f"{split} of {data}"


@pytest.fixture(autouse=True)
def corridor_task(monkeypatch):
    monkeypatch.setattr(module, "find_task", lambda name: Fingerprinted())


def score(**changes):
    stage = CorridorStage(names=NAMES, live=3, **changes.pop("stage", {}))
    return evaluate(EvaluateSettings(stage=stage, cast=ScriptedCast(), **changes))


def same(first, second):
    return [msgspec.structs.replace(game, seconds=0.0) for game in first.games] == [
        msgspec.structs.replace(game, seconds=0.0) for game in second.games
    ]


def test_every_instance_is_judged_once_and_a_fault_counts_as_not_won():
    report = score()
    assert report.totals.success.n == len(NAMES)
    assert report.totals.success.wins == 11
    assert report.totals.faults == 1
    ends = {game.instance: game.end for game in report.games}
    assert (ends["9-plain"], ends["2-pit"], ends["3-raises"]) == ("step_limit", "lost", "fault")


def test_fewer_games_are_the_first_ones_of_more_games():
    few, all_games = score(episodes=5), score()
    assert [game.instance for game in few.games] == [g.instance for g in all_games.games][:5]
    assert same(score(episodes=5), few)


def test_the_contract_tells_apart_what_cannot_be_compared():
    report = score()
    assert compare(report, score()).p == 1.0
    for change in ({"seed": 1}, {"stage": {"step_limit": 5}}, {"stage": {"data": "elsewhere"}}):
        with pytest.raises(RecordError, match="cannot be compared"):
            compare(report, score(**change))


def test_recorded_episodes_are_not_played_again_and_give_the_same_report(tmp_path, monkeypatch):
    first = score(record=tmp_path / "s", episodes=6)
    assert len(Store.open(tmp_path / "s")) == 6
    whole = score(record=tmp_path / "s")
    assert same(whole, score())
    monkeypatch.setattr(module, "play_all", lambda *args: (each for each in ()))
    assert score(record=tmp_path / "s") == whole
    assert first.games == whole.games[:6]


def test_a_report_is_written_and_a_different_one_is_not_overwritten(tmp_path):
    out = tmp_path / "report.json"
    score(out=out)
    assert same(Report.load(out), score(out=out))
    with pytest.raises(SettingError, match=r"holds another report.*--overwrite"):
        score(out=out, episodes=3)
    assert len(Report.load(out).games) == len(NAMES)
    score(out=out, episodes=3, overwrite=True)
    assert len(Report.load(out).games) == 3


def test_a_file_that_is_no_report_is_not_overwritten(tmp_path):
    out = tmp_path / "thesis.txt"
    out.write_text("years of work")
    with pytest.raises(SettingError, match="not a report"):
        score(out=out)
    assert out.read_text() == "years of work"


def test_a_report_is_not_written_over_a_folder(tmp_path):
    for overwrite in (False, True):
        with pytest.raises(SettingError, match=r"--out .* is a folder; name a file in it"):
            score(out=tmp_path, overwrite=overwrite)


def test_who_played_is_told_with_how_it_decided():
    settings = score().settings
    assert (settings.fingerprint, settings.k, settings.temperature) == ("f" * 16, 1, 1.0)


def test_a_strategy_gets_the_settings_that_it_has():
    told = {"k": 3, "temperature": 0.7, "score": "logp", "weight": 0.1}
    assert dict(deciding("a/bundle", "best-of-k", **told)) == told
    assert dict(deciding("a/bundle", "sample", **told)) == {"temperature": 0.7}
    assert deciding("a/bundle", "greedy", **told | {"temperature": None}) == ()
    assert deciding("expert", "sample", **told) == ()
    with pytest.raises(SettingError, match="'expert' has none; leave --strategy out"):
        deciding("expert", "best-of-k", **told)
    with pytest.raises(SettingError, match="greedy has no temperature"):
        deciding("a/bundle", "greedy", **told)
    for policy in ("a/bundle", "expert"):
        with pytest.raises(SettingError, match="from 0 on"):
            deciding(policy, "sample", **told | {"temperature": -1.0})


def test_an_expert_is_scored_on_generated_games(monkeypatch):
    monkeypatch.undo()
    stage = Stage(data="generated", split="valid_seen")
    report = evaluate(EvaluateSettings(stage=stage, cast=Cast(), episodes=12))
    assert report.contract.prompt == "compact"
    assert report.totals.success.wins == 12


@pytest.mark.parametrize("place", ["file/r.json", "/proc/r.json", f"{'r' * 300}.json"])
def test_where_no_report_can_be_written_nothing_is_played(tmp_path, monkeypatch, place):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr(module, "play_all", lambda *args: pytest.fail("it was played"))
    for overwrite in (False, True):
        with pytest.raises(SettingError, match=r"--out .* cannot be written .*another place"):
            score(out=tmp_path / place, overwrite=overwrite)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_report_that_came_during_the_games_is_not_overwritten_and_no_report_is_lost(
    tmp_path, monkeypatch
):
    out, play_all = tmp_path / "report.json", module.play_all
    (tmp_path / "report.2.json").write_text("taken")

    def beaten(*args):
        monkeypatch.setattr(module, "play_all", play_all)
        score(out=out, episodes=3)
        yield from play_all(*args)

    monkeypatch.setattr(module, "play_all", beaten)
    with pytest.raises(SettingError, match=r"somebody else .*14 games\) .*kept as .*report\.3\.js"):
        score(out=out)
    assert len(Report.load(out).games) == 3
    assert len(Report.load(tmp_path / "report.3.json").games) == len(NAMES)
    monkeypatch.setattr(module, "play_all", beaten)
    score(out=out, overwrite=True)
    assert len(Report.load(out).games) == len(NAMES)
