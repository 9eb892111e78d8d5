"""A taskset of verifiers whose environment answers: a number to be found, in at most six turns."""

import random

import verifiers.v1 as vf

__all__ = ["HigherLower", "HigherLowerEnv"]


class Hidden(vf.TaskData):
    number: int


class Guessing(vf.Task[Hidden, vf.State, vf.TaskConfig]):
    @vf.stop
    def too_long(self, trace: vf.Trace) -> bool:
        return trace.num_turns >= 6


class HigherLowerConfig(vf.EnvConfig):
    player: vf.AgentConfig = vf.AgentConfig(max_turns=6)


class HigherLowerEnv(vf.Env[HigherLowerConfig]):
    async def run(self, task, agents):
        number = task.data.number
        async with agents.player.interaction(task) as interaction:
            segment = await interaction.turn()
            while not segment.terminated and segment.last_reply != str(number):
                told = "higher" if segment.last_reply < str(number) else "lower"
                segment = await interaction.turn(f"It is {told}.")
        found = not segment.terminated
        interaction.trace.record_reward("found", float(found), 1.0)


class HigherLower(vf.Taskset[Guessing, vf.TasksetConfig]):
    INFINITE = True

    def load(self):
        rng = random.Random(0)
        while True:
            number = rng.randint(0, 5)
            yield Guessing(Hidden(prompt="Find my digit.", number=number), self.config.task)
