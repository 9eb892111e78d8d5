"""Where a report goes: looked at before anything is played, and again before it is replaced."""

import os
import tempfile
from collections.abc import Collection
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from oreo_agent.errors import RecordError, SettingError
from oreo_agent.rollouts.report import Contract, Report, Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportPlace:
    """A file for the report of certain games; only a report of the very same may stand there."""

    out: Path
    contract: Contract
    settings: Settings
    instances: Collection[str]
    """Of the games."""
    overwrite: bool = False
    """Whether another report that stands there is replaced."""

    def check(self) -> None:
        """Refuse a place that the report could not take.

        Raises:
            SettingError: something else stands there, or nothing can be written there.
        """
        if os.path.isdir(self.out):  # which says no of names that are too long
            raise SettingError(f"--out {self.out} is a folder; name a file in it for the report")
        if other := self._other():
            raise SettingError(other)
        try:
            self.out.parent.mkdir(parents=True, exist_ok=True)
            # as long a name as the report has before it takes its own
            with tempfile.NamedTemporaryFile(
                dir=self.out.parent, prefix=f".{self.out.name}.", suffix=".part"
            ):
                pass
        except OSError as error:
            raise SettingError(
                f"--out {self.out} cannot be written ({error.strerror}); name another place"
            ) from error

    def keep(self, report: Report) -> None:
        """Write the report, beside the place if something else has come to stand there.

        Raises:
            SettingError: it was written beside; says under which name.
            RecordError: it cannot be written.
        """
        if not self._other():
            report.save(self.out)
            return
        beside = _free(self.out)
        report.save(beside)
        raise SettingError(
            f"{self.out} was written by somebody else during the games; this report "
            f"({report.settings.label}, {len(report.games)} games) is whole and kept as {beside}: "
            "rename it as you like"
        )

    def _other(self) -> str:
        """What is to be said of what stands there; ``""`` if it may be replaced."""
        try:
            if self.overwrite or not os.path.exists(self.out):
                return ""
            there = Report.load(self.out)
        except RecordError:
            return f"--out {self.out} is a file that is not a report of ours; name another place"
        games = {game.instance for game in there.games}
        same = there.contract == self.contract and there.settings == self.settings
        if same and games == set(self.instances):
            return ""
        return (
            f"{self.out} holds another report ({there.settings.label}, {len(there.games)} games); "
            "name another --out, or replace it with --overwrite"
        )


def _free(taken: Path) -> Path:
    """A name beside ``taken`` that is now ours: ``report.2.json`` for ``report.json``.

    Raises:
        RecordError: no file can be made there.
    """
    for number in count(2):
        place = taken.with_name(f"{taken.stem}.{number}{taken.suffix}")
        try:
            place.touch(exist_ok=False)
        except FileExistsError:
            continue
        except OSError as error:
            raise RecordError(
                f"report {place} cannot be written ({error}): name another place"
            ) from error
        return place
    raise AssertionError("numbers do not end")
