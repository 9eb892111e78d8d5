"""What training costs on a GPU, by size of model and layout of networks.

    python benchmarks/gpu.py --json FILE [--shape 1.5B --shape 7B] [--tokens 8192]

Random weights in the shapes of Qwen2.5-1.5B and -7B, bfloat16, made-up episodes of about 1,000
tokens of which a fifth are actions, OREO with the exact KL; steps with the optimiser, of which the
first warms up. For each row: tokens a second, model FLOPs utilisation (6 N a token for a network
that moves, 4 N for one that only lets gradients through to adapters, 2 N for the reference, N
without the tables of tokens, attention not counted, of ``--peak`` TFLOPS), peak memory. ``head`` is
the output layer alone on 4,096 action tokens. A row that does not fit says so. On a CPU only
``--shape tiny`` makes sense: it shows that the script runs.
"""

import argparse
import tempfile
import time
from pathlib import Path
from random import Random
from typing import Any

import torch
from machine import machine, write
from made_up import made_up
from transformers import AutoModelForCausalLM, Qwen2Config

from oreo_agent.learn.batch import Tokens
from oreo_agent.learn.data import Data
from oreo_agent.learn.head import Logits, choose
from oreo_agent.learn.objectives.oreo import Oreo
from oreo_agent.learn.settings import LoraSettings, OptimiserSettings, TrainSettings
from oreo_agent.learn.trainer import Trainer
from oreo_agent.learn.wiring import lay

MODES = ("full", "value-lora", "shared")
SHAPES: dict[str, dict[str, int]] = {
    "tiny": {
        "vocab_size": 1024,
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
    },
    "1.5B": {
        "vocab_size": 151_936,
        "hidden_size": 1536,
        "intermediate_size": 8960,
        "num_hidden_layers": 28,
        "num_attention_heads": 12,
        "num_key_value_heads": 2,
    },
    "7B": {
        "vocab_size": 152_064,
        "hidden_size": 3584,
        "intermediate_size": 18_944,
        "num_hidden_layers": 28,
        "num_attention_heads": 28,
        "num_key_value_heads": 4,
    },
}


def episodes(tokens: int, vocabulary: int) -> list[Tokens]:
    """About so many tokens in all."""
    rng = Random(0)
    shape = {"opening": (200, 400), "turns": (8, 16), "world": (30, 60), "reply": (12, 12)}
    found: list[Tokens] = []
    while sum(len(e.ids) for e in found) < tokens:
        found.append(made_up(len(found), rng, vocabulary=vocabulary, **shape))
    return found


def step_row(shape: str, mode: str, tokens: int, peak: float, rounds: int) -> dict[str, Any]:
    """Tokens a second, utilisation and memory of one layout."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    sizes = SHAPES[shape]
    tied = shape != "7B"
    with torch.device(device):
        config = Qwen2Config(**sizes, tie_word_embeddings=tied, max_position_embeddings=8192)
        policy = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    size = sum(weight.numel() for weight in policy.parameters())
    body = size - sizes["vocab_size"] * sizes["hidden_size"] * (1 if tied else 2)
    found = episodes(tokens, sizes["vocab_size"])
    settings = TrainSettings(
        batch=len(found),
        epochs=float(rounds + 1),
        micro_tokens=tokens,
        networks=mode,
        lora=LoraSettings(),
        policy=OptimiserSettings(),
        value=OptimiserSettings(),
    )
    objective = Oreo()
    data = Data(train=found, held_out=(), relabel=None, pad=0)
    laid = lay(policy, None, objective.needs, data, settings, factors=None, weights=None)
    folder = Path(tempfile.mkdtemp())
    trainer = Trainer(objective, laid.networks, data, settings, folder, lambda _: None)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    seconds: list[float] = []
    count = sum(len(e.ids) for e in found)
    for step in range(rounds + 1):
        began = time.perf_counter()
        trainer.gradients(step)
        for name, index in trainer.due(step).items():
            trainer.movers[name].clip()
            trainer.movers[name].step(index)
        if device.type == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - began)
    each = sorted(seconds[1:])[rounds // 2]
    share = {"full": 6 + 6 + 2, "value-lora": 6 + 4 + 2, "shared": 4 + 4 + 2}[mode]
    return {
        "tokens_per_second": round(count / each),
        "mfu": round(share * body * count / each / (peak * 1e12), 3),
        "peak_gb": round(torch.cuda.max_memory_allocated() / 2**30, 1)
        if device.type == "cuda"
        else None,
        "parameters": size,
        "tokens": count,
    }


def head_row(shape: str, actions: int = 4096) -> dict[str, Any]:
    """Memory above its inputs, and time, of the output layer forward and backward."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    sizes = SHAPES[shape]

    def some(*size: int) -> torch.Tensor:
        return torch.randn(*size, device=device, dtype=torch.bfloat16)

    policy, reference = (
        Logits(some(actions, sizes["hidden_size"]), some(sizes["vocab_size"], sizes["hidden_size"]))
        for _ in range(2)
    )
    policy = Logits(*(one.requires_grad_() for one in policy))
    tokens = torch.randint(0, sizes["vocab_size"], (actions,), device=device)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
    began = time.perf_counter()
    chosen = choose(policy, tokens, reference)
    assert chosen.kl is not None
    (chosen.logps + chosen.kl).sum().backward()
    if device.type == "cuda":
        torch.cuda.synchronize()
    row: dict[str, Any] = {"seconds": round(time.perf_counter() - began, 3), "actions": actions}
    if device.type == "cuda":
        row["peak_gb"] = round((torch.cuda.max_memory_allocated() - before) / 2**30, 2)
    return row


def main() -> None:
    """Fill every row and write them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", type=Path, help="where the figures go")
    parser.add_argument("--shape", action="append", choices=sorted(SHAPES))
    parser.add_argument("--tokens", type=int, default=8192, help="of a step")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--peak", type=float, default=989.0, help="TFLOPS of the device in bfloat16"
    )
    asked = parser.parse_args()
    rows: dict[str, Any] = {}
    for shape in asked.shape or ["1.5B", "7B"]:
        for mode in MODES:
            try:
                found = step_row(shape, mode, asked.tokens, asked.peak, asked.rounds)
            except torch.OutOfMemoryError:
                found = {"out_of_memory": True}
            rows[f"{shape} {mode}"] = found
            print(f"{shape} {mode}: {found}", flush=True)
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
        rows[f"{shape} head"] = head_row(shape, 256 if shape == "tiny" else 4096)
        print(f"{shape} head: {rows[f'{shape} head']}", flush=True)
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
    result = {
        "benchmark": "gpu",
        "rows": rows,
        "machine": machine() | {"gpu": gpu, "torch": str(torch.__version__)},
    }
    write(result, asked.json)


if __name__ == "__main__":
    main()
