"""What a decision by the value costs late in an episode, against a plain one and against its first.

    python benchmarks/runtime.py --agent BUNDLE --json FILE [--data generated:full]

BUNDLE has a policy and a value and plays ALFWorld. Games go on for twenty turns, in which somebody
walks from place to place; before each turn the agent is asked twice by the same engine, for the
best of 5 by value and for one sample, each in a session of its own that has been there from the
first turn. Seconds are processor times of one thread, of the two in turn. Figures, medians over
games (of the batch over rounds):

- ``best_of_5_vs_sample_turn_20``: seconds of the decision by value at turn 20 / of the sample;
- ``new_tokens_turn_20_vs_1``: tokens that policy and value read anew for the decision by value, at
  turn 20 / at turn 1, at which the room is described;
- ``new_tokens_turn_20_vs_2``: the same against turn 2, which like turn 20 hears one answer;
- all three with ``_batch_32``: 32 games in each call.
"""

import argparse
import statistics
from collections.abc import Sequence
from pathlib import Path
from time import process_time
from typing import Any, NamedTuple

import gymnasium
import torch
from machine import machine, write

from oreo_agent import Agent
from oreo_agent.agent.history import History
from oreo_agent.rollouts.stage import Stage

ID = "oreo_envs:oreo/ALFWorld-v0"
TURNS = 20
BATCH = 32
HOWS: dict[str, dict[str, Any]] = {
    "best": {"strategy": "best-of-k", "k": 5},
    "sample": {"strategy": "sample", "temperature": 0.5},
}
"""Both draw at the temperature that best-of-k has of itself."""


class Spent(NamedTuple):
    """What one call took."""

    seconds: float
    read: int
    """Tokens that the networks read."""
    drawn: int
    """Tokens of replies."""


def walked(stage: Stage, instance: str) -> list[tuple[str, str, tuple[str, ...]]]:
    """For each turn the command before it, what the world says and what it would admit."""
    env = gymnasium.make(ID, split=stage.split, data=stage.data)
    observation, info = env.reset(options={"instance": instance})
    told = [("", str(observation), tuple(info["admissible_commands"]))]
    for turn in range(1, TURNS):
        places = [each for each in told[-1][2] if each.startswith("go to")]
        command = places[turn * 7 % len(places)]
        observation, _, _, _, info = env.step(command)
        told.append((command, str(observation), tuple(info["admissible_commands"])))
    env.close()
    return told


def asked(agent: Agent, histories: Sequence[History], how: str) -> Spent:
    """One call for all histories."""
    engine: Any = agent.engine
    read, began = engine.encoded, process_time()
    decisions = agent.act_batch(histories, **HOWS[how])
    return Spent(
        seconds=process_time() - began,
        read=engine.encoded - read,
        drawn=sum(decision.policy_tokens for decision in decisions),
    )


def played(agent: Agent, games: Sequence[Any], seed: int) -> dict[str, list[Spent]]:
    """The games side by side: for each way of deciding what each turn took."""
    spent: dict[str, list[Spent]] = {how: [] for how in HOWS}
    now: dict[str, list[History]] = {}
    for turn in range(TURNS):
        for how in HOWS if turn % 2 else reversed(HOWS):
            before, told = now.get(how), [game[turn] for game in games]
            if before is None:
                now[how] = [
                    agent.begin(seen, admissible=may, seed=seed + i)
                    for i, (_, seen, may) in enumerate(told)
                ]
            else:
                now[how] = [
                    agent.hear(history, command, seen, admissible=may)
                    for history, (command, seen, may) in zip(before, told, strict=True)
                ]
            spent[how].append(asked(agent, now[how], how))
    for history in (each for histories in now.values() for each in histories):
        agent.close(history)
    return spent


def figures(rounds: Sequence[dict[str, list[Spent]]], name: str) -> dict[str, float]:
    """Medians over the rounds."""

    def median(*ratios: float) -> float:
        return round(statistics.median(ratios), 2)

    best, sample = ([each[how] for each in rounds] for how in HOWS)
    return {
        f"best_of_5_vs_sample_turn_20{name}": median(
            *(b[-1].seconds / s[-1].seconds for b, s in zip(best, sample, strict=True))
        ),
        f"new_tokens_turn_20_vs_1{name}": median(*(b[-1].read / b[0].read for b in best)),
        f"new_tokens_turn_20_vs_2{name}": median(*(b[-1].read / b[1].read for b in best)),
    }


def details(rounds: Sequence[dict[str, list[Spent]]]) -> dict[str, Any]:
    """Medians of what turns 1, 2 and 20 took, for each way of deciding."""
    return {
        how: {
            f"turn {turn + 1}": {
                "milliseconds": round(
                    1000 * statistics.median(each[how][turn].seconds for each in rounds), 2
                ),
                "read": statistics.median(each[how][turn].read for each in rounds),
                "drawn": statistics.median(each[how][turn].drawn for each in rounds),
            }
            for turn in (0, 1, TURNS - 1)
        }
        for how in HOWS
    }


def main() -> None:
    """Run all of it and write the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--agent", type=Path, required=True, help="a bundle with a value")
    parser.add_argument("--data", default="generated:full", help="games")
    parser.add_argument(
        "--rounds", type=int, default=7, help="batches; games alone are thrice so many"
    )
    parser.add_argument("--json", type=Path, help="where the figures go")
    given = parser.parse_args()
    torch.set_num_threads(1)
    stage = Stage(split="valid_seen", data=given.data)
    names = [instance.id for instance in stage.instances()][:BATCH]
    games = [walked(stage, name) for name in names]
    agent = Agent.load(given.agent, trust_value=True, device="cpu")
    played(agent, games[:2], 0)  # imports, and memory that is there before
    alone = [played(agent, [games[i % len(games)]], i) for i in range(3 * given.rounds)]
    beside = [played(agent, games, i * BATCH) for i in range(given.rounds)]
    found = figures(alone, "") | figures(beside, f"_batch_{BATCH}")
    for key, value in found.items():
        print(f"{key:<42}{value}")
    result = {
        "benchmark": "runtime",
        "figures": found,
        "details": {
            "games_alone": len(alone),
            "batches": len(beside),
            "alone": details(alone),
            f"batch of {BATCH}": details(beside),
        },
        "machine": machine(),
    }
    write(result, given.json)


if __name__ == "__main__":
    main()
