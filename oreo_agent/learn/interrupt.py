"""Ctrl-C and SIGTERM are noted while a run learns, and answered between two of its steps."""

import os
import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)
HEARD = b"stopping: the step at hand is finished and saved first; Ctrl-C again leaves at once\n"


@contextmanager
def heeded() -> Generator[Callable[[], int]]:
    """Note the signals that ask a run to stop, instead of what they did before.

    A second Ctrl-C does what Ctrl-C did before; a second SIGTERM, which launchers like to send,
    changes nothing. One that nobody has answered by the end does then what it did before. Signals
    that were ignored stay ignored. In threads other than the main one, which may not listen to
    signals, nothing is ever noted.

    Yields:
        What gives the number of the signal that came first; 0 as long as there was none.
    """
    noted = 0
    before: dict[int, Any] = {}

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal noted
        if noted and number == signal.SIGINT and callable(before[number]):
            before[number](number, frame)
        if not noted:
            os.write(2, HEARD)  # print might be what was interrupted
        noted = noted or number

    try:
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                # None: a handler that was not set from Python cannot be put back
                if (handler := signal.getsignal(number)) not in (signal.SIG_IGN, None):
                    before[number] = handler
                    signal.signal(number, note)
        yield lambda: noted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if noted:
        signal.raise_signal(noted)
