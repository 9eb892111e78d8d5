"""Programs of ours in processes of their own, each at the end of a line to this one.

A program ends when its line closes, so it never outlives this process, also when this one is
killed. What it prints goes nowhere, and its standard input is empty. Sets have the same order in
each, whatever this process has.
"""

import contextlib
import os
import signal
import subprocess
import sys
from multiprocessing.connection import Connection, Pipe


def start_program(module: str, *arguments: str) -> "tuple[subprocess.Popen[bytes], Connection]":
    """Run ``python -m module FD arguments``; FD is the number of its end of the line.

    Returns:
        The process, which leads a group of its own so that Ctrl-C does not reach it, and our end.
    """
    line, theirs = Pipe()
    number = theirs.fileno()
    paths = [os.path.abspath(path) for path in sys.path]
    try:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", module, str(number), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(number,),
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONHASHSEED": "0"},
            start_new_session=True,
        )
    finally:
        theirs.close()
    return process, line


def end_program(process: "subprocess.Popen[bytes]", line: Connection) -> None:
    """End what `start_program` began, with all that it has forked, which may have outlived it."""
    line.close()
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
