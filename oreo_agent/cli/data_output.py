"""What the sub-commands of `data` print."""

from collections.abc import Mapping, Sequence
from typing import Any

from oreo_agent.cli.output import counted, say, say_json, say_table, share


def told_import(done: Mapping[str, Any], json: bool) -> None:
    """Counts, what was kept aside and why, and what came of the replay."""
    if json:
        say_json(done)
        return
    say(
        f"{done['out']}: {counted(done['imported'], 'episode')} imported from "
        f"{counted(done['rows'], 'row')} ({done['won']} won, {done['steps']} replies, "
        f"{counted(done['tokens'], 'token')})"
    )
    lines = [
        (done["already"], "were there already"),
        (done["repeated"], "rows are repeated by a later row"),
        (done["overlong"], "replies are longer than the prompt format lets a policy write"),
    ]
    for count, what in lines:
        if count:
            say(f"{count} {what}")
    _say_reasons(done["aside"], "kept aside")
    if done["replays"] is not None:
        _say_replays(done["replays"])


def _say_replays(replays: Mapping[str, Any]) -> None:
    say(
        f"replayed: {replays['matched']} logs word for word, {replays['differing']} differ, "
        f"{replays['impossible']} cannot be replayed; {replays['observations']} observations "
        f"equal; outcomes: {replays['outcomes_equal']} equal, "
        f"{replays['outcomes_differing']} different"
    )
    for odd in replays["differences"]:
        say(
            f"  {odd['place']}: {odd['verdict']} at turn {odd['turn']}\n"
            f"    the log:   {_short(odd['log'])}\n    the world: {_short(odd['world'])}"
        )


def told_export(done: Mapping[str, Any], json: bool) -> None:
    """What was written, and what was left out and why."""
    if json:
        say_json(done)
        return
    rows, episodes = counted(done["rows"], "row"), counted(done["episodes"], "episode")
    say(f"{done['out']}: {rows} of {episodes}, as {done['format']}")
    _say_reasons(done["left_out"], "left out")


def told_stats(found: Any, json: bool) -> None:
    """Rates with Wilson's interval; faults are no part of them."""
    from oreo_agent.rollouts.statistics import wilson

    rows: list[dict[str, Any]] = []
    for row in found.rows:
        played = row.episodes - row.faults
        rate = wilson(row.wins, played) if played else None
        rows.append(
            {
                "task": row.task,
                "task_type": row.task_type,
                "split": row.split,
                "policy": row.policy,
                "episodes": row.episodes,
                "won": row.wins,
                "faults": row.faults,
                "won_low": None if rate is None else rate.low,
                "won_high": None if rate is None else rate.high,
                "steps": row.steps / row.episodes,
                "tokens": row.tokens / row.episodes,
            }
        )
    lengths = {
        one.unit: {"mean": one.mean, "quantiles": list(one.quantiles)} for one in found.lengths
    }
    if json:
        counts = {"episodes": found.episodes, "instances": found.instances}
        say_json(
            {**counts, "ends": found.ends, "rewards": found.rewards, "lengths": lengths}
            | {"rows": rows}
        )
        return
    ends = ", ".join(f"{count} {end}" for end, count in found.ends.items())
    say(f"{counted(found.episodes, 'episode')} of {counted(found.instances, 'instance')}: {ends}")
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(f"{row['task']} {row['split']}, played by {row['policy']}", []).append(
            row
        )
    for title, group in groups.items():
        say_table(
            title,
            ("type", "n", "won", "95 %", "faults", "steps", "tokens"),
            [_stats_row(row) for row in group],
        )
    for unit, told in lengths.items():
        least, lower, middle, upper, most, all_ = [*told["quantiles"], *[0] * 6][:6]
        say(
            f"{unit}: mean {told['mean']:.1f}, least {least}, quartiles {lower} {middle} {upper}, "
            f"95 % up to {most}, most {all_}"
        )


def _stats_row(row: Mapping[str, Any]) -> tuple[object, ...]:
    interval = "-"
    if row["won_low"] is not None:
        interval = f"{row['won_low']:.0%}-{row['won_high']:.0%}"
    return (
        row["task_type"] or row["task"],
        row["episodes"],
        share(row["won"], row["episodes"] - row["faults"]),
        interval,
        row["faults"],
        f"{row['steps']:.1f}",
        f"{row['tokens']:.0f}",
    )


def told_check(found: Sequence[Mapping[str, Any]], json: bool) -> None:
    """What is wrong in each store, with the first ids of each kind."""
    if json:
        say_json({"stores": list(found)})
        return
    for one in found:
        count = sum(one["findings"].values())
        verdict = counted(count, "finding") if one["faulty"] else "nothing is wrong"
        say(f"{one['store']}: {counted(one['episodes'], 'episode')}, {verdict}")
        say(
            "  ids checked against text: "
            + ("yes" if one["drift_checked"] else "no")
            + (f" ({one['said']})" if one["said"] else "")
        )
        for what, number in one["findings"].items():
            names = ", ".join(one["examples"].get(what, ()))
            say(f"  {number} x {what}" + (f": {names}" if names else ""))
        if one["repeated"]:
            say(f"  {one['repeated']} repeat the replies of an earlier episode of their instance")


def _say_reasons(reasons: Mapping[str, int], what: str) -> None:
    for reason, count in reasons.items():
        say(f"{count} {what}: {reason}")


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 160 else f"{line[:160]}..."
