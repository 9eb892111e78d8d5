"""What a training step costs here, beside the ways it is built elsewhere and beside the bare limit.

    python benchmarks/learner.py --json FILE [--rounds 5] [--episodes 8] [--trl]

Every side takes the gradients of the same episodes (shaped like ALFWorld's: an opening, then turns
of what the world says and a short reply) with networks of the same sizes: 15 M parameters, 32,000
tokens of vocabulary, float32, one thread. Times are processor times, in turn, medians over the
rounds; peak memory is that of a process of its own for each side, above what it holds before the
step. Figures:

- ``speed_vs_reference``, ``memory_vs_reference``: OREO with the exact KL, against a step built as
  the paper's code builds it: micro-batches of four left-padded episodes (ours are as many tokens),
  two passes of the policy,
  one of the reference and one of the value, a log-softmax over the vocabulary at every place three
  times;
- ``speed_vs_bare_limit`` and ``speed_vs_bare_limit_exact_kl``: OREO with the reference's
  log-probabilities reckoned before (k3), and with the exact KL, against one forward and backward of
  policy and value alone over the same packed rows, output layer at the action tokens, with a plain
  sum of logits and values in the place of a loss;
- ``speed_of_shared_opening``: the same OREO on as many episodes that all begin with the same 226
  tokens (the instructions of the prompt format ``react``), read once, against each reading its own;
- ``speed_vs_trl_dpo``, ``speed_vs_trl_kto`` (``--trl``, needs the extra [trl]): our DPO and KTO
  against TRL's trainers on as many pairs and episodes of one turn, per token. TRL's defaults make
  activations anew on the way back; here neither side does. TRL's output layer works in tiles that
  are meant for GPUs; what they cost a CPU was not taken apart, so this says little about a GPU.
"""

import argparse
import copy
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import torch
from machine import machine, write
from made_up import made_up
from torch import Tensor
from torch.nn import functional

from oreo_agent.learn import batch as learned
from oreo_agent.learn.batch import Batch, Tokens, collate, parts
from oreo_agent.learn.data import Data
from oreo_agent.learn.forward import ReferenceLogits, StateValues, TokenScores
from oreo_agent.learn.objectives import Objective
from oreo_agent.learn.objectives.dpo import Dpo
from oreo_agent.learn.objectives.kto import Kto
from oreo_agent.learn.objectives.oreo import Oreo
from oreo_agent.learn.reference import known_logps
from oreo_agent.learn.settings import TrainSettings
from oreo_agent.learn.trainer import Networks, Trainer
from oreo_agent.model.networks import ValueNetwork, new_policy
from oreo_agent.model.packed import attend_packed

VOCABULARY, SIZE = 32_000, "256x8"
BETA, ALPHA = 0.03, 0.01
PASS, MICRO = 1600, 4
OPENING = 226
Step = Callable[[], Any]


def episodes(count: int) -> list[Tokens]:
    """Made-up episodes in the shape of household games, won and lost in turn."""
    rng = Random(0)
    shape = {"opening": (80, 140), "turns": (3, 20), "world": (8, 40), "reply": (5, 12)}
    return [made_up(number, rng, vocabulary=VOCABULARY, **shape) for number in range(count)]


def begun(found: list[Tokens]) -> list[Tokens]:
    """The same episodes after an opening that is common to all."""
    opening = tuple(Random(2).randrange(5, VOCABULARY) for _ in range(OPENING))
    return [
        replace(
            episode,
            ids=opening + episode.ids,
            actions=tuple(a + OPENING for a in episode.actions),
            ends=tuple(end + OPENING for end in episode.ends),
        )
        for episode in found
    ]


def unshared(make: Callable[[], Step]) -> Step:
    """A step in which no opening is shared."""
    step = make()

    def alone() -> None:
        least, learned.LEAST = learned.LEAST, sys.maxsize
        try:
            step()
        finally:
            learned.LEAST = least

    return alone


def policy() -> Any:
    """15 M random weights."""
    return new_policy(VOCABULARY, SIZE, bos=1, eos=4, pad=0, seed=0)


def ours(
    objective: Objective,
    found: list[Tokens],
    *,
    batch: int,
    keep: bool = False,
    tokens: int = PASS,
) -> Step:
    """The gradients of one step of the library's trainer."""
    own = policy()
    scores = TokenScores(own)
    settings = TrainSettings(batch=batch, micro_tokens=tokens)
    value = StateValues(ValueNetwork.of_policy(own)) if objective.needs.value else None
    reference = known = None
    if keep:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["OREO_AGENT_CACHE"] = folder
            known = known_logps(scores, found, settings, weights="same", pad=0)
    else:
        reference = ReferenceLogits(copy.deepcopy(own)).eval().requires_grad_(False)
    trainer = Trainer(
        objective,
        Networks(policy=scores, value=value, reference=reference, known=known),
        Data(train=found, held_out=(), relabel=None, pad=0),
        settings,
        Path(tempfile.gettempdir()),
        lambda _: None,
    )

    def step() -> None:
        trainer.gradients(0)
        for network in trainer.trained.values():
            network.zero_grad(set_to_none=True)

    return step


def bare(found: list[Tokens]) -> Step:
    """Forward and backward of both networks, the output layer at action tokens, a sum."""
    own = policy()
    value = ValueNetwork.of_policy(own)
    attend_packed(own)
    attend_packed(value.body)

    def half(body: Any, head: Any, batch: Batch) -> None:
        hidden = body(
            input_ids=batch.ids,
            attention_mask=batch.ids.new_ones(1, 1, 1, 1),
            packing=batch.packing,
            position_ids=batch.position,
            use_cache=False,
        ).last_hidden_state
        head(hidden.flatten(0, 1)[batch.state[batch.mask]]).sum().backward()

    def step() -> None:
        for part in parts(((e,) for e in found), PASS):
            batch = collate(part)
            half(own.base_model, own.get_output_embeddings(), batch)
            half(value.body, value.head, batch)
        own.zero_grad(set_to_none=True)
        value.zero_grad(set_to_none=True)

    return step


def reference(found: list[Tokens]) -> Step:
    """OREO as the paper's code takes a step."""
    actor, frozen = policy(), policy().requires_grad_(False)
    critic = ValueNetwork.of_policy(actor)

    def logs(network: Any, ids: Tensor, seen: Tensor) -> Tensor:
        """(B, T - 1, V) over the whole vocabulary, everywhere."""
        positions = (seen.cumsum(1) - 1).clamp(min=0)
        logits = network(
            input_ids=ids, attention_mask=seen, position_ids=positions, use_cache=False
        ).logits
        return functional.log_softmax(logits[:, :-1].float(), dim=-1)

    def micro(part: list[Tokens]) -> None:
        width = max(len(e.ids) for e in part)
        ids = torch.zeros(len(part), width, dtype=torch.long)
        seen = torch.zeros(len(part), width, dtype=torch.long)
        acted = torch.zeros(len(part), width - 1)
        for i, e in enumerate(part):
            pad = width - len(e.ids)
            ids[i, pad:], seen[i, pad:] = torch.tensor(e.ids), 1
            acted[i, [pad + a - 1 for a in e.actions]] = 1
        tokens = ids[:, 1:, None]
        reward = torch.tensor([e.reward for e in part])[:, None]
        share = acted / acted.sum(1, keepdim=True) / len(found)
        with torch.no_grad():
            before = logs(actor, ids, seen).gather(2, tokens).squeeze(2)
            ref_full = logs(frozen, ids, seen)
            ref = ref_full.gather(2, tokens).squeeze(2)
        ratio = (before - ref) * acted
        onward = ratio.flip(1).cumsum(1).flip(1)
        positions = (seen.cumsum(1) - 1).clamp(min=0)
        hidden = critic.body(
            input_ids=ids, attention_mask=seen, position_ids=positions, use_cache=False
        ).last_hidden_state[:, :-1]
        values = critic.head(hidden)
        gap = values - reward + BETA * onward
        (gap**2 * share).sum().backward()
        full = logs(actor, ids, seen)
        own = (full.gather(2, tokens).squeeze(2) - ref) * acted
        kl = (full.exp() * (full - ref_full)).sum(-1)
        gap = values.detach() - reward + BETA * (own + onward - ratio)
        ((gap**2 + ALPHA * kl) * share).sum().backward()

    def step() -> None:
        for begin in range(0, len(found), MICRO):
            micro(found[begin : begin + MICRO])
        actor.zero_grad(set_to_none=True)
        critic.zero_grad(set_to_none=True)

    return step


def pairs(count: int) -> list[Tokens]:
    """Single turns, a lost and a won one of each prompt."""
    rng = Random(1)
    found: list[Tokens] = []
    for number in range(count):
        opening = [rng.randrange(5, VOCABULARY) for _ in range(rng.randint(100, 200))]
        for reward in (0.0, 1.0):
            reply = [rng.randrange(5, VOCABULARY) for _ in range(rng.randint(40, 160))]
            places = tuple(range(len(opening), len(opening) + len(reply)))
            found.append(
                Tokens(
                    id=f"{number:03} {reward}",
                    instance=f"prompt {number}",
                    ids=(*opening, *reply),
                    actions=places,
                    ends=places[-1:],
                    reward=reward,
                )
            )
    return found


def trl(kind: str, found: list[Tokens]) -> Step:
    """The loss and gradients of TRL's trainer on the same prompts and replies."""
    import trl as package
    from datasets import Dataset
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    def words(ids: tuple[int, ...]) -> str:
        return " ".join(map(str, ids))

    table = Tokenizer(models.WordLevel({str(i): i for i in range(VOCABULARY)}, unk_token="2"))
    table.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=table, eos_token="4", pad_token="0")
    told = [(words(e.ids[: e.actions[0]]) + " ", words(e.ids[e.actions[0] :])) for e in found]
    if kind == "DPO":
        rows = [
            {"prompt": prompt, "chosen": won, "rejected": lost}
            for (prompt, lost), (_, won) in zip(told[::2], told[1::2], strict=True)
        ]
    else:
        rows = [
            {"prompt": prompt, "completion": reply, "label": e.won}
            for e, (prompt, reply) in zip(found, told, strict=True)
        ]
    actor = policy()
    made = getattr(package, f"{kind}Trainer")(
        actor,
        ref_model=policy(),
        args=getattr(package, f"{kind}Config")(
            output_dir=tempfile.mkdtemp(),
            report_to=[],
            use_cpu=True,
            bf16=False,
            gradient_checkpointing=False,
            per_device_train_batch_size=len(rows),
        ),
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
    )
    (batch,) = made.get_train_dataloader()
    actor.train()

    def step() -> None:
        made.compute_loss(actor, batch).backward()
        actor.zero_grad(set_to_none=True)

    return step


def sides(count: int, *, with_trl: bool) -> dict[str, Callable[[], Step]]:
    """What is measured, by name; nothing is made before it is asked for."""
    found, single = episodes(count), pairs(count // 2)
    opened = begun(found)
    exact, estimated = Oreo(beta=BETA, alpha=ALPHA), Oreo(beta=BETA, alpha=ALPHA, kl="k3")
    made: dict[str, Callable[[], Step]] = {
        "oreo": lambda: ours(exact, found, batch=count),
        "oreo_kept_reference": lambda: ours(estimated, found, batch=count, keep=True),
        "reference": lambda: reference(found),
        "bare": lambda: bare(found),
        "opening": lambda: ours(exact, opened, batch=count, tokens=16384),
        "openings": lambda: unshared(lambda: ours(exact, opened, batch=count, tokens=16384)),
    }
    if with_trl:
        made |= {
            "dpo": lambda: ours(Dpo(), single, batch=count // 2),
            "kto": lambda: ours(Kto(), single, batch=count),
            "trl_dpo": lambda: trl("DPO", single),
            "trl_kto": lambda: trl("KTO", single),
        }
    return made


def peak(name: str, count: int) -> float:
    """MB that a process of its own holds at most in one step, above what it held before."""
    command = [sys.executable, __file__, "--peak", name, "--episodes", str(count)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return float(told.splitlines()[-1])


def main() -> None:
    """Run the rounds and write the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", type=Path, help="where the figures go")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--episodes", type=int, default=8, help="of a step; even")
    parser.add_argument("--trl", action="store_true", help="compare with TRL too (extra [trl])")
    parser.add_argument("--peak", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    made = sides(asked.episodes, with_trl=asked.trl)
    if asked.peak:
        step = made[asked.peak]()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        step()
        print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
        return
    memory = {name: peak(name, asked.episodes) for name in ("oreo", "reference", "bare")}
    steps = {name: make() for name, make in made.items()}
    times: dict[str, list[float]] = {name: [] for name in steps}
    for turn in range(asked.rounds + 1):
        for name, step in steps.items():
            began = time.process_time()
            step()
            if turn:  # the first round only warms up
                times[name].append(time.process_time() - began)

    def ratio(slow: str, fast: str) -> float:
        """Of the rounds' ratios the median: both sides of one had the same machine."""
        each = [a / b for a, b in zip(times[slow], times[fast], strict=True)]
        return round(statistics.median(each), 2)

    figures = {
        "speed_vs_reference": ratio("reference", "oreo"),
        "memory_vs_reference": round(memory["oreo"] / memory["reference"], 2),
        "speed_vs_bare_limit": ratio("bare", "oreo_kept_reference"),
        "speed_vs_bare_limit_exact_kl": ratio("bare", "oreo"),
        "speed_of_shared_opening": ratio("openings", "opening"),
    }
    if asked.trl:
        figures |= {f"speed_vs_trl_{one}": ratio(f"trl_{one}", one) for one in ("dpo", "kto")}
    found = episodes(asked.episodes)
    result = {
        "benchmark": "learner",
        "figures": figures,
        "details": {
            "seconds_a_step": {
                name: round(statistics.median(each), 3) for name, each in times.items()
            },
            "peak_mb": {name: round(each, 1) for name, each in memory.items()},
            "episodes": len(found),
            "tokens": sum(len(e.ids) for e in found),
            "action_tokens": sum(len(e.actions) for e in found),
            "rounds": asked.rounds,
        },
        "machine": machine(),
    }
    print(json.dumps(result, indent=2))
    write(result, asked.json)


if __name__ == "__main__":
    main()
