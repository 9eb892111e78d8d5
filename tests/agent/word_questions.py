"""Questions in a small vocabulary, asked of an engine as solutions in steps."""

from oreo_agent.agent.engines import Request
from oreo_agent.model.words import WordsPrompt

PROMPT = WordsPrompt(["a", "b", "c", *"0123", "#"], ["\n"], max_reply_tokens=24)
QUESTIONS = ["a", "b 1", "c c 2", "a b c", "3 1"]


def requests() -> list[Request]:
    return [
        Request(
            session=f"q{i}",
            ids=tuple(t for segment in PROMPT.opening(text) for t in segment.ids),
            seed=i + 1,
            limit=PROMPT.max_reply_tokens,
        )
        for i, text in enumerate(QUESTIONS)
    ]
