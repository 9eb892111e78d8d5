"""Two processes that find each other, as `torchrun` starts them, without its start-up."""

import multiprocessing
import os
import signal
import socket
from collections.abc import Callable
from typing import Any


def by_two(work: Callable[..., Any], *arguments: Any) -> list[Any]:
    """What ``work(*arguments)`` returns in each of two processes; it has to be importable.

    Very seldom the thread in which gloo waits for its peer crashes inside libc; such a pair is
    started anew, once.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["oreo_agent.learn.train", "oreo_agent.learn.objectives.oreo"])
    try:
        return _pair(context, work, arguments)
    except _Crashed:
        return _pair(context, work, arguments)


class _Crashed(RuntimeError):
    """A process ended by a segmentation fault."""


def _pair(context: Any, work: Callable[..., Any], arguments: Any) -> list[Any]:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    pipes = [context.Pipe(duplex=False) for _ in range(2)]
    processes = [
        context.Process(target=_one, args=(rank, port, there, work, arguments))
        for rank, (_, there) in enumerate(pipes)
    ]
    for process in processes:
        process.start()
    for _, there in pipes:
        there.close()
    try:
        said = [here.recv() for here, _ in pipes]
    except EOFError:
        for process in processes:
            process.join(timeout=60)
        if -signal.SIGSEGV in [process.exitcode for process in processes]:
            raise _Crashed from None
        raise
    for process in processes:
        process.join()
    return said


def _one(rank: int, port: int, told: Any, work: Callable[..., Any], arguments: Any) -> None:
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2"}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1"}
    told.send(work(*arguments))
