"""matplotlib for the examples that draw pictures to files; without it, what to install."""

import sys

try:
    import matplotlib
except ModuleNotFoundError:
    print(
        "matplotlib is not installed, and this example draws with it: pip install -e '.[plots]'",
        file=sys.stderr,
    )
    sys.exit(2)

matplotlib.use("Agg")  # no window, wherever this runs
from matplotlib import pyplot
from matplotlib.lines import Line2D

__all__ = ["Line2D", "pyplot"]
