"""What it costs to look through a store of 100,000 episodes.

    python benchmarks/browse.py --json FILE [--store FOLDER]

FOLDER is filled with made-up household games if it has too few, and kept; without it a temporary
one is. The other side is what one does without a browser: decode every episode of the store and
look. Figures are medians over the rounds; but for the first two, processor times:

- ``first_screen_seconds``: wall seconds from an opened store to a drawn first screen with rows
  (80x24, Textual without a terminal, imports done); ``counted_seconds`` until the header has its
  counts and its interval too;
- ``page_ms``: a jump to a page that was not read before, from the key to the drawn screen;
- ``filter_seconds``: all ids of one outcome, sorted by steps; ``open_store_ms``: opening alone;
- ``search_nothing_seconds``, ``search_common_seconds``: a text that no episode has, and one that
  many have (`details.found`);
- ``search_vs_decoding``: seconds of decoding and looking against those of the search for nothing;
- ``screen_mb``: memory that the browser holds, by Python's own count, all ids and pages included,
  and ``store_mb``: the database on disk.
"""

import argparse
import asyncio
import statistics
import tempfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from machine import machine, write
from made_up_store import made_up_store

from oreo_agent.player.browser.app import BrowserApp
from oreo_agent.player.browser.listing import Listing
from oreo_agent.player.browser.query import Query
from oreo_agent.player.browser.table import EpisodeTable
from oreo_agent.records.folder import DATABASE
from oreo_agent.records.listing import Filter, Order
from oreo_agent.records.reader import StoreReader
from oreo_agent.records.search import search

ROUNDS = 5
SCREEN = (80, 24)
WON, LONGEST = Filter(ends=("won",)), Order(by="steps", descending=True)
NOWHERE, COMMON = "no such text", "tomato 5"


async def on_screen(folder: Path, jumps: int) -> tuple[float, float, list[float]]:
    """Wall seconds to rows and to counts, and processor milliseconds of each jump."""
    began = perf_counter()
    app = BrowserApp(Listing(StoreReader(folder), Query()))
    async with app.run_test(size=SCREEN) as pilot:
        while not app.listing.ids:
            await asyncio.sleep(0)
        await pilot.pause()
        rows = perf_counter() - began
        await app.workers.wait_for_complete()
        await pilot.pause()
        counted = perf_counter() - began
        table, pages = app.query_one(EpisodeTable), []
        for jump in range(1, jumps + 1):
            start = process_time()
            table._go(len(app.listing.ids) * jump // (jumps + 1))
            await pilot.pause()
            pages.append(1000 * (process_time() - start))
    return rows, counted, pages


def seconds(what: Callable[[], object]) -> float:
    """Processor seconds."""
    began = process_time()
    what()
    return process_time() - began


def found(reader: StoreReader, names: list[str], text: str) -> int:
    """Episodes that have it, by the search."""
    return sum(len(step.found) for step in search(reader, names, text))


def decoded(reader: StoreReader, text: str) -> int:
    """Episodes that have it, by decoding all of them."""
    return sum(
        any(text in segment.text.lower() for segment in episode.segments) for episode in reader
    )


def held(folder: Path) -> float:
    """Megabytes that a counted list holds once it was read from end to end."""
    tracemalloc.start()
    listing = Listing(StoreReader(folder), Query())
    listing.complete()
    for index in range(0, len(listing.ids), 100):
        listing.row(index)
    size = tracemalloc.get_traced_memory()[0] / 1e6
    tracemalloc.stop()
    return size


def measured(folder: Path, rounds: int) -> tuple[dict[str, float], dict[str, Any]]:
    """All figures, and what they are medians of."""
    reader = StoreReader(folder)
    names = reader.listed()
    lines: dict[str, list[float]] = {}

    def keep(name: str, value: float) -> None:
        lines.setdefault(name, []).append(value)

    for _ in range(rounds):
        rows, counted, pages = asyncio.run(on_screen(folder, 50))
        keep("first_screen_seconds", rows)
        keep("counted_seconds", counted)
        keep("page_ms", statistics.median(pages))
        keep("open_store_ms", 1000 * seconds(lambda: StoreReader(folder)))
        keep("filter_seconds", seconds(lambda: reader.listed(WON, LONGEST)))
        keep("search_nothing_seconds", seconds(lambda: found(reader, names, NOWHERE)))
        keep("search_common_seconds", seconds(lambda: found(reader, names, COMMON)))
        keep("decoding_seconds", seconds(lambda: decoded(reader, NOWHERE)))
    ratios = [
        other / ours
        for other, ours in zip(
            lines["decoding_seconds"], lines["search_nothing_seconds"], strict=True
        )
    ]
    figures = {name: round(statistics.median(line), 3) for name, line in lines.items()}
    figures["search_vs_decoding"] = round(statistics.median(ratios), 2)
    figures["screen_mb"] = round(held(folder), 1)
    figures["store_mb"] = round((folder / DATABASE).stat().st_size / 1e6, 1)
    details = {
        "episodes": len(names),
        "rounds": rounds,
        "found": {text: found(reader, names, text) for text in (NOWHERE, COMMON)},
        "lines": {name: [round(value, 4) for value in line] for name, line in lines.items()},
    }
    return figures, details


def main() -> None:
    """Run all of it and write the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--store", type=Path, help="where the made-up store is kept")
    parser.add_argument("--episodes", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--json", type=Path, help="where the figures go")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.store or Path(temporary) / "store"
        made_up_store(folder, asked.episodes)
        figures, details = measured(folder, asked.rounds)
    result = {
        "benchmark": "browse",
        "figures": figures,
        "details": details,
        "machine": machine(),
    }
    for key, value in figures.items():
        print(f"{key:<26}{value}")
    write(result, asked.json)


if __name__ == "__main__":
    main()
