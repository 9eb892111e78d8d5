"""SFT, DPO and KTO beside TRL's trainers: the same losses and gradients on single-turn data."""

import copy
import importlib.util
from pathlib import Path
from typing import Any

import pytest
import torch
from stirring import drawn, stirred
from tokenizers import Tokenizer, models, pre_tokenizers
from torch import Tensor, nn
from transformers import PreTrainedTokenizerFast

from oreo_agent.learn.batch import Tokens
from oreo_agent.learn.forward import ReferenceLogits, TokenScores
from oreo_agent.learn.objectives import Objective
from oreo_agent.learn.objectives.dpo import Dpo
from oreo_agent.learn.objectives.kto import Kto
from oreo_agent.learn.objectives.sft import Sft
from oreo_agent.learn.rows import read_rows
from oreo_agent.learn.trainer import Networks
from oreo_agent.model.networks import new_policy

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::FutureWarning"),  # TRL's own, of transformers
    pytest.mark.skipif(
        importlib.util.find_spec("trl") is None,
        reason="TRL is not installed; `make test SLOW=1` does, and `pip install -e '.[trl]'`",
    ),
]
PROMPTS = ["a b ", "c ", "e f a ", "d "]
BETTER, WORSE = ["d e f", "a", "b b c", "g h"], ["g", "h h", "a", "b a c d"]
LABELS = [True, False, True, True]


@pytest.fixture
def tokenizer() -> Any:
    """A word a letter."""
    special = ["<pad>", "<s>", "<unk>", "<t>", "<eos>"]
    table = {word: i for i, word in enumerate([*special, *"abcdefgh"])}
    words = Tokenizer(models.WordLevel(table, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(
        tokenizer_object=words, eos_token="<eos>", pad_token="<pad>", unk_token="<unk>"
    )


@pytest.fixture
def policy() -> Any:
    return new_policy(13, "32x1", bos=1, eos=4, pad=0, seed=0)


@pytest.fixture
def reference(policy: Any) -> Any:
    """So far off that the policy finds anything likelier: KTO's baseline is then above 0."""
    return stirred(copy.deepcopy(policy), 0.3, drawn(1))


def theirs(trainer: Any, policy: nn.Module) -> tuple[float, dict[str, Tensor]]:
    """TRL's loss and gradients on its first and only batch."""
    (batch,) = trainer.get_train_dataloader()
    policy.zero_grad()
    policy.eval()
    loss = trainer.compute_loss(policy, batch)
    loss.backward()
    gradients = {name: weight.grad.clone() for name, weight in policy.named_parameters()}
    policy.zero_grad()
    return float(loss.detach()), gradients


def ours(
    a_trainer: Any, objective: Objective, episodes: list[Tokens], policy: Any, reference: Any,
    **settings: Any,
) -> tuple[float, dict[str, Tensor]]:  # fmt: skip
    """Our loss and gradients on the same."""
    nets = Networks(
        policy=TokenScores(policy),
        value=None,
        reference=ReferenceLogits(reference).eval().requires_grad_(False),
    )
    rows: list[dict[str, Any]] = []
    gradients: dict[str, Tensor] = {}

    class Catcher:
        def clip(self) -> float:
            return 0.0

        def step(self, index: int) -> None:
            for name, weight in policy.named_parameters():
                gradients[name] = weight.grad.clone()

    trainer = a_trainer(episodes, objective=objective, nets=nets, **settings)
    # the order in which TRL's sequential sampler has them, for the openings of KTO's mismatch
    trainer.batch = lambda step: objective.units(episodes)
    trainer.movers = {"policy": Catcher()}
    trainer.report = rows.append
    trainer.run()
    return rows[0]["policy_loss"], gradients


def episode(name: str, prompt: list[int], reply: list[int], reward: float) -> Tokens:
    """One turn."""
    actions = tuple(range(len(prompt), len(prompt) + len(reply)))
    ids = (*prompt, *reply)
    return Tokens(
        id=name, instance=str(prompt), ids=ids, actions=actions, ends=actions[-1:], reward=reward
    )


def config(kind: Any, folder: Path, **settings: Any) -> Any:
    return kind(
        output_dir=str(folder),
        report_to=[],
        use_cpu=True,
        bf16=False,
        per_device_train_batch_size=4,
        activation_checkpointing=False,
        train_sampling_strategy="sequential",
        **settings,
    )


def assert_equal(
    mine: tuple[float, dict[str, Tensor]], other: tuple[float, dict[str, Tensor]]
) -> None:
    assert mine[0] == pytest.approx(other[0], abs=1e-5)
    assert max(float(gradient.abs().max()) for gradient in other[1].values()) > 1e-3
    for name, gradient in other[1].items():
        torch.testing.assert_close(mine[1][name], gradient, atol=1e-5, rtol=1e-5, msg=name)


def test_sft_is_theirs(a_trainer, tokenizer, policy, reference, tmp_path: Path):
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    rows = Dataset.from_dict({"prompt": PROMPTS, "completion": BETTER})
    settings = config(SFTConfig, tmp_path / "trl", completion_only_loss=True)
    trainer = SFTTrainer(policy, args=settings, train_dataset=rows, processing_class=tokenizer)
    episodes = []
    for i, row in enumerate(trainer.train_dataset):
        begin = sum(label == -100 for label in row["labels"])
        ids = row["input_ids"]
        episodes.append(episode(str(i), ids[:begin], ids[begin:], 1.0))
    # their mean is over tokens
    mine = ours(a_trainer, Sft(), episodes, policy, reference, normalise="token")
    assert_equal(mine, theirs(trainer, policy))


def test_dpo_is_theirs(a_trainer, tokenizer, policy, reference, tmp_path: Path):
    from datasets import Dataset
    from trl import DPOConfig, DPOTrainer

    rows = Dataset.from_dict({"prompt": PROMPTS, "chosen": BETTER, "rejected": WORSE})
    trainer = DPOTrainer(
        policy,
        ref_model=reference,
        args=config(DPOConfig, tmp_path / "trl", beta=0.1),
        train_dataset=rows,
        processing_class=tokenizer,
    )
    episodes = [
        episode(f"{i} {side}", row["prompt_ids"], row[f"{side}_ids"], reward)
        for i, row in enumerate(trainer.train_dataset)
        for side, reward in (("chosen", 1.0), ("rejected", 0.0))
    ]
    mine = ours(a_trainer, Dpo(beta=0.1), episodes, policy, reference)
    assert_equal(mine, theirs(trainer, policy))


def test_kto_is_theirs(a_trainer, tokenizer, policy, reference, tmp_path: Path):
    from datasets import Dataset
    from trl import KTOConfig, KTOTrainer

    rows = Dataset.from_dict({"prompt": PROMPTS, "completion": BETTER, "label": LABELS})
    settings = config(
        KTOConfig, tmp_path / "trl", beta=0.1, desirable_weight=1.5, undesirable_weight=0.7
    )
    trainer = KTOTrainer(
        policy,
        ref_model=reference,
        args=settings,
        train_dataset=rows,
        processing_class=tokenizer,
    )
    episodes = [
        episode(str(i), row["prompt_ids"], row["completion_ids"], float(row["label"]))
        for i, row in enumerate(trainer.train_dataset)
    ]
    objective = Kto(beta=0.1, desirable=1.5, undesirable=0.7)
    mine = ours(a_trainer, objective, episodes, policy, reference)
    assert_equal(mine, theirs(trainer, policy))


TALKS: list[list[dict[str, str]]] = [
    [{"role": "user", "content": "a mug"}],
    [
        {"role": "system", "content": "Thought: go"},
        {"role": "user", "content": "On the drawer 2"},
        {"role": "assistant", "content": "look"},
        {"role": "user", "content": "nothing else"},
    ],
]
TEXTS = [("On the dra", "wer 2"), ("a mug ", "1"), ("x", "done<|im_end|>"), ("you see ", "")]


@pytest.mark.parametrize("conversational", [True, False])
def test_rows_become_the_ids_that_kto_trains_on(
    byte_tokenizer, tmp_path: Path, conversational: bool
):
    from datasets import Dataset
    from trl import KTOConfig, KTOTrainer

    words = byte_tokenizer()
    told: list[dict[str, Any]] = [{"prompt": a, "completion": b, "label": True} for a, b in TEXTS]
    if conversational:
        reply = [{"role": "assistant", "content": "go to drawer 2"}]
        told = [{"prompt": talk, "completion": reply, "label": False} for talk in TALKS]
    policy = new_policy(len(words), "32x1", bos=0, eos=words.eos_token_id, pad=0, seed=0)
    trainer = KTOTrainer(
        policy,
        ref_model=copy.deepcopy(policy),
        args=config(KTOConfig, tmp_path / "trl"),
        train_dataset=Dataset.from_list(told),
        processing_class=words,
    )
    mine = read_rows(told, words, name="rows", reward_column="label", longest=1000).episodes
    assert len(mine) == len(trainer.train_dataset)
    for ours, theirs in zip(mine, trainer.train_dataset, strict=True):
        begin, ids = len(theirs["prompt_ids"]), [*theirs["prompt_ids"], *theirs["completion_ids"]]
        # what the template writes behind the end token is no action here
        ids, tail = ids[: len(ours.ids)], ids[len(ours.ids) :]
        assert words.decode(tail) == ("\n" if conversational else "")
        assert ours.ids == tuple(ids)
        assert ids[-1] == words.eos_token_id
        assert ours.actions == tuple(range(begin, len(ids)))
        assert ours.reward == float(theirs["label"])
