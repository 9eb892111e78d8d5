"""Every verb says what it does, and what is wrong, in one line and with one exit code."""

import json
import sys
from types import SimpleNamespace

import pytest

from oreo_agent import __version__
from oreo_agent.agent.engines import ENGINES
from oreo_agent.cli import VERBS, run
from oreo_agent.model.bundle import amend
from oreo_agent.model.trust import Estimate, Trust
from oreo_agent.records import merge as merging
from oreo_agent.records import selecting
from oreo_agent.records.store import Store
from oreo_agent.rollouts import collect as collecting
from oreo_agent.rollouts import evaluate as evaluating
from oreo_agent.rollouts.report import Report


@pytest.fixture
def oreo(capsys):
    """Runs a command line; gives its exit code, standard output and standard error."""

    def told(*arguments):
        code = run([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return told


@pytest.fixture
def games():
    return ("--data", "generated", "--split", "valid_seen")


def refused(result, *words):
    """Exit code 2, nothing on standard output, one ``error: `` line that holds the words."""
    code, out, err = result
    assert (code, out) == (2, "")
    assert err.splitlines()[-1].startswith("error: ")
    assert "Traceback" not in err
    for word in words:
        assert word in err


@pytest.mark.parametrize("verb", list(VERBS))
def test_every_verb_explains_itself_and_every_option_has_a_line(oreo, verb):
    code, out, _ = oreo(verb, "--help")
    assert code == 0
    assert f"Usage: oreo-agent {verb}" in out
    assert "--json" in out


def test_the_verbs_are_listed_with_what_they_do(oreo):
    code, out, _ = oreo("--help")
    assert code == 0
    for verb in VERBS:
        assert f"  {verb} " in out


def test_the_version_is_told(oreo):
    assert oreo("--version") == (0, f"oreo-agent {__version__}\n", "")


def test_a_mistyped_verb_is_answered_with_the_nearest(oreo):
    refused(oreo("rolout"), "Did you mean 'rollout'")


@pytest.mark.parametrize("verb", list(VERBS))
def test_a_wrong_flag_is_named(oreo, verb):
    refused(oreo(verb, "--polcy", "x"), "--polcy")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("train", "--data", "s", "--method", "sft", "--out", ""), "--out is empty"),
        (("rollout", "--policy", "expert", "--data", "generated", "--out="), "--out is empty"),
        (("rollout", "--out", "s", "--policy", ""), "--policy is empty"),
        (("data", "import", "log.jsonl", "--out", ""), "--out is empty"),
        (("data", "stats", ""), "what follows 'stats' is empty"),
    ],
)
def test_an_empty_path_is_not_the_current_folder(oreo, tmp_path, monkeypatch, arguments, named):
    monkeypatch.chdir(tmp_path)
    refused(oreo(*arguments), named)
    assert list(tmp_path.iterdir()) == []


def test_a_home_folder_behind_an_equals_sign_is_the_home_folder(oreo, tmp_path, monkeypatch, games):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    code, _, err = oreo("rollout", "--policy", "expert", "--episodes", 1, "--out=~/store", *games)
    assert code == 0, err
    assert {path.name for path in tmp_path.iterdir() if path.name in ("store", "~")} == {"store"}


def test_an_expert_who_wins_nothing_is_doubted(oreo, tmp_path):
    (tmp_path / "q.jsonl").write_text('{"q": "What is 3 + 4?", "a": "7", "s": "3 + 4\\n7"}\n')
    fields = ("--question-field", "q", "--answer-field", "a", "--solution-field", "s")
    told = ("--data", tmp_path / "q.jsonl", *fields, "--verifier", "number", "--split", "all")
    code, _, err = oreo("rollout", "--policy", "expert", "--out", tmp_path / "s", *told)
    assert code == 0
    assert "warning: the expert won none" in err
    assert "has to mark its answer" in err


def test_a_missing_option_is_named(oreo):
    refused(oreo("rollout", "--policy", "expert"), "--out")


def test_a_wrong_kind_of_value_is_named(oreo, tmp_path):
    refused(oreo("rollout", "--out", tmp_path, "--policy", "expert", "--seed", "x"), "--seed")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--policy", "exprt"), ("exprt", "did you mean 'expert'")),
        (("--policy", "expert", "--task", "alfwrld"), ("alfwrld", "did you mean 'alfworld'")),
        (("--policy", "expert", "--split", "valid_sen"), ("did you mean 'valid_seen'",)),
        (("--policy", "expert", "--data", "generated:no"), ("tier", "'no'", "known: small, ")),
        (("--policy", "expert", "--split", ""), ("--split is empty",)),
        (("--task", "textworld", "--policy", "expert", "--data", "no.z8"), ("no file or folder",)),
        (("--policy", "expert", "--prompt", "raect"), ("did you mean 'react'",)),
        (("--policy", "expert", "--epsilon", "2"), ("between 0 and 1",)),
        (("--policy", "expert", "--strategy", "gredy"), ("did you mean 'greedy'",)),
        (("--policy", "expert", "--workers", "0"), ("workers",)),
        (("--policy", "expert", "--live", "0"), ("--live", "1 or more, got 0")),
        (("--policy", "expert", "--step-limit", "-1"), ("step limit", "1 or more, got -1")),
        (("--policy", "expert", "--episodes", "0"), ("1 or more",)),
        (("--policy", "random", "--epsilon", "0.5"), ("epsilon is for the expert",)),
        (("--policy", "expert", "--only-admissible"), ("'expert'", "--only-admissible")),
        (("--policy", "random", "--threads", "0"), ("threads", "1 or more", "got 0")),
        (("--policy", "random", "--seed", "9" * 20), ("seed", "9" * 20)),
        (("--policy", "random", "--temperature", "nan"), ("--temperature", "from 0 on", "nan")),
        (("--policy", "random", "--temperature", "inf"), ("--temperature", "from 0 on", "inf")),
        (("--policy", "random", "--weight", "nan"), ("--weight", "finite", "nan")),
        (("--policy", "random", "--weight=-inf"), ("--weight", "finite", "-inf")),
        (("--policy", "random", "--strategy", "best-of-k"), ("'random' has none", "--strategy")),
        (("--policy", "expert", "--states", "4"), ("--states goes with --branch",)),
    ],
)
def test_a_wrong_rollout_is_refused_and_nothing_is_written(oreo, tmp_path, arguments, words):
    out = tmp_path / "store"
    given = arguments if "--data" in arguments else (*arguments, "--data", "generated")
    refused(oreo("rollout", "--out", out, *given), *words)
    assert not out.exists()


def test_a_store_that_is_a_link_to_nowhere_is_refused(oreo, tmp_path, games):
    (tmp_path / "s").symlink_to(tmp_path / "gone")
    given = ("rollout", "--policy", "expert", "--episodes", 1, *games)
    refused(oreo(*given, "--out", tmp_path / "s"), "is a link to", "gone")


def test_an_empty_data_folder_is_told_with_the_ways_out(oreo, tmp_path):
    (tmp_path / "data").mkdir()
    told = oreo(
        "rollout", "--out", tmp_path / "s", "--policy", "expert", "--data", tmp_path / "data"
    )
    refused(told, str(tmp_path / "data"), "generated", "json_2.1.1")
    assert not (tmp_path / "s").exists()


def test_a_broken_game_is_told_by_name_and_what_was_played_stays(oreo, tmp_path):
    folder = tmp_path / "data/json_2.1.1/train/pick_and_place_simple-Mug-None-Shelf-1/trial_T1"
    folder.mkdir(parents=True)
    (folder / "game.tw-pddl").write_text('{"solvable": true, "pddl_domain": "(define"}')
    out = tmp_path / "s"
    told = oreo("rollout", "--out", out, "--policy", "expert", "--data", tmp_path / "data")
    refused(told, "pick_and_place_simple-Mug-None-Shelf-1/trial_T1")


@pytest.mark.parametrize("content", ["", "{", '{"format": 99}', '{"format": 1}', "[]"])
def test_a_broken_bundle_is_refused_by_whoever_opens_it(oreo, tmp_path, games, content):
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    (bundle / "bundle.json").write_text(content)
    refused(oreo("rollout", "--out", tmp_path / "s", "--policy", bundle, *games), str(bundle))
    refused(oreo("eval", "--agent", bundle, "--out", tmp_path / "r.json", *games), str(bundle))
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


def test_a_folder_that_is_no_bundle_is_refused(oreo, tmp_path, games):
    told = oreo("eval", "--agent", tmp_path, "--out", tmp_path / "r.json", *games)
    refused(told, str(tmp_path), "bundle.json")


def test_an_expert_collects_and_is_scored_and_compared(oreo, tmp_path, games):
    rollout = ("rollout", "--policy", "expert", "--out", tmp_path / "s", "--episodes", 8, *games)
    code, out, _ = oreo(*rollout, "--json")
    summary = json.loads(out.splitlines()[-1])
    assert (code, summary["planned"], summary["played"]) == (0, 8, 8)
    assert len(Store.open(tmp_path / "s")) == 8
    code, out, _ = oreo(*rollout)
    assert code == 0
    assert "8 of 8 episodes were there" in out

    reports = []
    for who in ("expert", "random"):
        reports.append(tmp_path / f"{who}.json")
        code, out, _ = oreo(
            "eval", "--agent", who, "--episodes", 8, "--out", reports[-1], *games, "--json"
        )
        assert code == 0
        assert json.loads(out.splitlines()[-1])["contract_hash"]
        assert Report.load(reports[-1]).totals.success.n == 8

    code, out, _ = oreo("compare", *reports, "--json")
    (found,) = json.loads(out.splitlines()[-1])["comparisons"]
    assert (code, found["pairs"], found["only_second"]) == (0, 8, 0)
    code, out, _ = oreo("compare", *reports)
    assert code == 0
    assert "McNemar" in out

    by_seed = ("compare", reports[0], "--with", reports[1])
    code, out, _ = oreo(*by_seed, "--json")
    told = json.loads(out.splitlines()[-1])
    assert (code, told["games"], told["only_second"]) == (0, 8, 0)
    assert told["p"] == found["p"]
    code, out, _ = oreo(*by_seed)
    assert code == 0
    assert "\nall 1 together: " in out
    assert out.splitlines()[-1].startswith("caution: 1 seed says nothing")
    refused(oreo(*by_seed, "--with", reports[1]), "1 reports stand against 2", "--with")


def test_several_methods_are_compared_over_seeds_with_commas(oreo, tmp_path, games):
    reports = {}
    for seed in (1, 2):
        for who in ("expert", "random"):
            reports[who, seed] = tmp_path / f"{who}-{seed}.json"
            given = ("--agent", who, "--seed", seed, "--episodes", 6, *games)
            assert oreo("eval", *given, "--out", reports[who, seed])[0] == 0
    old = [reports["random", seed] for seed in (1, 2)]
    expert = [str(reports["expert", seed]) for seed in (1, 2)]
    again = ",".join(map(str, old))

    code, out, _ = oreo("compare", *old, "--with", ",".join(expert), "--json")
    alone = json.loads(out.splitlines()[-1])
    one_each = ("compare", *old, "--with", expert[0], "--with", expert[1], "--json")
    assert (code, oreo(*one_each)) == (0, (0, out, ""))
    assert alone["second_seeds"] == {
        "label": "expert", "shares": [1.0, 1.0], "mean": 1.0, "deviation": 0.0
    }  # fmt: skip
    assert "caution: 2 seeds" in alone["verdict"]

    both = ("compare", *old, "--with", ",".join(expert), "--with", again)
    code, out, _ = oreo(*both, "--json")
    best, same = json.loads(out.splitlines()[-1])["comparisons"]
    assert (code, best["p"], same["p"]) == (0, alone["p"], 1.0)
    assert best["p_adjusted"] == pytest.approx(2 * alone["p"])
    code, out, _ = oreo(*both)
    assert code == 0
    assert "expert won" in out
    assert "random and random won equally many games" in out
    refused(oreo(*both[:-1], expert[0]), "2 reports stand against 1")


def test_how_many_games_a_difference_needs_is_told_without_playing(oreo):
    code, out, _ = oreo("eval", "--power", 5)
    assert code == 0
    assert out.splitlines()[-1].startswith("Play about ")
    given = ("--agent", "no-such-bundle", "--split", "none", "--split-share", 0.2)
    code, out, _ = oreo("eval", "--power", 5, *given, "--json")
    told = json.loads(out.splitlines()[-1])
    assert (code, told["difference"], told["power"]) == (0, 0.05, 0.8)
    assert [one["split_share"] for one in told["assumptions"]] == [0.2]
    refused(oreo("eval", "--power", 5, "--out", "x.json"), "--power plays nothing", "--out")
    refused(oreo("eval", "--power", 0), "0 points", "above 0")
    refused(oreo("eval", "--power", 5, "--success", 60), "between 0 and 1")


def test_an_agent_is_scored_by_name_on_a_split(oreo, games):
    refused(oreo("eval", *games), "--agent", "--power")
    refused(oreo("eval", "--agent", "expert"), "--split")
    refused(oreo("eval", "--agent", "expert", *games, "--success", 0.5), "--power")


def test_reports_under_unlike_contracts_are_not_compared(oreo, tmp_path, games):
    for name, limit in (("a", 40), ("b", 30)):
        code, _, _ = oreo(
            *("eval", "--agent", "expert", "--episodes", 2, "--step-limit", limit),
            *("--out", tmp_path / f"{name}.json", *games),
        )
        assert code == 0
    refused(oreo("compare", tmp_path / "a.json", tmp_path / "b.json"), "step_limit", "40", "30")


def test_a_comparison_takes_reports(oreo, tmp_path):
    (tmp_path / "a.json").write_text("{}")
    refused(oreo("compare", tmp_path / "a.json"), "two reports")
    refused(oreo("compare", tmp_path / "a.json", tmp_path / "a.json"), "a.json", "not a report")
    refused(oreo("compare", tmp_path / "b.json", tmp_path / "a.json"), "b.json")
    refused(oreo("compare", tmp_path / "a.json", "--with", ""), "--with is empty")
    refused(oreo("compare", tmp_path / "a.json", "--with", "b.json,"), "--with", "no report")


def test_training_settings_are_refused_by_their_path(oreo, tmp_path):
    given = ("train", "--method", "sft", "--data", tmp_path, "--out", tmp_path / "b")
    refused(oreo(*given, "--set", "train.epocs=3"), "train.epocs", "did you mean 'epochs'")
    refused(oreo(*given, "--set", "train"), "name=value")
    for name in ("epochs", "value_warmup", "policy.lr", "value.beta2", "policy.clip"):
        for number in ("nan", "inf", "-inf"):
            told = oreo(*given, "--dry-run", "--set", f"train.{name}={number}")
            refused(told, f"train.{name}: wants a finite number, got {number}")
    refused(oreo(*given, "--dry-run", "--seed", "9" * 29), "train: a seed is from", "9" * 29)
    refused(oreo(*given, "--config", tmp_path / "no.toml"), "no.toml")
    refused(oreo(*given, "--model", "runs/sft", "--size", "96x3"), "--size", "runs/sft")
    refused(oreo("train", "--data", tmp_path, "--out", tmp_path / "b"), "method")
    refused(oreo(*given), str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_says_whether_the_same_command_goes_on(oreo, tmp_path, monkeypatch, games):
    def interrupted(*given, **named):
        raise KeyboardInterrupt

    for module, name in (
        (collecting, "collect"),
        (evaluating, "evaluate"),
        (merging, "merge"),
        (selecting, "filter_store"),
        (Report, "load"),
    ):
        monkeypatch.setattr(module, name, interrupted)
    out, scored = ("--out", tmp_path / "s"), ("eval", "--agent", "expert", "--split", "valid_seen")
    goes_on = "stopped; run the same command again and it goes on from here\n"
    for said, *given in (
        (goes_on, "rollout", "--policy", "expert", *out, *games),
        (goes_on, *scored, *games, "--record", tmp_path / "r"),
        (goes_on, "data", "merge", tmp_path, *out),
        ("stopped; the same command begins anew\n", "data", "filter", tmp_path, *out),
        ("stopped\n", "compare", "a.json", "b.json"),
    ):
        code, _, err = oreo(*given)
        assert (code, err) == (130, said)
    code, _, err = oreo(*scored, *games)
    assert (code, "no game is kept" in err, "--record FOLDER" in err) == (130, True, True)


def test_training_ends_with_the_verdict_on_its_value(oreo, tmp_path, games):
    base = ("rollout", "--out", tmp_path / "s", "--policy", "expert", "--episodes", 4, *games)
    assert oreo(*base)[0] == 0
    trained = ("train", "--data", tmp_path / "s", "--size", "64x1", "--set", "train.held_out=0.5")
    trained = (*trained, "--set", "train.batch=4")
    code, out, _ = oreo(*trained, "--method", "oreo", "--out", tmp_path / "b")
    assert code == 0
    lines = out.splitlines()
    assert lines[-2].startswith(f"{tmp_path / 'b'}: oreo on ")
    assert lines[-1].startswith("whether V may choose is not known: no state of held out of its")
    again = oreo(*trained, "--method", "oreo", "--out", tmp_path / "b", "--json")[1]
    assert json.loads(again)["trusted"] == "unknown"
    out = oreo(*trained, "--method", "sft", "--out", tmp_path / "sft")[1]
    assert out.splitlines()[-1].startswith(f"{tmp_path / 'sft'}: sft on ")


def test_a_bundle_collects_by_the_strategy_that_is_asked(oreo, tmp_path, monkeypatch, games):
    base = ("rollout", "--out", tmp_path / "s", "--policy", "expert", "--episodes", 4, *games)
    assert oreo(*base)[0] == 0
    trained = ("train", "--data", tmp_path / "s", "--method", "oreo", "--size", "64x1")
    assert oreo(*trained, "--out", tmp_path / "b", "--set", "train.batch=4")[0] == 0

    def collected(name, *options):
        out = tmp_path / name
        own = ("rollout", "--policy", tmp_path / "b", "--out", out, "--episodes", 2, *games)
        assert oreo(*own, "--step-limit", 2, *options)[0] == 0
        (policy,) = {episode.policy for episode in Store.open(out)}
        return policy

    best = collected("best", "--strategy", "best-of-k", "--k", 3, "--score", "logp")
    assert "best-of-k" in best.strategy
    assert "k=3" in best.strategy
    assert "score=logp" in best.strategy
    assert best.temperature == 0.5
    drawn = collected("drawn")
    assert (drawn.strategy, drawn.temperature) == ("sample", 1.0)
    likeliest = collected("likeliest", "--temperature", 0)
    assert (likeliest.strategy, likeliest.temperature) == ("greedy", 0.0)
    judged = collected("judged", "--strategy", "best-of-k", "--value", tmp_path / "b")
    assert "score=value" in judged.strategy
    assert judged.fingerprint == drawn.fingerprint

    # another engine is another player, and a score by it another contract's
    usual = "oreo_agent.agent.engines.local:open_engine"
    monkeypatch.setitem(ENGINES._table, "vllm", usual)
    monkeypatch.setitem(sys.modules, "vllm", SimpleNamespace(__version__="9.9"))
    served = collected("served", "--engine", "vllm")
    assert served.strategy == "sample engine=vllm"
    how = ("--agent", tmp_path / "b", "--split", "train", "--episodes", 2, "--step-limit", 2)
    for engine in ("vllm", "transformers"):
        out = ("--engine", engine, "--out", tmp_path / f"{engine}.json")
        assert oreo("eval", *how, *games, *out)[0] == 0
    assert Report.load(tmp_path / "vllm.json").contract.versions["vllm"] == "9.9"
    reports = [tmp_path / "vllm.json", tmp_path / "transformers.json"]
    refused(oreo("compare", *reports), "engine")
    expert = ("rollout", "--policy", "expert", "--out", tmp_path / "e")
    refused(oreo(*expert, "--engine", "vllm"), "'expert' needs no engine")

    # other precision, other replies: another player, but scores of the two may be compared
    halved = collected("halved", "--dtype", "bfloat16")
    assert halved.strategy == "sample dtype=bfloat16"
    out = ("--dtype", "bfloat16", "--out", tmp_path / "bfloat16.json")
    assert oreo("eval", *how, *games, *out)[0] == 0
    code, told, _ = oreo("compare", tmp_path / "transformers.json", tmp_path / "bfloat16.json")
    assert code == 0
    assert "bfloat16" in told
    refused(oreo(*expert, "--dtype", "bfloat16"), "'expert' has no weights; leave --dtype out")
    refused(oreo("eval", *how, *games, "--dtype", "bf16"), "dtype of weights is called 'bf16'")

    several = ("--engine", "vllm", "--workers", 2)
    own = ("rollout", "--policy", tmp_path / "b", "--out", tmp_path / "w", "--episodes", 2, *games)
    refused(oreo(*own, *several), "one process")


def test_whoever_plays_by_a_value_that_loses_is_told_so_in_one_line(oreo, tmp_path, games):
    bundle = tmp_path / "b"
    base = ("rollout", "--out", tmp_path / "s", "--policy", "expert", "--episodes", 4, *games)
    assert oreo(*base)[0] == 0
    trained = ("train", "--data", tmp_path / "s", "--method", "oreo", "--size", "64x1")
    refused(oreo(*trained, "--out", bundle, "--reward", "much"), "won or discounted", "'much'")
    given = ("--set", "train.batch=4", "--reward", "discounted")
    assert oreo(*trained, "--out", bundle, *given)[0] == 0
    assert json.loads((bundle / "bundle.json").read_text())["settings"]["train"]["discount"] == 0.95
    short = (*games, "--step-limit", 1)
    plays = {
        "rollout": ("--policy", bundle, "--out", tmp_path / "own", "--episodes", 1),
        "eval": ("--agent", bundle, "--episodes", 1, "--json"),
        "play": ("--agent", bundle, "--json"),
    }

    def warnings(*options):
        for verb, told in plays.items():
            code, _, err = oreo(verb, *told, *short, *options)
            assert code == 0, err
            yield [line for line in err.splitlines() if line.startswith("warning: ")]

    by_value = ("--strategy", "best-of-k")
    assert list(warnings(*by_value)) == [[], [], []]
    loss = Estimate(value=-0.03, low=-0.05, high=-0.01)
    trust = Trust(
        trusted="no", states=41, instances=30, source="b", over_chance=loss, over_logp=loss
    )
    amend(bundle, None, trust)
    for lines in warnings(*by_value):
        (line,) = lines
        assert "choosing by V would lose 3.0 points a choice here" in line
    settings = json.loads(oreo("eval", *plays["eval"], *short, *by_value)[1])["settings"]
    assert (settings["score"], settings["forbidden"]) == ("logp", "value")
    assert list(warnings("--strategy", "greedy")) == [[], [], []]
