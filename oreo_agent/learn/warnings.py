"""What in a run's own figures speaks of trouble, and what to do about it.

Each kind of trouble is told once. All is read from the lines of the journal, so that a run that was
killed and goes on tells the same.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from oreo_agent.learn.data import Data, held_out

Row = Mapping[str, Any]

LASTING = 3
"""Reports in a row that something must hold for where one alone may be chance."""


FEW = 10
SMALL = 0.03
"""Fewer episodes of one outcome, or a smaller share of all, can hardly tell which moves matter."""


def thin(episodes: int, won: int) -> str:
    """What is to be said of data in which nearly all episodes ended alike; else nothing."""
    lost = episodes - won
    rarer, rest = (won, "lost") if won <= lost else (lost, "won")
    if rarer >= FEW and rarer >= SMALL * episodes:
        return ""
    more = "raise --episodes"
    if rarer < SMALL * episodes:
        other = "imitate an expert for longer" if rest == "lost" else "take harder instances"
        more = f"{other} before you collect, or raise --temperature or --episodes"
    told = f"all {episodes} episodes were {rest}: there is nothing to tell them from"
    if rarer:
        others = "the other one differs" if rarer == 1 else f"the other {rarer} differ"
        told = (
            f"{episodes - rarer} of {episodes} episodes were {rest}: how {others} can hardly be "
            "learned from so few"
        )
    return f"{told}. To learn from outcomes {more}"


def doubts(data: Data) -> dict[str, str]:
    """What is to be said of the data of a run with a value before it begins, by kind."""
    episodes = [*data.train, *data.held_out]
    found = {"thin": thin(len(episodes), sum(episode.won for episode in episodes))}
    if (before := data.before) is not None:
        held = {episode.instance for episode in data.held_out}
        unsure = sum(not held_out(instance, before) for instance in held)
        found["met"] = met(len(held), unsure, before.seed, before.held_out)
    return {kind: text for kind, text in found.items() if text}


def met(held: int, unsure: int, seed: int, share: float) -> str:
    """What is to be said where the value at the start may know what it is judged by; else nothing.

    Args:
        held: instances that this run holds out.
        unsure: how many of them the run before did not.
        seed: of the run before.
        share: of the instances that it held out.
    """
    if not unsure:
        return ""
    return (
        f"the value at the start was trained with seed {seed} and train.held_out {share:g}, which "
        f"did not hold out {unsure} of the {held} instances that judge it here. If its episodes "
        "were of the same instances, all held-out figures flatter it; take "
        f"--seed {seed} and train.held_out={share:g} again"
    )


def trouble(rows: Sequence[Row]) -> dict[str, str]:
    """Of the kinds of trouble that the last line of a journal shows, those not told before.

    Returns:
        Kind to a sentence with figures and a remedy.
    """
    reports = [row for row in rows if "tokens_per_second" in row]
    judged = [row["held_out"] for row in rows if "held_out" in row]
    if rows and "held_out" in rows[-1]:
        found = _of_held_out(judged[-1], reports[-1] if reports else {})
    else:
        found = _of_reports(reports)
    told = {row["kind"] for row in rows if "warning" in row}
    return {kind: text for kind, text in found.items() if kind not in told}


def _of_held_out(held: Row, report: Row) -> dict[str, str]:
    found: dict[str, str] = {}
    spread, auc = held.get("spread"), held.get("auc_75")
    if spread is not None and auc is not None and spread < 0.02 and abs(auc - 0.5) < 0.1:
        found["collapsed"] = (
            f"V says nearly the same everywhere: within an episode it varies by {spread:.3f}, and "
            f"late in an episode it tells won from lost with AUC {auc:.2f}. Raise train.value.lr "
            "or train.value_warmup, or collect instances that are won and lost"
        )
    mse, learned = held.get("mse"), report.get("value_mse")
    if mse is not None and learned is not None and mse > 2 * learned and mse > 0.02:
        found["memorises"] = (
            f"V knows its training episodes by heart: it misses their outcome by {learned:.3f} "
            f"(mean square) and that of instances it has not seen by {mse:.3f}. Such a value stops "
            "the policy: keep the best weights (train.best=true, train.judge_every=50), take fewer "
            "passes, more instances, or train.networks=value-lora"
        )
    return found


def _of_reports(reports: Sequence[Row]) -> dict[str, str]:
    found: dict[str, str] = {}
    if not reports:
        return found
    last, lasting = reports[-1], reports[-LASTING:]
    names = ("v_first_won", "v_first_lost", "v_last_won", "v_last_lost")
    outside = [
        [row[name] for name in names if name in row and not -0.1 <= row[name] <= 1.1]
        for row in lasting
    ]
    if len(lasting) == LASTING and all(outside):
        found["unbounded"] = (
            f"V has been outside [0, 1] for {LASTING} reports (a mean of {outside[-1][0]:.2f} "
            "now), where no outcome is: the policy is far from its reference. Lower "
            "train.policy.lr or raise objective.alpha"
        )
    entropies = [row["entropy"] for row in reports if "entropy" in row]
    if entropies and entropies[-1] < min(0.1 * entropies[0], 0.05):
        found["certain"] = (
            f"the policy has become certain of all it says: its entropy fell from "
            f"{entropies[0]:.3f} to {entropies[-1]:.3f} nats a token. Lower train.policy.lr or "
            "take fewer passes, if it is to be sampled from"
        )
    ratios = [row["ratio_won"] for row in lasting if "ratio_won" in row]
    if len(ratios) == LASTING and max(ratios) < -3:
        mass = f" ({last['data_mass']:.0%} of it there now)" if "data_mass" in last else ""
        found["leaves"] = (
            "probability leaves even the won episodes for what the data does not hold: their "
            f"log-ratio has been below -3 nats for {LASTING} reports, {ratios[-1]:.1f} now{mass}. "
            "Raise objective.alpha or objective.beta, or lower train.policy.lr"
        )
    return found
