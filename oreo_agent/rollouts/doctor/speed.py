"""How quick each environment is here, and how much memory it takes, in a process of its own."""

import json
import subprocess
import sys
from collections.abc import Iterator

from oreo_agent.errors import DataError
from oreo_agent.rollouts.catalogue import Entry, listed
from oreo_agent.rollouts.doctor.remark import Remark
from oreo_agent.rollouts.stage import Stage

SECONDS = 0.5
"""For which each environment is stepped."""
PATIENCE = 120
"""Seconds after which an environment that does not answer is given up."""


def environments() -> Iterator[Remark]:
    """One remark for each registered environment, and one for each plug-in that is broken."""
    entries, broken = listed()
    for entry in entries:
        yield _without_data(entry) or measured(entry, SECONDS)
    for plug_in in broken:
        yield Remark(
            part="environments",
            name=plug_in.name,
            state="fault",
            told=f"the plug-in {plug_in.module} cannot be imported: {plug_in.fault}",
            remedy=f"pip install --force-reinstall {plug_in.module.partition('.')[0]}",
        )


def _without_data(entry: Entry) -> Remark | None:
    """What to say of an environment whose task finds no data; None of any other."""
    if not entry.task:
        return None
    try:
        Stage(task=entry.task, split=entry.splits[0]).instances()
    except DataError:
        told = f"not tried: {entry.task} finds no data"
        return Remark(part="environments", name=entry.id, state="missing", told=told)
    return None


def measured(entry: Entry, seconds: float, data: str | None = None) -> Remark:
    """Steps a second and megabytes of one environment, or why it cannot be stepped."""
    command = [sys.executable, "-m", "oreo_agent.rollouts.doctor.probe", entry.id, str(seconds)]
    command += [data] if data else []
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        told = f"did not answer within {PATIENCE} s"
        return _fault(entry, told)
    try:
        found = json.loads(ran.stdout.strip().rpartition("\n")[2])
    except ValueError:
        last = (ran.stderr.strip() or f"exit code {ran.returncode}").splitlines()[-1]
        return _fault(entry, last)
    if "missing" in found:
        return Remark(part="environments", name=entry.id, state="missing", told=found["missing"])
    if "fault" in found:
        return _fault(entry, found["fault"])
    told = f"{found['steps_per_second']:,.0f} steps/s, {found['megabytes']:,.1f} MB"
    return Remark(part="environments", name=entry.id, state="ok", told=told, figures=found)


def _fault(entry: Entry, told: str) -> Remark:
    remedy = f"oreo-agent envs check {entry.id}"
    return Remark(part="environments", name=entry.id, state="fault", told=told, remedy=remedy)
