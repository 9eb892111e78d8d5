"""Policy, value and reference in four layouts: one start, gradients of one's own, plain bundles."""

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from oreo_agent.errors import SettingError
from oreo_agent.learn.batch import Tokens, collate
from oreo_agent.learn.data import Data
from oreo_agent.learn.forward import (
    StateValues,
    TokenScores,
    computing,
    policy_scores,
    state_values,
    trained_weights,
)
from oreo_agent.learn.objectives import Objective
from oreo_agent.learn.objectives.dpo import Dpo
from oreo_agent.learn.objectives.dqo import Dqo
from oreo_agent.learn.objectives.kto import Kto
from oreo_agent.learn.objectives.oreo import Oreo
from oreo_agent.learn.objectives.rejection import Rejection
from oreo_agent.learn.objectives.sft import Sft
from oreo_agent.learn.settings import LoraSettings, OptimiserSettings, TrainRun, TrainSettings
from oreo_agent.learn.train import train
from oreo_agent.learn.trainer import Trainer
from oreo_agent.learn.wiring import Laid, lay
from oreo_agent.model.bundle import read_card
from oreo_agent.model.networks import ValueNetwork, load_policy, new_policy

MODES = ["full", "value-lora", "shared", "trunk"]
OBJECTIVES = [
    Oreo(),
    Oreo(observations=0.5, answers=0.5, value_observations=0.5, last_weight=3.0),
    Oreo(level="step", alpha=0.1, kl="k3"),
    Oreo(level="response"),
    Oreo(level="response", value="first"),
    Oreo(level="response", value="group-soft-mean"),
    Oreo(level="response", value="logsumexp"),
    Dqo(lam=0.5, cap=0.0),
    Dpo(),
    Kto(),
    Rejection(),
    Sft(observations=0.5, answers=0.2),
]

LAYOUTS: list[dict[str, Any]] = [{"packed": False}, {"micro_tokens": 1}, {"micro_tokens": 60}]
STILL = OptimiserSettings(clip=0.0)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OREO_AGENT_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def episodes(an_episode: Any) -> list[Tokens]:
    found = [Tokens.of(an_episode(number, instance="dens/0")) for number in range(8)]
    assert {episode.won for episode in found} == {True, False}
    return found


Make = Callable[..., tuple[Trainer, Laid]]


@pytest.fixture
def made(tmp_path: Path, prompt: Any) -> Make:
    """A trainer over networks in a mode, stirred away from the start if asked."""
    number = count()

    def make(
        mode: str,
        episodes: list[Tokens],
        objective: Objective,
        *,
        stir: float = 0.0,
        start: Any = None,
        learns: OptimiserSettings = STILL,
        **changes: Any,
    ) -> tuple[Trainer, Laid]:
        settings = TrainSettings(
            networks=mode,
            lora=LoraSettings(rank=4, alpha=8),
            dtype="float64",
            batch=len(episodes),
            epochs=1.0,
            policy=learns,
            value=learns,
        )
        settings = replace(settings, **changes)
        torch.manual_seed(0)
        policy = start or new_policy(
            len(prompt.tokens), "32x1", bos=1, eos=4, pad=0, seed=0, dtype=torch.float64
        )
        data = Data(train=episodes, held_out=(), relabel=None, pad=0)
        laid = lay(policy, None, objective.needs, data, settings, factors=None, weights="w")
        rng = torch.Generator().manual_seed(1)
        for network in (laid.networks.policy, laid.networks.value):
            for weight in trained_weights(network).values() if stir and network else ():
                weight.data += stir * torch.randn(weight.shape, generator=rng, dtype=weight.dtype)
        folder = tmp_path / f"run-{next(number)}"
        return Trainer(objective, laid.networks, data, settings, folder, lambda _: None), laid

    return make


def first_row(trainer: Trainer) -> dict[str, Any]:
    rows: list[dict[str, Any]] = []
    trainer.report = rows.append
    trainer.run()
    return rows[0]


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_all_modes_start_at_the_reference_and_with_the_same_losses(
    made: Make, episodes: list[Tokens], objective: Objective
):
    rows = {mode: first_row(made(mode, episodes, objective)[0]) for mode in MODES}
    for mode, row in rows.items():
        assert row.get("kl", 0.0) == 0.0, mode
        # reckoned once, the reference may lie the last bit aside
        for name in ("ratio_won", "ratio_lost"):
            near = 1e-12 if objective.needs.kl else 1e-9
            assert row.get(name, 0.0) == pytest.approx(0.0, abs=near), mode
        for name in ("policy_loss", "value_loss", "nll", "v_first_won", "v_last_lost"):
            assert row.get(name) == pytest.approx(rows["full"].get(name), abs=1e-12), (mode, name)


@pytest.mark.parametrize("mode", MODES)
def test_each_loss_moves_what_is_its_own_and_nothing_that_is_shared(
    made: Make, episodes: list[Tokens], mode: str
):
    trainer, laid = made(mode, episodes, Oreo(alpha=0.1), stir=0.1)
    assert laid.value is not None
    shared = {id(p) for p in laid.policy.parameters()} & {id(p) for p in laid.value.parameters()}
    assert bool(shared) == (mode in ("shared", "trunk"))
    own = [{id(p) for p in trained_weights(n).values()} for n in trainer.trained.values()]
    assert not own[0] & own[1]
    before = {
        name: tensor.clone()
        for network in (trainer.policy, trainer.value, trainer.reference)
        for name, tensor in network.named_parameters()
    }
    batch = collate(episodes)
    reference = trainer.reference
    assert reference is not None
    asked = policy_scores(trainer.policy, batch, reference=reference).ref_logps
    trainer.run()
    again = policy_scores(trainer.policy, batch, reference=reference)
    assert torch.equal(asked, again.ref_logps)
    assert not torch.equal(again.logps, again.ref_logps)
    for network in (trainer.policy, trainer.value):
        trained = trained_weights(network)
        for name, weight in network.named_parameters():
            if id(weight) not in own[0] | own[1]:
                assert torch.equal(weight, before[name]), name
        assert any(not torch.equal(weight, before[name]) for name, weight in trained.items())


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("mode", MODES)
def test_neighbours_do_not_matter_to_any_objective_in_any_mode(
    made: Make, episodes: list[Tokens], mode: str, objective: Objective
):
    def gradients(**changes: Any) -> dict[str, torch.Tensor]:
        trainer, _ = made(mode, episodes, objective, stir=0.3, **changes)
        trainer.gradients(0)
        return {
            f"{part}.{name}": weight.grad
            for part, network in trainer.trained.items()
            for name, weight in trained_weights(network).items()
        }

    one = gradients()
    for layout in LAYOUTS:
        other = gradients(**layout)
        assert one.keys() == other.keys()
        for name, gradient in one.items():
            torch.testing.assert_close(gradient, other[name], atol=1e-7, rtol=0, msg=name)


@pytest.mark.parametrize("mode", MODES)
def test_activations_that_are_made_again_change_no_gradient(
    made: Make, episodes: list[Tokens], mode: str
):
    def gradients(**changes: Any) -> tuple[int, dict[str, torch.Tensor]]:
        trainer, _ = made(mode, episodes, Oreo(observations=0.2), stir=0.3, **changes)
        kept: dict[int, int] = {}

        def note(tensor: torch.Tensor) -> torch.Tensor:
            kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
            trainer.gradients(0)
        return sum(kept.values()), {
            f"{part}.{name}": weight.grad
            for part, network in trainer.trained.items()
            for name, weight in trained_weights(network).items()
        }

    (much, one), (less, other) = gradients(), gradients(recompute=True)
    for name, gradient in one.items():
        torch.testing.assert_close(gradient, other[name], atol=1e-12, rtol=0, msg=name)
    assert less < 0.7 * much


@pytest.mark.parametrize("networks", ["full", "value-lora"])
def test_products_in_bfloat16_are_near_those_in_float32_and_v_is_no_product_of_them(
    made: Make, episodes: list[Tokens], networks: str
):
    rows = {}
    for compute in ("dtype", "bfloat16"):
        trainer, laid = made(networks, episodes, Oreo(), stir=0.1, compute=compute, dtype="float32")
        for network in (trainer.policy, trainer.value, trainer.reference):
            network.float()
        rows[compute] = first_row(trainer)
        assert laid.value is not None
        batch = collate(episodes)
        with computing(trainer.settings, torch.device("cpu")), torch.no_grad():
            values = state_values(trainer.value, batch)
            scores = policy_scores(trainer.policy, batch, reference=trainer.reference)
        assert values.before.dtype == scores.logps.dtype == scores.kl.dtype == torch.float32
        fine = values.before[batch.mask]
        assert not torch.equal(fine, fine.bfloat16().float())
        assert all(w.dtype == torch.float32 for w in trained_weights(trainer.policy).values())
    assert rows["bfloat16"]["nll"] != rows["dtype"]["nll"]
    for name in ("nll", "policy_loss", "value_loss"):
        assert rows["bfloat16"][name] == pytest.approx(rows["dtype"][name], rel=0.03)


@pytest.mark.parametrize("mode", MODES)
def test_what_is_written_needs_nothing_of_what_was_shared(
    made: Make, episodes: list[Tokens], mode: str, tmp_path: Path
):
    trainer, laid = made(mode, episodes, Oreo(alpha=0.1), stir=0.2)
    trainer.run()
    assert trainer.value is not None
    batch = collate(episodes)
    with torch.no_grad():
        logps = policy_scores(trainer.policy, batch).logps
        values = state_values(trainer.value, batch)
    laid.save(tmp_path / "out", with_value=True)
    policy = load_policy(tmp_path / "out/policy", dtype=torch.float64)
    value = ValueNetwork.load(tmp_path / "out/value", dtype=torch.float64)
    assert not any(
        "lora" in name for name, _ in [*policy.named_parameters(), *value.named_parameters()]
    )
    with torch.no_grad():
        again = policy_scores(TokenScores(policy), batch).logps
        judged = state_values(StateValues(value), batch)
    torch.testing.assert_close(again, logps, atol=1e-10, rtol=0)
    torch.testing.assert_close(judged.before, values.before, atol=1e-10, rtol=0)
    torch.testing.assert_close(judged.ends, values.ends, atol=1e-10, rtol=0)


def exact(policy: Any, beta: float) -> tuple[float, dict[int, float], list[float]]:
    """V at the start, V after either first token, and the optimal policy at the start."""

    def reference(ids: list[int]) -> list[float]:
        with torch.no_grad():
            return policy(input_ids=torch.tensor([ids])).logits[0, -1].softmax(-1).tolist()

    def soft(chances: list[float], ahead: list[float]) -> float:
        lifted = sum(p * math.exp(v / beta) for p, v in zip(chances, ahead, strict=True))
        return beta * math.log(lifted)

    after = {
        a: soft(reference([0, 1, a]), [float(a == 1 and b == 1) for b in (0, 1)]) for a in (0, 1)
    }
    chances = reference([0, 1])
    start = soft(chances, [after[0], after[1]])
    return start, after, [p * math.exp((after[a] - start) / beta) for a, p in enumerate(chances)]


def test_a_soft_mdp_is_solved_by_networks_that_read(made: Make):
    """Two choices of two tokens, a reward for the second one twice (oreo-paper 7.3)."""
    beta = 0.5
    paths = [
        Tokens(
            id=f"{a}{b}", instance="tree", ids=(0, 1, a, b), actions=(2, 3), ends=(2, 3),
            reward=float(a == b == 1),
        )
        for a in (0, 1)
        for b in (0, 1)
    ]  # fmt: skip
    policy = new_policy(2, "32x1", bos=0, eos=1, pad=0, seed=0, dtype=torch.float64)
    start, after, best = exact(policy, beta)
    moved = OptimiserSettings(lr=3e-3, clip=0.0)
    # a little of the KL, so that the reference is asked in each step
    objective = Oreo(beta=beta, alpha=1e-6)
    trainer, _ = made(
        "full", paths, objective, start=policy, learns=moved, epochs=600.0, report_every=600,
        checkpoint_every=0,
    )  # fmt: skip
    trainer.run()
    assert trainer.value is not None
    batch = collate(paths)
    with torch.no_grad():
        values = state_values(trainer.value, batch).before
        chances = policy_scores(trainer.policy, batch).logps.exp()
    assert float(values[0, 0]) == pytest.approx(start, abs=5e-3)
    assert [float(values[i, 1]) for i in (0, 2)] == pytest.approx([after[0], after[1]], abs=5e-3)
    assert [float(chances[i, 0]) for i in (0, 2)] == pytest.approx(best, abs=5e-3)


@pytest.mark.parametrize("mode", ["full", "value-lora", "shared"])
def test_a_choice_is_solved_through_adapters_too(made: Make, mode: str):
    """One choice; a frozen output layer needs room to say it."""
    beta = 0.5
    paths = [
        Tokens(id=f"{a}", instance="i", ids=(0, 1, a), actions=(2,), ends=(2,), reward=float(a))
        for a in (0, 1)
    ]
    policy = new_policy(2, "32x1", bos=0, eos=1, pad=-1, seed=0, dtype=torch.float64)
    rng = torch.Generator().manual_seed(0)
    with torch.no_grad():
        table = policy.get_input_embeddings().weight
        table.copy_(0.5 * torch.randn(1, 32, generator=rng).expand(2, -1))
        table += 0.15 * torch.randn(2, 32, generator=rng)
        chances = policy(input_ids=torch.tensor([[0, 1]])).logits[0, -1].softmax(-1).tolist()
    start = beta * math.log(chances[0] + chances[1] * math.exp(1 / beta))
    moved = OptimiserSettings(lr=3e-3, clip=0.0)
    objective = Oreo(beta=beta, alpha=1e-6)
    trainer, _ = made(
        mode, paths, objective, start=policy, learns=moved, epochs=300.0, report_every=300,
        checkpoint_every=0,
    )  # fmt: skip
    trainer.run()
    assert trainer.value is not None
    batch = collate(paths)
    with torch.no_grad():
        found = policy_scores(trainer.policy, batch).logps.exp()
        values = state_values(trainer.value, batch).before
    assert float(found[1]) == pytest.approx(chances[1] * math.exp((1 - start) / beta), abs=5e-3)
    assert float(values[0]) == pytest.approx(start, abs=5e-3)


@pytest.mark.parametrize("mode", MODES[1:])
def test_a_bundle_is_trained_stored_and_played_like_any_other(
    an_episode: Any, a_store: Any, tmp_path: Path, mode: str
):
    store = a_store(tmp_path / "store", [an_episode(number) for number in range(24)])
    settings = TrainSettings(
        epochs=2.0, batch=8, networks=mode, lora=LoraSettings(rank=4),
        policy=OptimiserSettings(lr=1e-2), value=OptimiserSettings(lr=1e-2),
    )  # fmt: skip
    run = TrainRun(method="oreo", data=(store,), out=tmp_path / "out", size="32x1", train=settings)
    train(run)
    assert read_card(tmp_path / "out").has_value
    plain = replace(
        run, out=tmp_path / "sft", method="sft", train=replace(settings, networks="full")
    )
    train(plain)
    for network in ("policy", "value"):
        names = load_file(tmp_path / "out" / network / "model.safetensors").keys()
        assert not any("lora" in name or "base_layer" in name for name in names)
    first = load_file(tmp_path / "out/policy/model.safetensors")
    assert first.keys() == load_file(tmp_path / "sft/policy/model.safetensors").keys()
    with pytest.raises(SettingError, match=rf"train\.networks={mode} .*value of its own"):
        train(replace(run, model=str(run.out), out=tmp_path / "on"))


def test_imitation_through_an_adapter_leaves_the_rest_as_it_was(made: Make, episodes: list[Tokens]):
    trainer, laid = made("shared", episodes, Sft())
    assert laid.value is None
    base = {n: p.clone() for n, p in laid.policy.named_parameters() if "lora" not in n}
    trainer.run()
    assert all(torch.equal(p, dict(laid.policy.named_parameters())[n]) for n, p in base.items())
    assert all("lora_" in name for name in trained_weights(trainer.policy))


def test_an_adapter_needs_a_rank():
    with pytest.raises(ValueError, match="at least 1"):
        LoraSettings(rank=0)


def test_a_bounded_value_is_a_probability_from_its_start_to_its_bundle(
    made: Make, episodes: list[Tokens], tmp_path: Path
):
    trainer, laid = made("full", episodes, Oreo(value_loss="bce"), learns=OptimiserSettings(lr=0.1))
    rate = sum(e.reward for e in episodes) / len(episodes)
    row = first_row(trainer)
    assert row["v_first_won"] == pytest.approx(rate)
    laid.save(tmp_path / "out", with_value=True)
    value = ValueNetwork.load(tmp_path / "out/value", dtype=torch.float64)
    assert value.bounded
    batch = collate(episodes)
    with torch.no_grad():
        found = state_values(StateValues(value), batch).before[batch.mask]
    assert float(found.min()) > 0
    assert float(found.max()) < 1
    assert float(found.std()) > 0
    data = Data(train=episodes, held_out=(), relabel=None, pad=0)
    plain = ValueNetwork.of_policy(laid.policy)
    needs = Oreo(value_loss="bce").needs
    with pytest.raises(SettingError, match="value_loss=bce"):
        lay(laid.policy, plain, needs, data, trainer.settings, factors=None, weights="w")


def test_dropout_disturbs_what_is_learned_and_not_what_is_judged(
    made: Make, episodes: list[Tokens]
):
    trainer, _ = made("full", episodes, Oreo(), stir=0.3, value_dropout=0.5)
    assert trainer.value is not None
    batch = collate(episodes)
    learned = [state_values(trainer.value, batch).before for _ in range(2)]
    with torch.no_grad():
        judged = [state_values(trainer.value, batch).before for _ in range(2)]
    assert not torch.equal(*learned)
    assert torch.equal(*judged)
