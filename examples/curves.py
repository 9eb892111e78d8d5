"""Plot the curves of several training runs side by side.

    python examples/curves.py BUNDLE ... --figures ratio_won,nll --out curves.png

There is one panel per figure and one line per bundle, labelled with the name of
its folder. Bundles of the same name in several folders (seeds) share a colour.
Only `metrics.jsonl` of each bundle is read. Needs the extra [plots].
"""

import argparse
import json
from pathlib import Path

from drawing import Line2D, pyplot


def curve(bundle: Path, figure: str) -> list[tuple[int, float]]:
    """(step, value) of a figure that a run reported; held-out figures as ``held_out.NAME``."""
    outer, _, inner = figure.rpartition(".")
    points: list[tuple[int, float]] = []
    for line in (bundle / "metrics.jsonl").read_text().splitlines():
        row = json.loads(line)
        value = row.get(outer, {}).get(inner) if outer else row.get(figure)
        if value is not None:
            points.append((row["step"], value))
    return points


def draw(bundles: list[Path], figures: list[str], out: Path) -> None:
    """Write the picture; a logarithmic scale shows what leaves and what stays near 0."""
    names = list(dict.fromkeys(bundle.name for bundle in bundles))
    order = [*range(0, 20, 2), *range(1, 20, 2)]  # strong colours first
    colours = {name: pyplot.get_cmap("tab20")(order[i % 20]) for i, name in enumerate(names)}
    canvas, panels = pyplot.subplots(
        1, len(figures), figsize=(4.6 * len(figures), 4.6), squeeze=False, layout="constrained"
    )
    for panel, figure in zip(panels[0], figures, strict=True):
        for bundle in bundles:
            if points := curve(bundle, figure):
                panel.plot(*zip(*points, strict=True), color=colours[bundle.name], lw=1.4)
        panel.set_yscale("symlog", linthresh=1.0)
        panel.set_title(figure)
        panel.set_xlabel("step")
        panel.grid(alpha=0.3)
    lines = [Line2D([], [], color=colour, label=name) for name, colour in colours.items()]
    canvas.legend(handles=lines, loc="outside lower center", ncols=6, fontsize=8)
    canvas.savefig(out, dpi=110)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "bundles", type=Path, nargs="+", metavar="BUNDLE", help="folders of bundles"
    )
    parser.add_argument(
        "--figures",
        default="ratio_won,ratio_lost,nll",
        help="figures joined by commas, held-out ones as held_out.NAME\n[default: %(default)s]",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("curves.png"),
        help="picture to write [default: %(default)s]",
    )
    told = parser.parse_args()
    try:
        draw(told.bundles, told.figures.split(","), told.out)
    except (OSError, ValueError) as error:
        parser.exit(2, f"error: {error}; name bundles that were trained here, and a picture\n")


if __name__ == "__main__":
    main()
