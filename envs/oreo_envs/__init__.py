"""Worlds to act in, registered with Gymnasium, and the way to bring worlds of one's own.

``gymnasium.make("oreo_envs:oreo/ALFWorld-v0", split="train", data=FOLDER)`` plays one game at a
time; ``gymnasium.make_vec(..., vectorization_mode="vector_entry_point")`` plays many in one loop.
`register` makes an environment of yours known; see docs/environments.md.
"""

from gymnasium import register as _register

from oreo_envs.adapter import TextAdapter as TextAdapter
from oreo_envs.finding import find as find
from oreo_envs.players import Player as Player
from oreo_envs.prose import Prose as Prose
from oreo_envs.registration import REGISTRATIONS as REGISTRATIONS
from oreo_envs.registration import Prompt as Prompt
from oreo_envs.registration import Registration as Registration
from oreo_envs.registration import register as register
from oreo_envs.textworld.prompts import PROMPTS as _TEXTWORLD_PROMPTS
from oreo_envs.toytext import LAKE_PROMPT, TAXI_PROMPT

_ALFWORLD = "oreo_envs.alfworld.env:AlfworldEnv"
_QUESTIONS = "oreo_envs.questions.env:QuestionEnv"
QUESTIONS = {
    "oreo/GSM8K-v0": "gsm8k",
    "oreo/MATH-v0": "math",
    "oreo/MATH500-v0": "math500",
    "oreo/OpenBookQA-v0": "openbookqa",
    "oreo/Questions-v0": "questions",
    "oreo/StrategyQA-v0": "strategyqa",
    "oreo/WordProblems-v0": "wordproblems",
}
"""Worlds whose problems are questions, each with its task."""

_register(
    "oreo/ALFWorld-v0",
    entry_point=_ALFWORLD,
    vector_entry_point="oreo_envs.alfworld.vector:AlfworldVectorEnv",
)
REGISTRATIONS["oreo/ALFWorld-v0"] = Registration(
    id="oreo/ALFWorld-v0", entry_point=_ALFWORLD, task="alfworld"
)
for _world, _task in QUESTIONS.items():
    _register(
        _world,
        entry_point=_QUESTIONS,
        kwargs={"task": _task},
        disable_env_checker=True,
    )
    REGISTRATIONS[_world] = Registration(id=_world, entry_point=_QUESTIONS, task=_task)

register(
    "oreo/FrozenLake-v0",
    "oreo_envs.toytext:frozen_lake",
    prompt=LAKE_PROMPT,
    step_limit=100,
    expert="oreo_envs.toytext:LakeExpert",
)
register(
    "oreo/Taxi-v0",
    "oreo_envs.toytext:taxi",
    prompt=TAXI_PROMPT,
    step_limit=60,
    expert="oreo_envs.toytext:TaxiExpert",
)
for _world, (_task, _prompt) in _TEXTWORLD_PROMPTS.items():
    register(
        _world,
        "oreo_envs.textworld.env:TextWorldEnv",
        kwargs={"task": _task},
        task=_task,
        prompt=_prompt,
        expert="oreo_envs.textworld.expert:Walkthrough",
    )
