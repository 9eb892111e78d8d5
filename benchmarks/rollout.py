"""How much faster episodes are collected here than by a loop that re-encodes over the stock engine.

    python benchmarks/rollout.py --agent BUNDLE --data FOLDER --json FILE [--games 64] [--stock 4]

The other side is the loop that agent repositories ship: one game at a time on the stock engine, the
whole history through `transformers`' generate every turn. Both play games of the same split with
the same policy, sampling at temperature 1; a few episodes of theirs alternate with a batch of ours.
Times are processor times of one process with one thread. Figures:

- ``episodes_vs_reencoding_stock``: their seconds an episode / ours, medians over the rounds;
- ``episodes_vs_reencoding_native``: the same loop over our interpreter, which tells how much of
  the first figure is the world and how much the cache and the batch;
- ``engine_busy_share``: share of our time that is spent in the engine.

Without the stock engine (extra [stock]) the first figure is left out.
"""

import argparse
import importlib.util
import json
import statistics
import sys
import time
from pathlib import Path

import gymnasium
import torch
from machine import machine, write

from oreo_agent.model.bundle import read_card
from oreo_agent.model.networks import load_policy
from oreo_agent.model.prompt import PromptFormat, ids_of, load_prompt
from oreo_agent.records.episode import Segment
from oreo_agent.rollouts.casting import Cast
from oreo_agent.rollouts.plan import make_plan
from oreo_agent.rollouts.runner import Runner
from oreo_agent.rollouts.stage import Stage

ID = "oreo_envs:oreo/ALFWorld-v0"
LIVE = 32
ROUNDS = 5


def reencoding(folder: Path, stage: Stage, games: list[str], engine: str) -> float:
    """Seconds an episode of the loop that keeps nothing between turns."""
    card = read_card(folder)
    prompt = load_prompt(card.prompt)
    policy = load_policy(folder / "policy")
    env = gymnasium.make(ID, split=stage.split, data=stage.data, engine=engine)
    began = time.process_time()
    for seed, game in enumerate(games):
        torch.manual_seed(seed)
        observation, _ = env.reset(options={"instance": game})
        segments = list(prompt.opening(observation))
        done = False
        while not done:
            ids = generated(policy, prompt, list(ids_of(segments)))
            observation, _, terminated, truncated, _ = env.step(prompt.read(ids)[1])
            done = terminated or truncated
            answer = prompt.answer(observation, ended=ids[-1] in prompt.stop_ids)
            segments += [Segment(kind="action", ids=ids, text=""), answer]
    spent = (time.process_time() - began) / len(games)
    env.close()
    return spent


def generated(policy: object, prompt: PromptFormat, ids: list[int]) -> tuple[int, ...]:
    """A reply by `transformers`' own generate, from the whole history."""
    table = torch.tensor([ids])
    out = policy.generate(  # pyright: ignore
        input_ids=table,
        attention_mask=torch.ones_like(table),
        do_sample=True,
        top_k=0,
        max_new_tokens=prompt.max_reply_tokens,
        eos_token_id=sorted(prompt.stop_ids),
        pad_token_id=0,
    )
    return tuple(out[0, len(ids) :].tolist())


def ours(folder: Path, stage: Stage, games: int, seed: int) -> tuple[float, float, float]:
    """Seconds an episode, share of the time in the engine, success."""
    cast = Cast(policy=str(folder), strategy="sample", settings=(("temperature", 1.0),))
    player = cast.player(stage)
    works = make_plan(
        stage.instances(), policy="benchmark", world=stage.world, episodes=games, seed=seed
    )
    world = stage.open()
    runner = Runner(
        world=world, player=player, environment=stage.environment, step_limit=stage.limit
    )
    began, wall = time.process_time(), time.perf_counter()
    episodes = list(runner.play(works))
    spent, wall = time.process_time() - began, time.perf_counter() - wall
    world.close()
    won = sum(episode.end == "won" for episode in episodes) / len(episodes)
    return spent / len(episodes), runner.clock.deciding / wall, won


def main() -> None:
    """Run the rounds and write the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--agent", type=Path, required=True, help="a bundle of the compact format")
    parser.add_argument("--data", required=True, help="folder of games, or generated[:TIER]")
    parser.add_argument("--split", default="valid_seen")
    parser.add_argument("--json", type=Path, help="where the figures go")
    parser.add_argument("--games", type=int, default=64, help="episodes of ours a round")
    parser.add_argument("--stock", type=int, default=2, help="episodes of theirs a round")
    asked = parser.parse_args()
    # this folder's alfworld.py would hide the package of that name
    sys.path[:] = [path for path in sys.path if Path(path).resolve() != Path(__file__).parent]
    torch.set_num_threads(1)
    stage = Stage(split=asked.split, data=asked.data, live=LIVE)
    names = [instance.id for instance in stage.instances()]
    engines = ["native", *(["textworld"] if importlib.util.find_spec("textworld") else [])]
    theirs: dict[str, list[float]] = {engine: [] for engine in engines}
    mine: list[tuple[float, float, float]] = []
    ours(asked.agent, stage, LIVE, seed=99)  # caches and imports
    for turn in range(ROUNDS):
        mine.append(ours(asked.agent, stage, asked.games, seed=turn))
        first = turn * asked.stock
        chosen = [names[(first + i) * 7 % len(names)] for i in range(asked.stock)]
        for engine in engines:
            theirs[engine].append(reencoding(asked.agent, stage, chosen, engine))
    each = statistics.median(seconds for seconds, _, _ in mine)
    figures = {
        f"episodes_vs_reencoding_{'stock' if engine == 'textworld' else engine}": round(
            statistics.median(times) / each, 1
        )
        for engine, times in theirs.items()
    }
    figures["engine_busy_share"] = round(statistics.median(share for _, share, _ in mine), 3)
    result = {
        "benchmark": "rollout",
        "figures": figures,
        "details": {
            "seconds_an_episode": {
                "ours": round(each, 4),
                **{engine: round(statistics.median(t), 3) for engine, t in theirs.items()},
            },
            "won": round(statistics.mean(won for _, _, won in mine), 3),
            "rounds": ROUNDS,
        },
        "machine": machine(),
    }
    print(json.dumps(result, indent=2))
    write(result, asked.json)


if __name__ == "__main__":
    main()
