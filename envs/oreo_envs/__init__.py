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
