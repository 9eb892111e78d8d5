"""Let the stock engine play some of our generated games and write down what it said.

Run with the stock engine installed (``pip install 'oreo-agent[stock]'``)::

    python tests/golden/make_transcripts.py

It writes ``generated_games.json`` beside this file: for each game every command with its answer and
a short checksum of the commands that were possible after it. Where there is no stock engine, the
interpreter is compared with these.
"""

import hashlib
import json
import random
from collections import defaultdict
from pathlib import Path
from typing import Any

from oreo_envs.alfworld.stock import stock_engine
from oreo_tasks.alfworld.generator import game_text, instances

OUT = Path(__file__).with_name("generated_games.json")
GAMES = {"small": 6, "medium": 6, "full": 2}
"""Tier -> how many games of valid_unseen; six are one of each type."""
WALK = 50
NONSENSE = ("", "xyzzy", "go to the moon", "take", "LOOK", "look around")
LEAN = {"help": 0.1, "inventory": 0.4, "look": 0.7, "go": 2, "take": 3, "open": 2}
LEAN |= dict.fromkeys(("clean", "heat", "cool", "slice", "use"), 5)
"""Weights of verbs in a walk, 1 for the others."""
RARE = ("knife", "microwave", "fridge", "sinkbasin")
"""What a walk is drawn to, since much happens with them."""


def checksum(commands: list[str]) -> str:
    """Eight digits that stand for an ordered list of commands."""
    return hashlib.sha256("\n".join(commands).encode()).hexdigest()[:8]


def wander(admissible: list[str], rng: random.Random) -> str:
    """A command for the walk: rare verbs more often than chance would, nonsense now and then."""
    if rng.random() < 0.08:
        return rng.choice(NONSENSE)
    by_verb: dict[str, list[str]] = defaultdict(list)
    for command in admissible:
        by_verb[command.split()[0]].append(command)
    verbs = sorted(by_verb)
    (verb,) = rng.choices(verbs, [LEAN.get(verb, 1) for verb in verbs])
    drawn = [c for c in by_verb[verb] if any(word in c for word in RARE)]
    return rng.choice(drawn if drawn and rng.random() < 0.5 else by_verb[verb])


def transcript(engine: Any, id: str) -> dict[str, Any]:
    """One game: the walkthrough, then a walk on from there, as the stock engine tells it."""
    text = game_text(id)
    file = json.loads(text)
    rng = random.Random(id)
    engine.load(file)
    state = engine.reset()
    start = [state.feedback, checksum(state["admissible_commands"])]
    turns: list[list[Any]] = []
    for command in file["walkthrough"] + [None] * WALK:
        command = wander(state["admissible_commands"], rng) if command is None else command
        state, _, won = engine.step(command)
        turns.append([command, state.feedback, checksum(state["admissible_commands"]), won])
    return {
        "id": id,
        "game": hashlib.sha256(text.encode()).hexdigest()[:16],
        "start": start,
        "turns": turns,
    }


def main() -> None:
    """Play and write."""
    engine = stock_engine()
    rows = [row for tier, count in GAMES.items() for row in instances("valid_unseen", tier, count)]
    lines = [json.dumps(transcript(engine, row.id)) for row in rows]
    OUT.write_text("[\n" + ",\n".join(lines) + "\n]\n", "utf-8")
    print(f"{len(lines)} games written to {OUT.name}, {OUT.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
