"""Where requests wait: a bounded line, from which those of one kind are taken together."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from oreo_agent.serving.limits import Limits
from oreo_agent.serving.metrics import Metrics
from oreo_agent.serving.mind import Answer, Job, Mind
from oreo_agent.serving.refusals import Refusal

_RETRY = {"Retry-After": "1"}


@dataclass(frozen=True, slots=True, eq=False)
class _Ticket:
    job: Job
    answer: asyncio.Future[Answer]


class Desk:
    """Takes jobs from many clients and has them done a batch at a time, first come first served."""

    def __init__(self, mind: Mind, limits: Limits, metrics: Metrics) -> None:
        self._mind, self._limits, self._metrics = mind, limits, metrics
        self._waiting: dict[_Ticket, None] = {}
        self._woken = asyncio.Event()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="oreo-agent engine")
        self.open = True
        """Whether new jobs are taken."""

    def __len__(self) -> int:
        return len(self._waiting)

    async def ask(self, job: Job) -> Answer:
        """Wait for a job to be done; whoever is cancelled meanwhile has left the line.

        Raises:
            Refusal: 503, the line is full, or the server stops.
            Exception: what went wrong with the job.
        """
        if not self.open:
            raise _stopping()
        if len(self._waiting) >= self._limits.waiting:
            raise Refusal(
                503,
                f"{len(self._waiting)} requests wait already; try again in a moment",
                code="queue_full",
                headers=_RETRY,
            )
        ticket = _Ticket(job, asyncio.get_running_loop().create_future())
        self._waiting[ticket] = None
        self._woken.set()
        try:
            return await ticket.answer
        finally:
            self._waiting.pop(ticket, None)

    async def run(self) -> None:
        """Do what waits, until `close`; what is being done then is finished."""
        while self.open:
            await self._woken.wait()
            self._woken.clear()
            while self.open and (batch := self._take()):
                await self._do(batch)
        self._thread.shutdown(wait=False)

    def close(self) -> None:
        """Take nothing more, and refuse those that wait."""
        self.open = False
        for ticket in self._waiting:
            if not ticket.answer.done():
                ticket.answer.set_exception(_stopping())
        self._woken.set()

    def _take(self) -> list[_Ticket]:
        """The first that waits, and those of its kind behind it."""
        batch: list[_Ticket] = []
        for ticket in self._waiting:
            if len(batch) == self._limits.together:
                break
            if not batch or ticket.job.kind == batch[0].job.kind:
                batch.append(ticket)
        for ticket in batch:
            del self._waiting[ticket]
        return batch

    async def _do(self, batch: list[_Ticket]) -> None:
        jobs = [ticket.job for ticket in batch]
        loop = asyncio.get_running_loop()
        with self._metrics.engine(len(jobs)):
            try:
                answers = await loop.run_in_executor(self._thread, self._mind.answer, jobs)
            except Exception as error:
                answers = [error] * len(jobs)
        for ticket, answer in zip(batch, answers, strict=True):
            if isinstance(answer, Answer):
                self._metrics.answered(answer)
            if ticket.answer.done():  # its client has gone
                continue
            if isinstance(answer, Answer):
                ticket.answer.set_result(answer)
            else:
                ticket.answer.set_exception(answer)


def _stopping() -> Refusal:
    return Refusal(
        503, "the server stops; ask another one", code="stopping", headers={"Connection": "close"}
    )
