"""What a bundle's model card says of its value, in words."""

import re

from oreo_agent.model.calibration import Calibration
from oreo_agent.model.trust import Trust

HEADING = "## The value"


def with_value_section(text: str, calibration: Calibration | None, trust: Trust | None) -> str:
    """A model card that tells this of the value, in the place of what it told before.

    Args:
        text: Markdown; what is not under the value's heading stays as it is.
        calibration: None if V was never compared with outcomes.
        trust: None if its choices never were.
    """
    section = _section(calibration, trust)
    there = re.compile(rf"^{HEADING}$.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
    if there.search(text):
        return there.sub(lambda _: section, text, count=1)
    return f"{text.rstrip()}\n\n{section}" if text.strip() else section


def _section(calibration: Calibration | None, trust: Trust | None) -> str:
    parts = [HEADING]
    if trust is None:
        parts.append(
            "Nobody has looked whether it chooses well; `oreo-agent eval-value --write` does."
        )
    else:
        parts.append(f"Trusted: **{trust.trusted}**. {_sentence(trust.sentence)}")
    if calibration is not None:
        parts.append(f"Calibrated. {_sentence(calibration.sentence)}")
        rows = zip(calibration.values, calibration.chances, strict=True)
        parts.append(
            "| V | chance of success |\n| ---: | ---: |\n"
            + "\n".join(f"| {value:.3f} | {chance:.1%} |" for value, chance in rows)
        )
    return "\n\n".join(parts) + "\n"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
