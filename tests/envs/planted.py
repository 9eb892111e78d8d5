"""A sound environment, and the same with one fault each: what `oreo-agent envs check` must see."""

import os
import random
from typing import Any, ClassVar

import gymnasium

import oreo_envs

COLOURS = ("blue", "green", "red")


class Sound(gymnasium.Env[str, str]):
    """A door of some colour and the key for it; the wrong one breaks."""

    def __init__(self) -> None:
        self.observation_space = self.action_space = oreo_envs.Prose()

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None):
        super().reset(seed=seed)
        self.door = COLOURS[self.draw()]
        self.held = ""
        return f"A {self.door} door.", self.info()

    def draw(self) -> int:
        return int(self.np_random.integers(3))

    def step(self, action: str):
        if action not in self.commands():
            return self.unknown(action)
        if action == "open":
            won = self.held == self.door
            return "Open." if won else "It breaks.", self.paid(won), True, False, self.info(won=won)
        self.held = action.split()[1]
        return f"You hold {self.held}.", 0.0, False, False, self.info()

    def unknown(self, action: str):
        return "What?", 0.0, False, False, self.info(valid=False)

    def paid(self, won: bool) -> float:
        return float(won)

    def commands(self) -> list[str]:
        return ["open"] if self.held else [f"take {colour}" for colour in COLOURS]

    def info(self, *, won: bool = False, valid: bool = True) -> dict[str, Any]:
        return {"admissible_commands": self.commands(), "won": won, "valid": valid}


class Expert(oreo_envs.Player):
    def act(self, observation, info):
        return "open" if observation.startswith("You hold") else f"take {observation.split()[1]}"


class Unseeded(Sound):
    def draw(self):
        return random.randrange(3)


class Remembers(Sound):
    games = 0

    def reset(self, *, seed=None, options=None):
        said, info = super().reset(seed=seed)
        self.games += 1
        return (said if self.games == 1 else f"{said} Again."), info


class Alike(Sound):
    def draw(self):
        return 0


class OtherName(Sound):
    def info(self, **told):
        return {**super().info(**told), "instance": "x"}


class Shaped(Sound):
    def step(self, action):
        said, reward, *rest = super().step(action)
        return said, reward + 0.1, *rest


class Generous(Sound):
    def paid(self, won):
        return 20.0 * won


class WonUnpaid(Sound):
    def paid(self, won):
        return 0.0


class Cramped(Sound):
    def __init__(self):
        super().__init__()
        self.observation_space = gymnasium.spaces.Text(5)


class LateKey(Sound):
    def info(self, *, won=False, valid=True):
        return super().info(won=won, valid=valid) | ({"prize": 1} if won else {})


class WrongType(Sound):
    def info(self, *, won=False, valid=True):
        return super().info(won=won, valid=valid) | {"won": 1 if won else False}


class Promises(Sound):
    def info(self, **told):
        return super().info(**told) | {"admissible_commands": [*self.commands(), "fly"]}


class Twice(Sound):
    def info(self, **told):
        return super().info(**told) | {"admissible_commands": self.commands() * 2}


class Shared(Sound):
    where: ClassVar[dict[str, str]] = {}

    @property
    def held(self):
        return self.where["held"]

    @held.setter
    def held(self, value):
        self.where["held"] = value


class Brittle(Sound):
    def unknown(self, action):
        raise KeyError(action)


class OfItsProcess(Sound):
    def reset(self, *, seed=None, options=None):
        said, info = super().reset(seed=seed)
        return f"{said} {os.getpid()}", info


class Hoards(Sound):
    all_of_it: ClassVar[list[Any]] = []

    def reset(self, *, seed=None, options=None):
        self.all_of_it.append(bytes(10_000))
        return super().reset(seed=seed)


class OpensFiles(Sound):
    files: ClassVar[list[Any]] = []

    def reset(self, *, seed=None, options=None):
        self.files.append(open(__file__))  # noqa: SIM115
        return super().reset(seed=seed)


class Slow(Sound):
    clock = 0.0

    def step(self, action):
        Slow.clock += 1.0
        return super().step(action)


class Numbers(Sound):
    def __init__(self):
        super().__init__()
        self.action_space = gymnasium.spaces.Discrete(4)


class NoSuper(Sound):
    def reset(self, *, seed=None, options=None):
        self.rng = random.Random(seed)
        self.door, self.held = COLOURS[self.rng.randrange(3)], ""
        return f"A {self.door} door.", self.info()


class Misread(Sound):
    pass


class Hopeless(Sound):
    pass


class Useless(oreo_envs.Player):
    def act(self, observation, info):
        return "look"


class Mistyped(Sound):
    pass


class Stumbling(Sound):
    pass


class Stumbler(Expert):
    def act(self, observation, info):
        return {"A blue door.": "take blue"}[observation]


class Silent(Sound):
    def info(self, **told):
        return super().info(**told) | {"admissible_commands": []}


class Leaves(Sound):
    def unknown(self, action):
        raise SystemExit(action)


class LeavesAtOnce(Sound):
    def reset(self, *, seed=None, options=None):
        raise SystemExit("no game here")


class PaysForNonsense(Sound):
    def unknown(self, action):
        return "What?", 1.0, True, False, self.info(won=True, valid=False)


oreo_envs.register("planted/Sound-v0", Sound, expert=Expert, step_limit=6)
oreo_envs.register("planted/Hopeless-v0", Hopeless, expert=Useless, step_limit=6)
oreo_envs.register("planted/Misread-v0", Misread, prompt={"parsing": r"Action: (\w+)"})
oreo_envs.register("planted/Mistyped-v0", Mistyped, expert="planted_nowhere:Expert", step_limit=6)
oreo_envs.register("planted/Stumbling-v0", Stumbling, expert=Stumbler, step_limit=6)
