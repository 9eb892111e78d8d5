"""Somebody else's logs to import."""

import json
from pathlib import Path

from oreo_agent.rollouts.importing import ImportSettings, import_logs

TASK = "pick_and_place_simple-Mug-None-Shelf-1/trial_T1"
OPENING = (
    "You are in the middle of a room. Looking quickly around you, you see a drawer 2, and a "
    "shelf 1.\nYour task is to: put some mug on shelf."
)
GAME = f"""{OPENING}
> Think: I should look. <|im_end|>
> go to drawer 2
On the drawer 2, you see a mug 1.
> take mug 1 from drawer 2
You pick up the mug 1 from the drawer 2.
"""


def write(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def bring(tmp_path: Path, *rows: object, **more: object):
    source = write(tmp_path / "logs.jsonl", *rows)
    told = {"format": "react", "prompt": "compact"} | more
    return import_logs(ImportSettings(sources=(source,), out=tmp_path / "store", **told))


def row(**more: object) -> dict[str, object]:
    return {"name": TASK, "result": True, "traj": GAME} | more
