"""The examples run, and what they write out themselves is what the library does."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import torch

from oreo_agent.learn.objectives import View
from oreo_agent.learn.objectives.oreo import Oreo

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


def example(name: str) -> ModuleType:
    found = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


@pytest.mark.parametrize("seed", range(3))
def test_the_objective_that_is_written_out_is_the_librarys(seed: int):
    rng = torch.Generator().manual_seed(seed)
    batch, actions, words = 4, 5, 7

    def some(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=rng, dtype=torch.float64).requires_grad_()

    logits, values, end_value = some(batch, actions, words), some(batch, actions), some(batch)
    ref_logits = some(batch, actions, words).detach()
    said = torch.randint(words, (batch, actions), generator=rng)
    lengths = torch.tensor([5, 1, 3, 2])[:, None]
    mask = torch.arange(actions) < lengths
    reward = torch.rand(batch, generator=rng, dtype=torch.float64)
    mine = example("oreo_minimal").oreo(
        logits, ref_logits, values, end_value, said, mask, reward, beta=0.3, alpha=0.2
    )
    networks = (logits, values, end_value)
    gradients = [torch.autograd.grad(sum(mine), each, retain_graph=True)[0] for each in networks]

    logps, ref_logps = logits.log_softmax(-1), ref_logits.log_softmax(-1)
    view = View(
        reward=reward,
        share=torch.full((batch,), 1 / batch, dtype=torch.float64),
        mask=mask,
        weight=mask.double() / lengths / batch,
        end_action=lengths,
        end_mask=torch.ones(batch, 1, dtype=torch.bool),
        end_weight=torch.full((batch, 1), 1 / batch, dtype=torch.float64),
        logps=logps.gather(-1, said[..., None]).squeeze(-1),
        ref_logps=ref_logps.gather(-1, said[..., None]).squeeze(-1),
        kl=(logps.exp() * (logps - ref_logps)).sum(-1),
        values=values,
        end_values=end_value[:, None],
    )
    theirs = Oreo(beta=0.3, alpha=0.2)(view)
    for one, other in zip(mine, theirs, strict=True):
        torch.testing.assert_close(one, other, atol=1e-10, rtol=1e-10)
    for one, network in zip(gradients, networks, strict=True):
        other = torch.autograd.grad(sum(theirs), network, retain_graph=True)[0]
        torch.testing.assert_close(one, other, atol=1e-10, rtol=1e-10)
        assert other.abs().max() > 1e-3


def test_a_loop_of_ones_own_solves_its_small_world(capsys: pytest.CaptureFixture[str]):
    figures = example("oreo_minimal").train(150)
    assert figures["right"] > 10 * figures["right_at_first"]
    assert figures["worst_error_of_v"] < 0.2
    assert 'V("3 4")' in capsys.readouterr().out


def test_the_script_from_trl_runs_and_learns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    out = tmp_path / "out"
    told = ["from_trl.py", "--out", str(out), "--epochs", "20", "--learning-rate", "2e-3"]
    monkeypatch.setattr(sys, "argv", told)
    example("from_trl").main()
    assert "right answers" in capsys.readouterr().out.splitlines()[-1]
    assert (out / "bundle.json").exists()


# puzzle/train/06224: make 50 of 4, 4, 9 and 10; 07592: reach 11 from 5 by *3, +5 and -3
@pytest.mark.parametrize(
    ("number", "steps", "found"),
    [
        ("06224", ("10 * 4 = 40\n", "40 + 4 = 41\n", "41 + 9 = 50\n", "#### 50"), (True, True)),
        ("06224", ("10 * 4 = 40\n", "40 + 10 = 50\n", "#### 50"), (True, False)),
        ("07592", ("5 - 3 = 2\n", "2 * 3 = 6\n", "6 + 5 = 12\n", "#### 12"), (False, True)),
        ("07592", ("5 - 3 = 2\n", "2 + 5 = 7\n"), (False, False)),
    ],
)
def test_what_is_wrong_with_a_solution_of_a_puzzle(
    monkeypatch: pytest.MonkeyPatch, number: str, steps: tuple[str, ...], found: tuple[bool, bool]
):
    monkeypatch.syspath_prepend(EXAMPLES)
    segments = [SimpleNamespace(kind="action", text=step) for step in steps]
    episode = SimpleNamespace(instance=f"puzzle/train/{number}", split="train", segments=segments)
    assert example("puzzle_faults").fault(episode) == found


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("puzzle_faults", ["no/store"]),
        ("curves", ["no/bundle", "--out", "no.png"]),
        ("curves", [".", "--out", "no.such"]),
    ],
)
def test_a_wrong_argument_of_an_example_is_told_in_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    given: list[str],
):
    if name == "curves":
        pytest.importorskip("matplotlib")
    (tmp_path / "metrics.jsonl").write_text('{"step": 1, "nll": 2.0}\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(EXAMPLES)
    monkeypatch.setattr(sys, "argv", [name, *given])
    with pytest.raises(SystemExit) as left:
        example(name).main()
    said = capsys.readouterr().err
    assert (left.value.code, said.count("\n"), said[:7]) == (2, 1, "error: ")
