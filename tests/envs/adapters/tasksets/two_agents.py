"""A taskset of verifiers whose environment has two agents."""

import verifiers.v1 as vf

__all__ = ["Talk", "TalkEnv"]


class TalkConfig(vf.EnvConfig):
    asks: vf.AgentConfig = vf.AgentConfig()
    answers: vf.AgentConfig = vf.AgentConfig()


class TalkEnv(vf.Env[TalkConfig]):
    async def run(self, task, agents):
        await agents.asks.run(task)


class Talk(vf.Taskset[vf.Task, vf.TasksetConfig]):
    def load(self):
        yield vf.Task(vf.TaskData(prompt="Hm?"), self.config.task)
