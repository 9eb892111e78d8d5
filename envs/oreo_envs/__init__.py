"""Worlds to act in, registered with Gymnasium.

``gymnasium.make("oreo_envs:oreo/ALFWorld-v0", split="train", data=FOLDER)`` plays one game at a
time; ``gymnasium.make_vec(..., vectorization_mode="vector_entry_point")`` plays many in one loop.
"""

from gymnasium import register

register(
    "oreo/ALFWorld-v0",
    entry_point="oreo_envs.alfworld.env:AlfworldEnv",
    vector_entry_point="oreo_envs.alfworld.vector:AlfworldVectorEnv",
)
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

for _world, _task in QUESTIONS.items():
    register(
        _world,
        entry_point="oreo_envs.questions.env:QuestionEnv",
        kwargs={"task": _task},
        disable_env_checker=True,
    )
