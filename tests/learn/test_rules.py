"""The rules that hold for every objective and batch layout, tried on networks and stub networks."""

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from oreo_agent.learn.batch import Batch, Tokens, collate
from oreo_agent.learn.forward import policy_scores, state_values
from oreo_agent.learn.head import Chosen, Logits, choose
from oreo_agent.learn.objectives.dpo import Dpo
from oreo_agent.learn.objectives.dqo import Dqo
from oreo_agent.learn.objectives.kto import Kto
from oreo_agent.learn.objectives.oreo import Oreo
from oreo_agent.learn.objectives.rejection import Rejection
from oreo_agent.learn.objectives.sft import Sft
from oreo_agent.learn.trainer import Networks, Trainer
from oreo_agent.model.networks import unfactor
from oreo_agent.records.episode import Segment

ALL = [
    Oreo(alpha=0.3),
    Oreo(observations=0.5, answers=0.5, last_weight=3.0),
    Oreo(level="step", kl="k3"),
    Oreo(level="response"),
    Oreo(level="response", value="logsumexp"),
    Sft(observations=0.5, answers=0.2),
    Rejection(),
    Dpo(),
    Dqo(lam=0.5, cap=0.0),
]
OBJECTIVES = pytest.mark.parametrize("objective", ALL)
OF_BATCHES = [
    Kto(),
    Oreo(level="response", value="group-mean"),
]
"""What they make of an episode depends on others of its batch or instance."""
Gradients = dict[str, Tensor]


class Catcher:
    """Takes the gradient of a step and leaves the weights as they are."""

    def __init__(self, network: nn.Module) -> None:
        self.network = network
        self.gradients: Gradients = {}

    def clip(self) -> float:
        return 0.0

    def step(self, index: int) -> None:
        for name, weight in self.network.named_parameters():
            if weight.grad is not None:
                self.gradients[name] = weight.grad.clone()
                weight.grad = None


def learned(trainer: Trainer) -> tuple[dict[str, float], Gradients]:
    """Losses and gradients of the first step."""
    rows: list[dict[str, Any]] = []
    catchers = {name: Catcher(network) for name, network in trainer.trained.items()}
    trainer.movers = catchers
    trainer.report = rows.append
    trainer.run()
    gradients = {
        f"{name}.{weight}": gradient
        for name, catcher in catchers.items()
        for weight, gradient in catcher.gradients.items()
    }
    return rows[0], gradients


def drawn(trainer: Trainer, step: int = 0) -> list[Tokens]:
    """The episodes of a step in the order of its batch."""
    return [episode for unit in trainer.batch(step) for episode in unit]


def assert_equal(first: Gradients, second: Gradients, *, atol: float = 1e-9) -> None:
    assert first.keys() == second.keys()
    assert max(float(gradient.abs().max()) for gradient in first.values()) > 1e-4
    for name, gradient in first.items():
        torch.testing.assert_close(gradient, second[name], atol=atol, rtol=0)


@pytest.fixture(scope="module")
def episodes(an_episode) -> list[Tokens]:
    """Four of one instance and of different lengths, won and lost."""
    found = [
        Tokens.of(an_episode(number, turns=turns, instance="dens/0"))
        for turns, number in enumerate((0, 1, 3, 4), 1)
    ]
    assert {episode.reward for episode in found} == {0.0, 1.0}
    return found


# Rule 1: where V lives


class Recorder(nn.Module):
    """A value network that notes where it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))
        self.asked: list[list[int]] = []

    def forward(
        self, batch: Batch, places: Tensor, seen: Tensor | None = None
    ) -> tuple[Tensor, None]:
        assert seen is None
        self.asked.append(places.tolist())
        return self.weight.expand(len(places)), None


def test_v_is_trained_before_every_action_token_and_at_the_end_of_every_reply(episodes):
    recorder = Recorder()
    batch = collate(episodes[2:3])
    state_values(recorder, batch)
    (asked,) = recorder.asked
    before = [action - 1 for action in episodes[2].actions]
    assert asked == [*before, *episodes[2].ends]


@pytest.mark.parametrize("after", [0, 2])
def test_no_loss_touches_the_state_after_the_world_has_had_the_last_word(
    an_episode, a_trainer, after: int
):
    said = Segment(kind="observation", ids=(5,) * after, text="the last word")
    episode = an_episode(3, turns=2)
    tokens = Tokens.of(an_episode(3, turns=2, segments=(*episode.segments, said)))
    recorder = Recorder()
    learned(a_trainer([tokens], nets=stubs([tokens], value=recorder)))
    touched = {place for places in recorder.asked for place in places}
    assert max(touched) == tokens.ends[-1] == len(tokens.ids) - 1 - after


def test_both_places_of_v_are_pulled_toward_the_reward_less_what_is_still_to_come(
    a_trainer, episodes
):
    beta = 0.7
    given, episodes = episodes, drawn(a_trainer(episodes))  # in the order of the batch
    ratios = [torch.randn(len(e.actions), dtype=torch.float64) for e in episodes]

    class Exact(nn.Module):
        """V where the soft Bellman equation holds."""

        def __init__(self) -> None:
            super().__init__()
            self.shift = nn.Parameter(torch.zeros((), dtype=torch.float64))

        def forward(
            self, batch: Batch, places: Tensor, seen: Tensor | None = None
        ) -> tuple[Tensor, None]:
            found: list[Tensor] = []
            for place in places.tolist():
                owner = int(batch.episode.flatten()[place])
                position = int(batch.position.flatten()[place])
                rest = ratios[owner][[a > position for a in episodes[owner].actions]]
                found.append(episodes[owner].reward - beta * rest.sum())
            return torch.stack(found) + self.shift, None

    nets = stubs(episodes, value=Exact(), ratios=ratios)
    losses, _ = learned(a_trainer(given, nets=nets, objective=Oreo(beta=beta, alpha=0.0)))
    assert losses["value_loss"] == pytest.approx(0, abs=1e-12)
    assert losses["policy_loss"] == pytest.approx(0, abs=1e-12)


# Rules 2 and 3: actions and their ids


class Stub(nn.Module, ABC):
    """A policy of made-up logits; asked for no tokens, a reference of them."""

    @abstractmethod
    def logits(self, batch: Batch, places: Tensor) -> Tensor:
        """At these places."""

    def forward(
        self, batch: Batch, places: Tensor, tokens: Tensor | None = None, **asked: Any
    ) -> Any:
        made = self.logits(batch, places)
        logits = Logits(made, torch.eye(made.shape[1], dtype=made.dtype))
        if tokens is None:
            return logits
        return choose(logits, tokens, asked["reference"], kl=asked["kl"]), None, None


class Table(Stub):
    """Logits, or values, of the episode and the number of actions before alone."""

    def __init__(self, table: Tensor) -> None:
        super().__init__()
        self.table = nn.Parameter(table)

    def forward(
        self, batch: Batch, places: Tensor, tokens: Tensor | None = None, **asked: Any
    ) -> Any:
        if self.table.ndim == 2:
            return self.logits(batch, places), None
        return super().forward(batch, places, tokens, **asked)

    def logits(self, batch: Batch, places: Tensor) -> Tensor:
        owner = batch.episode.flatten()[places]
        here = batch.position.flatten()[places]
        rank = torch.stack(
            [
                (batch.position.flatten()[batch.state[o]][batch.mask[o]] < p).sum()
                for o, p in zip(owner.tolist(), here.tolist(), strict=True)
            ]
        )
        return self.table[owner, rank]


class Known(nn.Module):
    """Gives the actions of known episodes the given log-probabilities."""

    def __init__(self, episodes: list[Tokens], logps: list[Tensor]) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.zeros((), dtype=torch.float64))
        self.known = [
            {a - 1: float(logp) for a, logp in zip(e.actions, line, strict=True)}
            for e, line in zip(episodes, logps, strict=True)
        ]

    def forward(
        self, batch: Batch, places: Tensor, tokens: Tensor | None = None, **asked: Any
    ) -> Any:
        owner = batch.episode.flatten()[places].tolist()
        position = batch.position.flatten()[places].tolist()
        found = [self.known[o].get(p, -1.0) for o, p in zip(owner, position, strict=True)]
        column = torch.tensor(found, dtype=torch.float64) + self.shift
        if tokens is None:
            return column
        none = torch.zeros_like(column)
        return Chosen(column, asked["reference"], none, none), None, None


def stubs(
    episodes: list[Tokens], *, value: nn.Module, ratios: list[Tensor] | None = None
) -> Networks:
    ratios = ratios or [torch.zeros(len(e.actions), dtype=torch.float64) for e in episodes]
    zeros = [torch.zeros_like(line) for line in ratios]
    return Networks(
        policy=Known(episodes, ratios),
        value=value,
        reference=Known(episodes, zeros).requires_grad_(False),
    )


def test_tokens_of_the_world_anywhere_leave_oreos_losses_and_gradients_unchanged(
    an_episode, a_trainer
):
    first = [an_episode(number, turns=3) for number in range(4)]
    wordy = []
    for episode in first:
        segments: list[Segment] = []
        for i, segment in enumerate(episode.segments):
            said = Segment(kind="observation", ids=(5 + i, 4, 8)[: 1 + i % 3], text="")
            segments += [segment, said] if i % 2 else [said, segment]
        wordy.append(an_episode(int(episode.id[1:]), turns=3, segments=tuple(segments)))
    rng = torch.Generator().manual_seed(0)
    tables = [torch.randn(4, 12, 30, generator=rng, dtype=torch.float64) for _ in range(2)]
    values = torch.randn(4, 12, generator=rng, dtype=torch.float64)

    def run(found: list[Any]) -> tuple[dict[str, float], Gradients]:
        nets = Networks(
            policy=Table(tables[0].clone()),
            value=Table(values.clone()),
            reference=Table(tables[1].clone()).requires_grad_(False),
        )
        tokens = [Tokens.of(episode) for episode in found]
        return learned(a_trainer(tokens, nets=nets, objective=Oreo(alpha=0.3)))

    (plain, gradients), (longer, others) = run(first), run(wordy)
    for name in ("policy_loss", "value_loss", "kl", "ratio_won", "nll"):
        assert plain[name] == pytest.approx(longer[name], abs=1e-12)
    assert_equal(gradients, others, atol=1e-12)


def test_the_ids_that_are_learned_are_those_that_were_stored(an_episode, a_trainer, some_networks):
    """An action that no tokenizer would give: it is not written anew from its text."""
    odd = (15, 15, 3)
    segments = [
        Segment(kind=s.kind, ids=odd, text="walk to den 1", command="walk to den 1")
        if s.kind == "action"
        else s
        for s in an_episode(1, turns=2).segments
    ]
    trainer = a_trainer([Tokens.of(an_episode(1, turns=2, segments=tuple(segments)))])
    (episode,) = drawn(trainer)
    assert tuple(episode.ids[a] for a in episode.actions) == odd * 2
    assert collate([episode]).action.tolist() == [[*odd, *odd]]


# Rule 4: neighbours don't matter


LAYOUTS: dict[str, dict[str, Any]] = {
    "packed": {},
    "one row each": {"packed": False},
    "one at a time": {"micro_tokens": 1},
    "two parts, one row each": {"micro_tokens": 40, "packed": False},
}


@OBJECTIVES
@pytest.mark.parametrize("layout", LAYOUTS)
def test_neighbours_do_not_matter(a_trainer, some_networks, episodes, objective, layout: str):
    nets = some_networks(dtype=torch.float64)
    units = objective.units(episodes)
    alone = [learned(a_trainer(unit, nets=nets, objective=objective))[1] for unit in units]
    mean = {name: sum(gradients[name] for gradients in alone) / len(alone) for name in alone[0]}
    for order in (episodes, episodes[::-1]):
        trainer = a_trainer(order, nets=nets, objective=objective, **LAYOUTS[layout])
        assert_equal(mean, learned(trainer)[1], atol=1e-7)  # shares of a batch are float32


@pytest.mark.parametrize("objective", [*ALL, *OF_BATCHES])
@pytest.mark.parametrize("layout", [name for name in LAYOUTS if name != "packed"])
def test_token_normalisation_does_not_depend_on_the_layout_either(
    a_trainer, some_networks, episodes, objective, layout: str
):
    nets = some_networks(dtype=torch.float64)
    settings = {"nets": nets, "objective": objective, "normalise": "token"}
    whole = learned(a_trainer(episodes, **settings))[1]
    assert_equal(whole, learned(a_trainer(episodes, **settings, **LAYOUTS[layout]))[1])


@pytest.mark.parametrize("objective", [Oreo(), Kto()], ids=["oreo", "kto"])
def test_parts_gone_through_for_the_sake_of_other_processes_change_nothing(
    a_trainer, some_networks, episodes, objective, monkeypatch: pytest.MonkeyPatch
):
    shifts: list[float] = []
    found: list[Gradients] = []
    for idle in ([], [[episodes[1]], episodes[2:]]):
        trainer = a_trainer(
            episodes, objective=objective, nets=some_networks(dtype=torch.float64, stir=0.1)
        )
        mismatch = trainer._mismatch(episodes)
        monkeypatch.setattr(
            trainer, "_own", lambda units, idle=idle: ([[e for unit in units for e in unit]], idle)
        )
        shifts.append(trainer._mismatch(episodes))
        assert shifts[-1] == pytest.approx(mismatch)
        found.append(learned(trainer)[1])
    assert shifts[0] != 0
    assert_equal(*found)


# Rule 5: normalisation


@pytest.mark.parametrize("micro_tokens", [1, 16384])
def test_normalisation_is_by_episode_or_by_token_over_the_whole_batch(
    a_trainer, some_networks, episodes, micro_tokens: int
):
    """V = 0 everywhere and pi = pi_ref, so each residual is the episode's reward."""
    rewards = [e.reward for e in episodes]
    settings = {"nets": some_networks(stir=0.0), "micro_tokens": micro_tokens}
    by_episode, _ = learned(a_trainer(episodes, **settings))
    mean = sum(rewards) / len(rewards)
    assert by_episode["policy_loss"] == pytest.approx(mean)
    assert by_episode["value_loss"] == pytest.approx(2 * mean)

    by_token, _ = learned(a_trainer(episodes, normalise="token", **settings))

    def share(counts: list[int]) -> float:
        return sum(r * n for r, n in zip(rewards, counts, strict=True)) / sum(counts)

    tokens, ends = ([len(e.actions) for e in episodes], [len(e.ends) for e in episodes])
    assert by_token["policy_loss"] == pytest.approx(share(tokens))
    assert by_token["value_loss"] == pytest.approx(share(tokens) + share(ends))
    assert by_token["policy_loss"] != pytest.approx(by_episode["policy_loss"])


@pytest.mark.parametrize("normalise", ["token", "episode"])
def test_a_state_is_worth_its_share_of_wins_by_token_and_more_by_episode_where_wins_are_short(
    a_trainer, an_episode, normalise: str
):
    """Two ways on from one state, equally likely: decision 0005."""
    won, lost = (Tokens.of(an_episode(0, turns=turns)) for turns in (1, 4))
    episodes = [replace(won, id="w", reward=1.0), replace(lost, id="l", reward=0.0)]
    lengths = [len(e.actions) for e in episodes]
    shares = [1 / n for n in lengths] if normalise == "episode" else [1.0, 1.0]
    settled = shares[0] / sum(shares)
    assert (settled > 0.7) == (normalise == "episode")

    table = torch.full((2, max(lengths) + 1), settled, dtype=torch.float64)
    nets = stubs(episodes, value=Table(table))
    trainer = a_trainer(
        episodes, nets=nets, objective=Oreo(end_weight=0.0), normalise=normalise, value_warmup=1.0
    )
    _, gradients = learned(trainer)
    (pull,) = (g for g in gradients.values() if g.shape == table.shape)
    assert pull[:, 0].abs().min() > 0
    assert pull[:, 0].sum().item() == pytest.approx(0, abs=1e-12)


# Rule 6: the start


@pytest.mark.parametrize("factored", [True, False])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_before_the_first_update_log_ratios_and_kl_are_exactly_zero(
    a_trainer, some_networks, episodes, factored: bool, layout: str
):
    nets = some_networks(stir=0.0, factored=factored)
    losses, gradients = learned(a_trainer(episodes, nets=nets, **LAYOUTS[layout]))
    assert losses["kl"] == losses["ratio_won"] == losses["ratio_lost"] == 0.0
    kl_alone, _ = learned(
        a_trainer(episodes, nets=nets, objective=Oreo(alpha=1e6), **LAYOUTS[layout])
    )
    assert kl_alone["policy_loss"] == losses["policy_loss"]
    assert gradients


def test_a_policy_with_dropout_starts_at_the_reference_too(a_trainer, some_networks, episodes):
    nets = some_networks(stir=0.0)
    for network in (nets.policy, nets.value):
        for module in network.train().modules():
            if hasattr(module, "attention_dropout"):
                module.attention_dropout = 0.5
    losses, _ = learned(a_trainer(episodes, nets=nets))
    assert losses["kl"] == losses["ratio_won"] == losses["ratio_lost"] == 0.0


def test_a_factored_policy_has_the_losses_of_the_table_that_it_stands_for(
    a_trainer, some_networks, episodes
):
    nets = some_networks(dtype=torch.float64)
    first, _ = learned(a_trainer(episodes, nets=nets))
    for scores in (nets.policy, nets.reference):
        unfactor(scores.policy)
    unfactor(nets.value.value.model)
    second, _ = learned(a_trainer(episodes, nets=nets))
    for name in ("policy_loss", "value_loss", "kl", "nll"):
        assert first[name] == pytest.approx(second[name], rel=1e-9)


def test_in_the_warm_up_of_the_value_the_policy_stands_still(a_trainer, some_networks, episodes):
    nets = some_networks()
    trainer = a_trainer(episodes, nets=nets, value_warmup=1.0, epochs=0.0)
    losses, gradients = learned(trainer)
    assert {name.split(".")[0] for name in gradients} == {"value"}
    assert "policy_loss" not in losses
    assert losses["value_loss"] > 0


# What the objective is given: the plain forward of each episode by itself


@pytest.mark.parametrize("packed", [True, False])
def test_scores_and_values_are_those_of_each_episodes_own_plain_forward(
    some_networks, episodes, packed: bool
):
    nets = some_networks(dtype=torch.float64, factored=False)
    batch = collate(episodes, packed=packed)
    with torch.no_grad():
        scores = policy_scores(nets.policy, batch, reference=nets.reference, seen=batch.seen_mask)
        before, after, _ = state_values(nets.value, batch)
        for i, episode in enumerate(episodes):
            ids = torch.tensor([episode.ids])
            full = nets.policy.policy(ids).logits[0].log_softmax(-1)
            ref = nets.reference.policy(ids).logits[0].log_softmax(-1)
            value = nets.value.value
            values = value.head(value.body(ids).last_hidden_state)[0]
            states = [a - 1 for a in episode.actions]
            done = [episode.ids[a] for a in episode.actions]
            mask = batch.mask[i]
            kl = (full.exp() * (full - ref)).sum(-1)[states]
            assert kl.min() > 0
            said = [k for k in range(1, len(episode.ids)) if k not in episode.actions]
            found = {
                "logps": (scores.logps[i][mask], full[states, done]),
                "reference": (scores.ref_logps[i][mask], ref[states, done]),
                "kl": (scores.kl[i][mask], kl),
                "seen": (
                    scores.seen_logps[i][batch.seen_mask[i]],
                    full[[k - 1 for k in said], [episode.ids[k] for k in said]],
                ),
                "values": (before[i][mask], values[states]),
                "ends": (after[i][batch.end_mask[i]], values[list(episode.ends)]),
            }
            for name, (ours, plain) in found.items():
                torch.testing.assert_close(ours, plain, atol=1e-9, rtol=0, msg=name)


def test_the_exact_kl_is_the_worked_number():
    class Fixed(Stub):
        def __init__(self, logits: list[float]) -> None:
            super().__init__()
            self.row = torch.tensor(logits, dtype=torch.float64)

        def logits(self, batch: Batch, places: Tensor) -> Tensor:
            return self.row.expand(len(places), -1)

    batch = collate([Tokens(id="e", instance="i", ids=(0, 1), actions=(1,), ends=(1,), reward=1.0)])
    found = policy_scores(Fixed([0.2, 0.0, -0.3]), batch, reference=Fixed([0.0, 0.0, 0.0]))
    assert float(found.kl) == pytest.approx(0.0201117, abs=1e-7)


def test_renaming_happens_for_each_use_and_follows_from_the_seed(a_trainer, prompt, an_episode):
    tokens = [Tokens.of(an_episode(number)) for number in range(6)]
    trainer = a_trainer(tokens, relabel=prompt.relabelled, epochs=2.0)
    first, second = drawn(trainer), drawn(trainer, 1)
    assert first == drawn(a_trainer(tokens, relabel=prompt.relabelled))
    by_id = {e.id: e for e in second}
    assert {e.id for e in first} == set(by_id) == {e.id for e in tokens}
    assert any(e.ids != by_id[e.id].ids for e in first)
    for episode in first:
        (original,) = [e for e in tokens if e.id == episode.id]
        assert (episode.actions, episode.reward) == (original.actions, original.reward)


# Rule 7: reward at the end alone


def test_a_discount_is_a_terminal_reward_that_falls_with_every_turn(a_trainer, an_episode):
    episodes = [Tokens.of(an_episode(number, turns=1 + number // 8)) for number in range(16)]
    due = [replace(e, reward=e.reward * 0.5 ** len(e.ends)) for e in episodes]
    assert {e.reward for e in due} >= {0.0, 0.5, 0.25}
    assert_equal(
        learned(a_trainer(episodes, discount=0.5))[1], learned(a_trainer(due, discount=1.0))[1]
    )
