"""A taskset of verifiers that asks for what it is told to ask for."""

import verifiers.v1 as vf

__all__ = ["Asking"]


class AskingConfig(vf.TasksetConfig):
    what: str


class Plain(vf.Task[vf.TaskData, vf.State, vf.TaskConfig]):
    pass


class Contained(Plain):
    NEEDS_CONTAINER = True


class Running(Plain):
    @vf.reward
    async def ran(self, runtime: vf.Runtime) -> float:
        return 1.0


class Prepared(Plain):
    async def setup(self, trace: vf.Trace, runtime: vf.Runtime) -> None:
        await runtime.run(["true"], {})


class Rewriting(Plain):
    @vf.intercept
    def shouted(self, request: vf.Request) -> vf.Request:
        return request


KINDS = {"container": Contained, "reward": Running, "setup": Prepared, "rewriting": Rewriting}


class Asking(vf.Taskset[Plain, AskingConfig]):
    def load(self):
        for _ in range(3):
            yield KINDS[self.config.what](vf.TaskData(prompt="Hm?"), self.config.task)
