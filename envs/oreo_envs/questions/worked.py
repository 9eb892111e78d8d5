"""An expert for questions: it writes the worked solution that the question came with."""

from collections.abc import Mapping
from typing import Any

from oreo_envs.players import Player


class Worked(Player):
    """Tells the whole solution at once; who writes it down cuts it into steps."""

    def act(self, observation: str, info: Mapping[str, Any]) -> str:
        """The solution.

        Raises:
            LookupError: the question came without one.
        """
        solution = str(info["solution"])
        if not solution.strip():
            raise LookupError(
                f"question {info['instance']!r} has no worked solution to tell; name the "
                "field that holds it (--solution-field), take another split, or let a model play"
            )
        return solution.rstrip()
