"""A taskset of verifiers: sums, each asked once."""

import verifiers.v1 as vf

__all__ = ["Sums"]


class SumsConfig(vf.TasksetConfig):
    rows: int = 20


class SumData(vf.TaskData):
    answer: str


class Sum(vf.Task[SumData, vf.State, vf.TaskConfig]):
    @vf.reward(weight=0.9)
    async def right(self, task: SumData, trace: vf.Trace) -> float:
        return float(trace.last_reply.split()[-1:] == [task.answer])

    @vf.reward(weight=0.1)
    async def short(self, trace: vf.Trace) -> float:
        return float(len(trace.last_reply) < 40)


class Sums(vf.Taskset[Sum, SumsConfig]):
    def load(self):
        for row in range(self.config.rows):
            yield Sum(
                SumData(
                    prompt=f"What is {row} + {2 * row}?",
                    system_prompt="You add.",
                    answer=str(3 * row),
                ),
                self.config.task,
            )
