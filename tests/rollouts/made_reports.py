"""Reports of games that nobody played."""

import io

import msgspec
from rich.console import Console

from oreo_agent.rollouts.report import Contract, GameResult, Report, Settings

CONTRACT = Contract(
    task="alfworld",
    environment="oreo/ALFWorld-v0",
    split="valid_seen",
    data="d1",
    prompt="bare",
    prompt_settings={"words": ["go", "take"], "depth": {"inner": 1}},
    admissible_shown=False,
    step_limit=40,
    reply_token_limit=32,
    seed=0,
    engine="transformers",
    versions={"oreo-agent": "0.1.0", "torch": "2.13.0"},
)


def game(instance: str, won: bool, **changes) -> GameResult:
    fields = {
        "instance": instance,
        "task_type": "pick",
        "won": won,
        "reward": float(won),
        "steps": 10,
        "valid": 0.9,
        "tokens": 500,
        "seconds": 0.25,
        "end": "won" if won else "step_limit",
    }
    return GameResult(**(fields | changes))


def report(won, agent: str = "runs/sft", contract: Contract = CONTRACT) -> Report:
    games = tuple(game(f"task/{index:03}", bool(one)) for index, one in enumerate(won))
    return Report(contract=contract, settings=Settings(agent=agent, strategy="greedy"), games=games)


def text(table, width: int = 160) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(table)
    return console.file.getvalue()


def seeded(won, agent: str, seed: int) -> Report:
    return report(won, agent, msgspec.structs.replace(CONTRACT, seed=seed))
