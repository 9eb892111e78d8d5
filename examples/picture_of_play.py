"""Save a picture of `oreo-agent play` as SVG, as in the README: a real agent in a real game.

    python examples/picture_of_play.py --agent BUNDLE --out docs/images/play.svg

The script presses the keys as you would; another agent or game gives another picture.
"""

import argparse
import asyncio
import re
from pathlib import Path

from oreo_agent.player.app import PlayerApp
from oreo_agent.player.opening import PlaySettings, open_session
from oreo_agent.rollouts.stage import Stage


def arguments() -> argparse.Namespace:
    """What the picture is to show."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--agent", required=True, help="folder of a bundle, or expert")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("docs/images/play.svg"),
        help="SVG file to write [default: %(default)s]",
    )
    parser.add_argument(
        "--data",
        default="generated",
        help="folder of games, or generated[:TIER] [default: %(default)s]",
    )
    parser.add_argument(
        "--split", default="valid_seen", help="split to play [default: %(default)s]"
    )
    parser.add_argument(
        "--instance", help="game to play: its id or a part of it [default: the first]"
    )
    parser.add_argument(
        "--temperature",
        type=float,
        default=1.5,
        help="sampling temperature; higher gives more diverse candidates [default: %(default)s]",
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="seed of all random choices [default: %(default)s]"
    )
    parser.add_argument(
        "--keys",
        default="space space space space space space",
        help="keys to press [default: %(default)s]",
    )
    parser.add_argument(
        "--size", default="128x34", help="columns x rows of the screen [default: %(default)s]"
    )
    return parser.parse_args()


async def picture(app: PlayerApp, keys: list[str], size: tuple[int, int]) -> str:
    """The screen after the keys, as SVG that loads nothing from elsewhere."""
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        for key in keys:
            await pilot.press(key)
            await app.workers.wait_for_complete()
            await pilot.pause()
        svg = app.export_screenshot(title="oreo-agent play")
    svg = re.sub(r"@font-face\s*\{.*?\}\s*", "", svg, flags=re.DOTALL)
    return svg.replace("Fira Code", "Fira Code, DejaVu Sans Mono, Menlo, Consolas")


def main() -> None:
    """Play, then save."""
    asked = arguments()
    stage = Stage(split=asked.split, data=asked.data, live=1)
    session = open_session(
        PlaySettings(
            agent=asked.agent,
            strategy="best-of-k" if asked.agent != "expert" else None,
            temperature=asked.temperature,
            stage=stage,
            instance=asked.instance,
            seed=asked.seed,
        )
    )
    columns, rows = map(int, asked.size.split("x"))
    try:
        svg = asyncio.run(picture(PlayerApp(session), asked.keys.split(), (columns, rows)))
    finally:
        session.close()
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(svg, encoding="utf-8")
    print(f"{asked.out}: {len(svg.encode()) / 1024:.0f} KB")


if __name__ == "__main__":
    main()
