"""A question as a Gymnasium environment: an action writes the next reasoning step."""

from functools import cache
from typing import Any, cast

import gymnasium
from gymnasium.error import ResetNeeded

from oreo_envs.prose import Prose
from oreo_envs.rounds import Round
from oreo_tasks import load_task
from oreo_tasks.answers import Verdict, Verifier, load_verifier
from oreo_tasks.questions.problem import Problem, QuestionTask


class QuestionEnv(gymnasium.Env[str, str]):
    r"""The observation after `reset` is the question; after a step there is nothing to say.

    An action is a step of the solution. White space at its end (a line's end, the space after a
    sentence) says that more is to come; a step without it ends the solution. So does a step that
    gives an answer ("#### 18", "\boxed{18}"). The reward is 1.0 if the answer is right and else
    0.0; at the step limit the episode is truncated, and nothing is graded.

    ``info`` has the same keys from reset on: ``instance``, ``task_type``, ``admissible_commands``
    (always empty: any text is a step), ``won``, ``valid`` (always True), ``verdict`` (``""`` before
    the end, then ``right``, ``wrong`` or ``undecided``), ``fault`` (why an answer is undecided,
    else ``""``; the reward is 0 then, and says nothing), ``solution`` (the worked one, not to be
    shown to a player).
    """

    metadata: dict[str, Any] = {"render_modes": ["ansi"], "render_fps": 4}  # noqa: RUF012 - Gymnasium's own type

    def __init__(
        self,
        *,
        task: str,
        split: str | None = None,
        data: str | None = None,
        step_limit: int | None = None,
        render_mode: str | None = None,
    ) -> None:
        """Find the questions.

        Args:
            task: name of a task whose instances are questions.
            split: one of the task's; None takes its first.
            data: where the task finds its questions; None leaves that to the task.
            step_limit: steps after which a solution is truncated; None takes the task's.
            render_mode: ``ansi`` makes `render` return question and solution so far.

        Raises:
            FileNotFoundError: ``data`` holds nothing of the split.
            LookupError: there is no such task or split.
            ImportError: the verifier needs a package that is not installed.
        """
        self._task = cast(QuestionTask, load_task(task))
        self._limit = self._task.step_limit if step_limit is None else step_limit
        if self._limit <= 0:
            raise ValueError(f"step_limit must be above 0, got {step_limit}")
        if split is None:
            split = self._task.splits()[0]
        self.observation_space = Prose()
        self.action_space = Prose()
        self.render_mode = render_mode
        self._split, self._data = split, data
        self._round = Round(_ids(task, split, data))
        self._problem: Problem | None = None
        self._steps: list[str] = []
        self._verdict: Verdict | None = None
        self._over = True

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[str, dict[str, Any]]:
        """Pose ``options["instance"]``, or the next question of the split.

        Questions without a name follow one another from a place that ``seed`` decides.

        Raises:
            LookupError: the split has no such question.
        """
        super().reset(seed=seed)
        if seed is not None:
            self._round.restart(self.np_random)
        instance = (options or {}).get("instance")
        if instance is None:
            instance = self._round.next()
        self._problem = self._task.problem(instance, self._split, self._data)
        self._steps, self._verdict, self._over = [], None, False
        return self._problem.question, self._info()

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Write the step ``action``.

        Raises:
            ResetNeeded: the episode is over, or none has begun.
        """
        if self._over or self._problem is None:
            raise ResetNeeded("the episode is over or has not begun: call reset() first")
        self._steps.append(action)
        solution = "".join(self._steps)
        verifier = _verifier(self._problem.verifier or self._task.verifier)
        terminated = not action[-1:].isspace() or verifier.answer(solution) is not None
        if terminated:
            self._verdict = verifier(solution, self._problem.answer)
        truncated = not terminated and len(self._steps) >= self._limit
        self._over = terminated or truncated
        return "", float(self._verdict is Verdict.RIGHT), terminated, truncated, self._info()

    def render(self) -> str | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Question and solution so far, in render mode ``ansi``."""
        if self.render_mode != "ansi" or self._problem is None:
            return None
        return "\n".join([self._problem.question, "".join(self._steps)])

    def _info(self) -> dict[str, Any]:
        assert self._problem is not None
        undecided = self._verdict is Verdict.UNDECIDED
        return {
            "instance": self._problem.id,
            "task_type": self._problem.task_type,
            "admissible_commands": (),
            "won": self._verdict is Verdict.RIGHT,
            "valid": True,
            "verdict": "" if self._verdict is None else str(self._verdict),
            "fault": "the verifier cannot tell whether the answer is right" if undecided else "",
            "solution": self._problem.solution,
        }


@cache
def _ids(task: str, split: str, data: str | None) -> tuple[str, ...]:
    return tuple(instance.id for instance in load_task(task).instances(split, data))


@cache
def _verifier(name: str) -> Verifier:
    return load_verifier(name)
