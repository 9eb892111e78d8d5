"""Worlds and experts that break, each in a way of its own, and what they are registered with."""

import multiprocessing
import os
import threading

import gymnasium
import numpy as np

import oreo_envs


class World(gymnasium.Env):
    observation_space = action_space = oreo_envs.Prose()
    breaks = "never"

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.seed = seed
        self.meet("reset")
        return f"Seed {seed}.", self.told()

    def step(self, action):
        self.meet("step")
        return "Over.", 1.0, True, False, self.told()

    def told(self):
        return {"admissible_commands": ["win"], "won": True, "valid": True}

    def meet(self, what):
        if self.breaks == what or (self.breaks == "late" and self.seed >= 1200):
            raise RuntimeError("the floor gave way")


class BadReset(World):
    breaks = "reset"


class BadStep(World):
    breaks = "step"


class Late(World):
    breaks = "late"


class Seldom(World):
    def meet(self, what):
        if what == "step" and self.seed == 3:
            raise RuntimeError("the floor gave way")


class Leaves(World):
    def step(self, action):
        raise SystemExit("I am done")


class Forgets(World):
    def reset(self, *, seed=None, options=None):
        return {}["door"]


class Expert(oreo_envs.Player):
    def act(self, observation, info):
        return "win"


class Breaks(Expert):
    def act(self, observation, info):
        raise KeyError("door")


class Tires(Expert):
    def act(self, observation, info):
        if len(observation) > len("Seed 99."):
            raise SystemExit("tired")
        return "win"


def splits():
    raise TypeError("no list")


oreo_envs.register("breaking/Breaks-v0", lambda: World(), expert=Breaks)
oreo_envs.register("breaking/Tires-v0", lambda: World(), expert=Tires)
oreo_envs.register("breaking/Mistyped-v0", lambda: World(), expert="nowhere:Expert")
oreo_envs.register("breaking/Splits-v0", lambda: World(), splits={"train": splits})
oreo_envs.register("breaking/Empty-v0", lambda: World(), splits={"train": [], "test": [1]})
oreo_envs.register("breaking/Half-v0", lambda: World(), splits={"train": [1], "test": splits})


class HalfRead(World):
    def reset(self, *, seed=None, options=None):
        return "x \ud83d", super().reset(seed=seed)[1]


class HalfSaid(World):
    def step(self, action):
        return "x \ud83d", 0.0, False, False, self.told()


class HalfRaised(World):
    def step(self, action):
        raise RuntimeError("x \ud83d")


class ThreeReset(World):
    def reset(self, *, seed=None, options=None):
        return (*super().reset(seed=seed), 0.0)


class Letters(World):
    def told(self):
        return {**super().told(), "admissible_commands": "go"}


class SaysNo(World):
    def told(self):
        return {**super().told(), "won": "no"}


class Arrays(World):
    def told(self):
        told = super().told()
        return {**told, "admissible_commands": np.array(["win", "lose"]), "won": np.True_}


class FourStep(World):
    def step(self, action):
        return super().step(action)[:4]


class NoStep(World):
    def step(self, action):
        return None


class NoReset(World):
    def reset(self, *, seed=None, options=None):
        return "hello"


class Number(World):
    def reset(self, *, seed=None, options=None):
        return 5, super().reset(seed=seed)[1]


class NoWords(World):
    def step(self, action):
        return (None, *super().step(action)[1:])


class NoInfo(World):
    def told(self):
        return None


class Silent(World):
    """Tells commands once, and then that it does not tell."""

    def reset(self, *, seed=None, options=None):
        self.steps = 0
        return super().reset(seed=seed)

    def step(self, action):
        self.steps += 1
        return "On.", 1.0, self.steps == 2, False, {**self.told(), "admissible_commands": None}


class Mute(Silent):
    def told(self):
        return {**super().told(), "admissible_commands": None}


class Hangs(World):
    """Does nothing any more where it is stepped in a worker process, and says which."""

    def step(self, action):
        if multiprocessing.parent_process() is not None:
            print("hangs", os.getpid(), flush=True)
            threading.Event().wait()
        return super().step(action)


class Interrupts(World):
    def step(self, action):
        if multiprocessing.parent_process() is not None:
            raise KeyboardInterrupt
        return super().step(action)
