"""Rule 4, over processes: two train the same weights as one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = [
    "train.epochs=2",
    "train.value_warmup=1",
    "train.batch=5",
    "train.held_out=0",
    "train.checkpoint_every=2",
]


def trained(folder: Path, store: Path, method: str, networks: str, processes: int) -> Path:
    """A bundle by so many processes; with an odd batch their shares differ."""
    out = folder / f"by-{processes}"
    program = folder / "program.py"
    program.write_text("from oreo_agent.cli import main\nmain()\n")
    launch = [sys.executable, str(program)]
    if processes > 1:
        launch[1:1] = ["-m", "torch.distributed.run", f"--nproc_per_node={processes}"]
    settings = [*SETTINGS, f"train.networks={networks}"]
    given = [argument for setting in settings for argument in ("--set", setting)]
    paths = os.pathsep.join([str(ROOT), str(ROOT / "envs"), str(ROOT / "tasks")])
    told = {"ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1", "PYTHONPATH": paths}
    done = subprocess.run(
        [
            *(*launch, "train", "--method", method, "--size", "32x1"),
            *("--data", str(store), "--out", str(out), *given),
        ],
        env=os.environ | told,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[:9000]
    return out


@pytest.mark.parametrize(
    ("method", "networks"), [("oreo", "full"), ("oreo", "shared"), ("kto", "full")]
)
def test_two_processes_train_what_one_does(
    an_episode, a_store, tmp_path: Path, method: str, networks: str
):
    store = a_store(tmp_path / "episodes", [an_episode(number) for number in range(13)])
    one, two = (trained(tmp_path, store, method, networks, processes) for processes in (1, 2))
    for network in ("policy", "value") if method == "oreo" else ("policy",):
        mine = load_file(one / network / "model.safetensors")
        theirs = load_file(two / network / "model.safetensors")
        assert mine.keys() == theirs.keys()
        for name, weight in mine.items():
            torch.testing.assert_close(theirs[name], weight, atol=1e-5, rtol=1e-4)
