r"""The process in which math-verify runs: one that may be killed at any time.

``python -m oreo_tasks.answers.child FD SECONDS BYTES`` is started by `children`. It imports
math-verify once, then forks a worker that does the comparing. A worker that is not done within
SECONDS of wall time, or that breaks, is killed and forked anew, which takes milliseconds where an
import takes seconds. This process itself calculates nothing, so it sees at once when its parent is
gone; its worker ends with it. FD is one end of a `multiprocessing.connection`: a request is JSON of
gold and answer, a reply one of right, wrong, undecided, late and died.
"""

import contextlib
import gc
import json
import logging
import os
import re
import resource
import signal
import sys
from functools import lru_cache
from multiprocessing.connection import Connection, Pipe, wait
from typing import Any

from latex2sympy2_extended import NormalizationConfig
from math_verify import LatexExtractionConfig, parse, verify
from sympy import Eq, Rational, Symbol, simplify
from sympy.core.relational import Relational
from sympy.logic.boolalg import And, BooleanAtom

from oreo_tasks.answers import Verdict
from oreo_tasks.answers.leaves import decide, leaf, rational
from oreo_tasks.answers.trees import compare, read

_DECIMAL = re.compile(r"(\d*)\.(\d+)")
# math-verify adds numbers that stand side by side, as in 2 1/3, also where a bracket makes them a
# product: it reads 2(5) and (2)(5) as 7
_SIDE_BY_SIDE = re.compile(r"(?<=\d)(?=\()|(?<=\))(?=[\d(]|\\frac)|(?<=\\pi)(?=\()")
_AFTER_GROUP = re.compile(r"(?<=\})(?=\d)")
_NAMED_OPERATOR = re.compile(r"_|\\(?:log|ln|sin|cos|tan|cot|sec|csc|sqrt\[)")
_LETTER = re.compile(r"\\[A-Za-z]+|[A-Z]")
_PLAIN = (
    LatexExtractionConfig(
        boxed_match_priority=-1,
        # all of this has been done by `latex`, in its own way: units, for one, hide variables
        normalization_config=NormalizationConfig(
            basic_latex=True,
            units=False,
            malformed_operators=False,
            nits=False,
            boxed="none",
            equations=False,
        ),
    ),
)


def algebra(gold: str, answer: str) -> Verdict:
    """What math-verify says of two leaves; undecided where it cannot read one."""
    verdict = decide(gold, answer)
    if verdict is not None:
        return verdict
    sides = [_parsed(leaf(side).core) for side in (gold, answer)]
    if not all(sides):
        return Verdict.UNDECIDED
    return _compared(sides[0][0], sides[1][0])


def _compared(gold: Any, answer: Any) -> Verdict:
    """math-verify's verdict, where it can be believed."""
    if isinstance(gold, Eq) and isinstance(answer, Eq):
        # it compares solutions, so that two equations without any are the same to it
        factor: Any = simplify(_difference(gold) / _difference(answer))
        if gold.free_symbols and factor.is_number and factor.is_zero is False:
            return Verdict.RIGHT
    elif Symbol in (type(gold), type(answer)) and simplify(gold - answer).is_zero:
        return Verdict.RIGHT  # it compares names only, n and n + 7 - 7
    same = verify(
        [gold],
        [answer],
        float_rounding=15,
        numeric_precision=60,
        timeout_seconds=None,
        raise_on_error=True,
    )
    if not same:
        return Verdict.WRONG
    return Verdict.UNDECIDED if _doubtful(gold) or _doubtful(answer) else Verdict.RIGHT


def _difference(equation: Any) -> Any:
    return equation.lhs - equation.rhs


def _doubtful(side: Any) -> bool:
    """Whether "the same" says too little: of equations, and of relations without a variable."""
    if isinstance(side, And):
        return any(map(_doubtful, side.args))
    relation = isinstance(side, Relational) and (isinstance(side, Eq) or not side.free_symbols)
    return relation or isinstance(side, BooleanAtom)


@lru_cache(maxsize=1024)
def _parsed(core: str) -> list[Any]:
    """What math-verify reads, as sympy has it, or nothing; its parser takes most of the time."""
    value = rational(core)
    if value is not None:
        return [Rational(value.numerator, value.denominator)]
    return parse(
        f"${_explicit(core)}$",
        _PLAIN,
        fallback_mode="no_fallback",
        extraction_mode="first_match",
        parsing_timeout=None,  # pyright: ignore[reportArgumentType]
        raise_on_error=True,
    )


def _explicit(core: str) -> str:
    """A core in which nothing is left to math-verify's reading that it reads otherwise.

    Products are written out, decimals are fractions so that nothing is rounded, and capitals are
    names of their own, which it takes for the small letters (and I for the imaginary unit).
    """
    core = _SIDE_BY_SIDE.sub("*", core)
    if not _NAMED_OPERATOR.search(core):
        core = _AFTER_GROUP.sub("*", core)
    core = _LETTER.sub(lambda x: x[0] if len(x[0]) > 1 else f"{x[0].lower()}_{{1009}}", core)
    return _DECIMAL.sub(lambda d: rf"\frac{{{d[1]}{d[2]}}}{{1{'0' * len(d[2])}}}", core)


def answered(request: bytes) -> str:
    """The verdict on one request; whatever goes wrong inside math-verify is undecided."""
    gold, answer = json.loads(request)
    try:
        return compare(read(gold), read(answer), algebra).value
    except Exception:  # its parser raises many kinds, MemoryError and RecursionError among them
        return Verdict.UNDECIDED.value


def work(requests: Connection, seconds: float, memory: int) -> None:
    """Answer until the other end is closed; limited in memory, files, and time of the processor."""
    with contextlib.suppress(ValueError):  # macOS has no such limit to set
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    with contextlib.suppress(EOFError, OSError):
        while True:
            request = requests.recv_bytes()
            # the kernel's own deadline, should nobody be left to watch
            used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
            resource.setrlimit(resource.RLIMIT_CPU, (int(used + seconds) + 2, hard))
            requests.send_bytes(answered(request).encode())


class Worker:
    """A forked process that compares, and our end of the line to it."""

    def __init__(self, boss: Connection, seconds: float, memory: int) -> None:
        self.line, theirs = Pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                boss.close()
                self.line.close()
                work(theirs, seconds, memory)
            finally:
                os._exit(0)
        theirs.close()

    def kill(self) -> None:
        """End it, wherever it is."""
        self.line.close()
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def serve(boss: Connection, seconds: float, memory: int) -> None:
    """Pass requests on and replies back, until the parent closes its end or is gone."""
    worker = Worker(boss, seconds, memory)
    boss.send_bytes(b"ready")
    try:
        while True:
            request = boss.recv_bytes()
            reply = b"died"
            with contextlib.suppress(EOFError, OSError):
                worker.line.send_bytes(request)
                ready = wait([worker.line, boss], timeout=seconds)
                if boss in ready:
                    return
                reply = worker.line.recv_bytes(64) if ready else b"late"
            boss.send_bytes(reply)
            if reply in (b"late", b"died"):
                worker.kill()
                worker = Worker(boss, seconds, memory)
    except (EOFError, OSError):
        return
    finally:
        worker.kill()


def main() -> None:
    """Warm up, so that what is forked is ready, then serve."""
    logging.disable(logging.CRITICAL)
    boss = Connection(int(sys.argv[1]))
    algebra(r"\frac{\sqrt{2}}{2}+x", r"x+\frac{1}{\sqrt{2}}")
    gc.freeze()
    serve(boss, float(sys.argv[2]), int(sys.argv[3]))


if __name__ == "__main__":
    main()
