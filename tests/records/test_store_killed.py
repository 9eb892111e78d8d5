"""A writer that is killed at any moment loses nothing that it reported, and is simply run again."""

import random
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

from oreo_agent.records.folder import DATABASE
from oreo_agent.records.store import Store

KILLS = 50
EPISODES = 600
WRITER = f"""
import sys
from oreo_agent.records.episode import Episode, PolicyRecord, Segment
from oreo_agent.records.store import Store

folder, group = sys.argv[1], int(sys.argv[2])
with Store.create(folder, prompt="bare", tokenizer="", group_episodes=group) as store:
    def report():
        for name in store.take_committed():
            print(name, flush=True)

    print("open", flush=True)
    there = set(store.listed())
    for number in range({EPISODES}):
        name = f"e{{number:04}}"
        if name not in there:
            text = f"{{number}} " * (number % 50)
            store.append(Episode(
                id=name, task="t", environment="e", split="s", instance=name, task_type="",
                seed=number, repeat=0, policy=PolicyRecord(kind="random"), prompt="bare",
                tokenizer="", segments=(Segment(kind="action", ids=(), text=text),), reward=0.5,
                end="lost", seconds=0.0,
            ))
            report()
    store.flush()
    report()
print("done", flush=True)
"""
WANTED = {f"e{number:04}" for number in range(EPISODES)}


def write(folder: Path, group: int, kill_after: int | None) -> tuple[set[str], bool]:
    """Run the writer, kill it after so many lines; the ids it reported, and if it was killed."""
    command = [sys.executable, "-c", WRITER, str(folder), str(group)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        lines: list[str] = []
        for line in writer.stdout:
            lines.append(line)
            if len(lines) == kill_after:
                writer.send_signal(signal.SIGKILL)
    whole = {line.strip() for line in lines if line.endswith("\n")}
    return whole - {"open", "done"}, writer.returncode == -signal.SIGKILL


def test_after_fifty_kills_what_was_reported_is_there_whole_and_once(tmp_path):
    rng = random.Random(10)
    killed = round_ = 0
    while killed < KILLS:
        folder = tmp_path / f"store{round_}"
        round_ += 1
        reported: set[str] = set()
        alive = False
        while not alive and killed < KILLS:
            last, died = write(folder, rng.choice((1, 3, 8)), kill_after=rng.randint(1, 80))
            alive = not died
            killed += died
            assert not reported & last, "an episode was collected twice"
            reported |= last
            _check(folder, reported)
        last, died = write(folder, 8, kill_after=None)
        assert not died
        assert not reported & last
        _check(folder, reported | last)
        assert set(Store.open(folder).listed()) == WANTED


def _check(folder: Path, reported: set[str]) -> None:
    reader = Store.open(folder)
    episodes = list(reader)
    names = [episode.id for episode in episodes]
    assert len(names) == len(set(names))
    assert reported <= set(names) <= WANTED
    for episode in episodes:
        assert episode.segments[0].text == f"{episode.seed} " * (episode.seed % 50)
    connection = sqlite3.connect(folder / DATABASE)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
