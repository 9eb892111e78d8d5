r"""What a pretrained model is told before a question, one text for each prompt format.

The texts ask for the same marks as the solutions of `Problem` end with: ``#### answer``, and
``\boxed{answer}`` for competition mathematics. None shows an answer: small models give it back.
"""

from collections.abc import Mapping

_STEPS = """\
Solve the problem one small step at a time. Write each step on a line of its own and say in it what
you conclude. Leave no empty lines and do not repeat the problem."""

_BY_VERIFIER: Mapping[str, str] = {
    "number": _STEPS
    + """
Finish with a line that holds #### and then the answer as a plain number, without a unit.""",
    "math": r"""Solve the problem one small step at a time. Write each step as a sentence or an
equation of its own, with LaTeX between dollar signs, and do not repeat the problem.
Finish by giving the answer once, in its simplest exact form, inside \boxed{}.""",
    "yes-no": """\
Answer the question with yes or no. First write down the facts that decide it, one on each line,
then what follows from them. Leave no empty lines.
Finish with a line that holds #### and then yes or no.""",
    "choice": """\
Choose the best of the given answers. First write down what one has to know, one fact on each line,
then why one answer fits and the others do not. Leave no empty lines.
Finish with a line that holds #### and then the letter of your choice.""",
    "text": """\
Answer the question. Write down each step of your reasoning on a line of its own. Leave no empty
lines.
Finish with a line that holds #### and then the answer in as few words as possible.""",
    "derivation": """\
Solve the puzzle one operation at a time. Each line holds one operation and its result and nothing
else, for instance 4 * 6 = 24. Use the operations +, - and * as the puzzle allows.
Finish with a line that holds #### and then the number that was to be reached.""",
    "reasoning-gym": """\
Solve the problem. Write down each step of your reasoning on a line of its own. Leave no empty
lines. Finish with #### and the answer in exactly the form that the problem asks for.""",
}

INSTRUCTIONS: Mapping[str, Mapping[str, str]] = {
    "gsm8k": {"steps": _BY_VERIFIER["number"]},
    "math": {"steps": _BY_VERIFIER["math"]},
    "math500": {"steps": _BY_VERIFIER["math"]},
    "strategyqa": {"steps": _BY_VERIFIER["yes-no"]},
    "openbookqa": {"steps": _BY_VERIFIER["choice"]},
    "wordproblems": {"steps": _BY_VERIFIER["number"]},
    "questions": {"steps": _BY_VERIFIER["text"]},
    "reasoning-gym": {"steps": _BY_VERIFIER["reasoning-gym"]},
}
"""Task -> prompt format -> text."""


def instructions(task: str, prompt_format: str, verifier: str = "") -> str:
    """What the model is told; ``verifier`` is that of the problem, if it has one of its own.

    Raises:
        LookupError: there is no text for this task or prompt format.
    """
    if prompt_format not in INSTRUCTIONS.get(task, {}):
        raise LookupError(f"no instructions for task {task!r} in prompt format {prompt_format!r}")
    return _BY_VERIFIER.get(verifier) or INSTRUCTIONS[task][prompt_format]
