"""The reference's log-probabilities of the episodes, reckoned once where that is all it is for.

They depend on the reference's weights and on the episodes alone, so they are kept on disk under
both fingerprints: another run over the same data from the same policy reads them.
"""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import torch
from accelerate import Accelerator
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from oreo_agent.learn.batch import Batch, Tokens, collate, parts
from oreo_agent.learn.forward import computing, policy_scores, spread
from oreo_agent.learn.processes import accelerator
from oreo_agent.learn.settings import TrainSettings
from oreo_agent.records.atomic import write_atomic

Known = Mapping[str, Tensor]
"""Episode id to the (T,) log-probabilities of its action tokens, in nats, float32 or finer."""


def cache_folder() -> Path:
    """Where they are kept: below ``$OREO_AGENT_CACHE``, else in the user's cache folder."""
    given = os.environ.get("OREO_AGENT_CACHE")
    if given:
        return Path(given) / "reference"
    home = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    return home / "oreo-agent" / "reference"


def known_logps(
    scores: nn.Module,
    episodes: Sequence[Tokens],
    settings: TrainSettings,
    *,
    weights: str,
    pad: int,
) -> Known:
    """Read them from the cache, or reckon and keep them.

    Args:
        scores: `TokenScores` of the reference.
        episodes: all that will be learned or judged from; every process is given all of them.
        settings: how rows are packed and in which precision.
        weights: equal exactly for the same weights.
        pad: token that fills the rows.
    """
    ours = accelerator()
    scores = scores.to(ours.device)
    ordered = sorted(episodes, key=lambda episode: episode.id)
    path = cache_folder() / f"{_key(ordered, settings, weights, ours.device)}.safetensors"
    lengths = [len(episode.actions) for episode in ordered]
    flat = _read(path, sum(lengths))
    missing = torch.tensor(float(flat is None), device=ours.device)
    if flat is None or float(cast(Tensor, ours.reduce(missing, reduction="sum"))):
        flat = _reckoned(scores, ordered, settings, pad, ours)
        if ours.is_main_process:
            _keep(path, flat)
    return dict(zip((e.id for e in ordered), flat.split(lengths), strict=True))


def looked_up(known: Known, part: Sequence[Tokens], batch: Batch) -> Tensor:
    """(B, T) what is known of the episodes of a batch; zeros outside its mask."""
    flat = torch.cat([known[episode.id] for episode in part])
    return spread(flat.to(batch.mask.device), batch.mask)


def _key(
    episodes: Sequence[Tokens], settings: TrainSettings, weights: str, device: torch.device
) -> str:
    """Of all that decides the numbers to their last bit."""
    digest = hashlib.sha256()
    told: list[Any] = [weights, settings.dtype, settings.compute]
    told += [settings.packed, settings.micro_tokens]
    digest.update(json.dumps([*told, device.type, str(torch.__version__)]).encode())
    for episode in episodes:
        digest.update(f"{episode.id} {episode.ids} {episode.actions}".encode())
    return digest.hexdigest()[:32]


@torch.no_grad()
def _reckoned(
    scores: nn.Module,
    episodes: Sequence[Tokens],
    settings: TrainSettings,
    pad: int,
    processes: Accelerator,
) -> Tensor:
    """Each process does the parts that fall to it; all get the whole."""
    length = sum(len(episode.actions) for episode in episodes)
    flat = torch.zeros(length, dtype=torch.float64, device=processes.device)
    begin = 0
    for i, part in enumerate(parts(((one,) for one in episodes), settings.micro_tokens)):
        size = sum(len(episode.actions) for episode in part)
        if i % processes.num_processes == processes.process_index:
            batch = collate(part, packed=settings.packed, pad=pad).to(processes.device)
            with computing(settings, processes.device):
                flat[begin : begin + size] = policy_scores(scores, batch).logps[batch.mask]
        begin += size
    whole = cast(Tensor, processes.reduce(flat, reduction="sum"))
    fine = getattr(torch, settings.dtype)
    return whole.to(torch.promote_types(fine, torch.float32)).cpu()


def _read(path: Path, tokens: int) -> Tensor | None:
    """(tokens,) what is kept there; None where that is nothing, damaged, or of another length."""
    try:
        flat = load_file(path)["logps"]
    except (OSError, KeyError, SafetensorError):
        return None
    return flat if len(flat) == tokens else None


def _keep(path: Path, flat: Tensor) -> None:
    """A cache that cannot be written costs time, not the run."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, save({"logps": flat}))
    except OSError:
        return
