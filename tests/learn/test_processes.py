"""Rule 4, over processes: two train the same weights as one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from accelerate.commands.config.config_args import load_config_from_file
from safetensors.torch import load_file
from two_processes import by_two

from oreo_agent.cli import run as oreo
from oreo_agent.learn.sharding import clip

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = [
    "train.epochs=2",
    "train.value_warmup=1",
    "train.batch=5",
    "train.held_out=0",
    "train.checkpoint_every=2",
]


def trained(folder: Path, store: Path, method: str, processes: int, *given: str) -> Path:
    """A bundle by so many processes; with an odd batch their shares differ."""
    out = folder / f"by-{processes}"
    words = ["train", "--method", method, "--size", "32x1", "--data", str(store), "--out", str(out)]
    words += [word for setting in (*SETTINGS, *given) for word in ("--set", setting)]
    assert ([oreo(words)] if processes == 1 else by_two(oreo, words)) == [0] * processes
    return out


def gradients(bundle: Path) -> dict[str, float]:
    """Their mean norms, which AdamW would not tell from any multiple of them."""
    rows = map(json.loads, (bundle / "metrics.jsonl").read_text().splitlines())
    return {name: figure for row in rows for name, figure in row.items() if "gradient" in name}


def assert_close(one: Path, two: Path, networks: tuple[str, ...] = ("policy", "value")) -> None:
    assert gradients(two) == pytest.approx(gradients(one), rel=1e-3)
    assert gradients(one)
    for network in networks:
        mine = load_file(one / network / "model.safetensors")
        theirs = load_file(two / network / "model.safetensors")
        assert mine.keys() == theirs.keys()
        for name, weight in mine.items():
            torch.testing.assert_close(theirs[name], weight, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    ("method", "networks"), [("oreo", "full"), ("oreo", "shared"), ("kto", "full")]
)
def test_two_processes_train_what_one_does(
    an_episode, a_store, tmp_path: Path, method: str, networks: str
):
    store = a_store(tmp_path / "episodes", [an_episode(number) for number in range(13)])
    given = f"train.networks={networks}"
    one, two = (trained(tmp_path, store, method, processes, given) for processes in (1, 2))
    assert_close(one, two, ("policy", "value") if method == "oreo" else ("policy",))


@pytest.mark.parametrize(
    ("method", "settings"),
    [
        ("oreo", ["train.shard=zero3", "train.micro_tokens=20", "train.best=true"]),
        ("oreo", ["train.shard=zero2", "train.networks=value-lora"]),
        ("kto", ["train.shard=zero3", "train.micro_tokens=20", "train.recompute=true"]),
    ],
)
def test_spread_networks_learn_what_whole_ones_do(
    an_episode, a_store, tmp_path: Path, method: str, settings: list[str]
):
    """Parts of a batch are small, so that the processes differ in how many they have."""
    episodes = [an_episode(number, turns=1 + number % 4) for number in range(13)]
    store = a_store(tmp_path / "episodes", episodes)
    judged = [*settings, "train.judge_every=2", "train.held_out=0.3"]
    plain = [each for each in judged if "shard" not in each and "recompute" not in each]
    one = trained(tmp_path, store, method, 1, *plain)
    two = trained(tmp_path, store, method, 2, *judged)
    assert_close(one, two, ("policy", "value") if method == "oreo" else ("policy",))


SCRIPT = """
import sys
from oreo_agent import OREOConfig, OREOTrainer
from oreo_agent.model.networks import new_policy
from oreo_agent.model.tokenizers import word_tokenizer

out, processes = sys.argv[1], int(sys.argv[2])
words = ["<pad>", "<s>", "<unk>", "<turn>", "<eos>", *"abcdefghij"]
tokenizer = word_tokenizer(words, bos="<s>", eos="<eos>", unk="<unk>", pad="<pad>")
policy = new_policy(len(words), "32x2", bos=1, eos=4, pad=0, seed=0)
rows = [
    {"prompt": f"{a} {b}", "completion": f" {b} c", "label": (ord(a) + ord(b)) % 3 == 0}
    for a in "abcde"
    for b in "fghij"
]
args = OREOConfig(
    output_dir=out, learning_rate=1e-3, held_out=0.2, per_device_train_batch_size=8 // processes,
    threads=1, shard="zero3" if processes > 1 else "none", gradient_checkpointing=processes > 1,
)
trainer = OREOTrainer(
    policy, args=args, train_dataset=rows, processing_class=tokenizer, value_model=policy
)
trainer.train()
trainer.save_model()
"""


def test_a_script_of_ones_own_is_spread_by_the_same_settings(tmp_path: Path):
    program = tmp_path / "script.py"
    program.write_text(SCRIPT)
    paths = os.pathsep.join([str(ROOT), str(ROOT / "envs"), str(ROOT / "tasks")])
    for processes in (1, 2):
        launch = ["-m", "torch.distributed.run", "--nproc_per_node=2"] if processes > 1 else []
        subprocess.run(
            [sys.executable, *launch, str(program), str(tmp_path / f"{processes}"), f"{processes}"],
            env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": paths},
            capture_output=True,
            check=True,
        )
    assert_close(tmp_path / "1", tmp_path / "2")


@pytest.mark.parametrize("recipe", sorted((ROOT / "configs/accelerate").iterdir()))
def test_recipes_of_accelerate_start_processes_and_leave_the_rest_to_the_learner(recipe: Path):
    found = load_config_from_file(str(recipe))
    assert found.num_processes == 8 * found.num_machines
    assert found.mixed_precision == "no"
    assert found.fsdp_config == found.deepspeed_config == {}


@pytest.mark.parametrize("most", [0.5, 100.0])
def test_gradients_are_clipped_as_torch_does(most: float):
    weights = [torch.nn.Parameter(torch.zeros(3, 2)), torch.nn.Parameter(torch.zeros(4))]
    grads = [torch.full((3, 2), 0.5), torch.arange(4.0)]
    for weight, grad in zip(weights, grads, strict=True):
        weight.grad = grad.clone()
    norm = float(torch.nn.utils.clip_grad_norm_(weights, most))
    others = [torch.nn.Parameter(weight.detach()) for weight in weights]
    for weight, grad in zip(others, grads, strict=True):
        weight.grad = grad.clone()
    unmoved = torch.nn.Parameter(torch.zeros(2))
    assert clip([*others, unmoved], most) == pytest.approx(norm)
    for mine, theirs in zip(others, weights, strict=True):
        torch.testing.assert_close(mine.grad, theirs.grad)
