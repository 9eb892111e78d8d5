"""Plot accuracy against compute from reports of `oreo-agent eval`.

    python examples/compute.py REPORT.json ... --out compute.png

The horizontal axis is the tokens per problem: those drawn by the policy plus
those read by the value. There is one panel per agent. Reports that share agent
folder, strategy and score form one line; those of equal size are seeds, and the
line goes through their mean. Bars are 95 % Wilson intervals over all problems
of a point. Needs the extra [plots].
"""

import argparse
from collections import defaultdict
from pathlib import Path
from statistics import fmean

from drawing import pyplot

from oreo_agent.rollouts.report import Report
from oreo_agent.rollouts.statistics import wilson

Way = tuple[str, int]
"""Strategy with its score, and its size."""


def ways(reports: list[Report]) -> dict[str, dict[Way, list[Report]]]:
    """Agent -> way -> its reports, one a seed."""
    found: dict[str, dict[Way, list[Report]]] = defaultdict(lambda: defaultdict(list))
    for report in reports:
        told = report.settings.asked
        way = f"{told.strategy}, {told.score}" if told.score else told.strategy
        if told.logp_weight is None:
            way += " + logp"
        elif told.logp_weight:
            way += f" + {told.logp_weight:g} logp"
        found[Path(told.agent).name][way, told.k].append(report)
    return found


def draw(reports: list[Report], out: Path) -> None:
    """Write the picture."""
    agents = ways(reports)
    canvas, panels = pyplot.subplots(
        *(1, len(agents)),
        figsize=(5.2 * len(agents), 4.8),
        squeeze=False,
        sharey=True,
        layout="constrained",
    )
    names = sorted({name for found in agents.values() for name, _ in found})
    colours = {name: pyplot.get_cmap("tab10")(i % 10) for i, name in enumerate(names)}
    for panel, (agent, found) in zip(panels[0], sorted(agents.items(), reverse=True), strict=True):
        lines: dict[str, list[tuple[float, float, float, float]]] = defaultdict(list)
        for (name, _), seeds in sorted(found.items(), key=lambda item: item[0][1]):
            totals = [report.totals for report in seeds]
            rate = wilson(sum(t.success.wins for t in totals), sum(t.success.n for t in totals))
            cost = fmean(t.policy_tokens + t.value_tokens for t in totals)
            point = (cost, 100 * rate.share, 100 * rate.low, 100 * rate.high)
            lines[name].append(point)
        for name, points in sorted(lines.items()):
            costs, shares, lows, highs = zip(*sorted(points), strict=True)
            below = [share - low for share, low in zip(shares, lows, strict=True)]
            above = [high - share for share, high in zip(shares, highs, strict=True)]
            panel.errorbar(
                *(costs, shares),
                yerr=(below, above),
                color=colours[name],
                marker="o",
                markersize=4,
                capsize=2,
                lw=1.4,
                label=name,
            )
        panel.set_xscale("log")
        panel.set_title(agent)
        panel.set_xlabel("tokens a problem, drawn and read by V")
        panel.grid(alpha=0.3)
    panels[0][0].set_ylabel("right, %")
    handles = {
        label: handle
        for panel in panels[0]
        for handle, label in zip(*panel.get_legend_handles_labels(), strict=True)
    }
    canvas.legend(
        handles.values(),
        handles.keys(),
        loc="outside lower center",
        ncols=2 * len(agents),
        fontsize=8,
    )
    canvas.savefig(out, dpi=110)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "reports", type=Path, nargs="+", metavar="REPORT", help="reports of `oreo-agent eval`"
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("compute.png"),
        help="picture to write [default: %(default)s]",
    )
    told = parser.parse_args()
    draw([Report.load(path) for path in told.reports], told.out)


if __name__ == "__main__":
    main()
