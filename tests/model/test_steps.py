"""Steps: cut where the text says so, between tokens, the same while it is written and later."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oreo_agent.model.steps import Steps

PIECES = ["a", "b ", " c", ".", ".\n", "\n", "\n\n", " ", ". D", "$", ".$", " $", "", "3", ". "]
LINES, SENTENCES = ("\n",), ("\n", ". ", ".$ ")
replies = st.lists(st.integers(0, len(PIECES) - 1), max_size=24)
KINDS = pytest.mark.parametrize("delimiters", [LINES, SENTENCES])


def steps(delimiters: tuple[str, ...]) -> Steps:
    return Steps(delimiters, PIECES.__getitem__)


def ids(*pieces: str) -> list[int]:
    return [PIECES.index(piece) for piece in pieces]


@pytest.mark.parametrize(
    ("delimiters", "pieces", "ends"),
    [
        (LINES, ["a", "\n", "a", "\n"], [2, 4]),
        (LINES, ["a", "\n", "\n", "a", "\n"], [2, 5]),
        (LINES, ["\n", "a", "\n\n", "a"], [3]),
        (LINES, ["a", ".", " c"], []),
        (SENTENCES, ["a", ".", " c"], [2]),
        (SENTENCES, ["3", ".", "3", " c"], []),
        (SENTENCES, ["a", "."], []),
        (SENTENCES, ["$", "a", ".", "$", " c"], [4]),
        (SENTENCES, ["a", ".$", " c"], [2]),
        (SENTENCES, ["a", ".\n", "a"], [2]),
        (SENTENCES, ["a", ". D", "b "], [2]),
        (SENTENCES, [".", " c"], [1]),
    ],
)
def test_a_step_ends_with_the_token_that_holds_the_end_of_its_delimiter(
    delimiters: tuple[str, ...], pieces: list[str], ends: list[int]
):
    assert steps(delimiters).ends(ids(*pieces)) == ends


@KINDS
@given(reply=replies)
def test_steps_put_together_are_the_reply_and_none_but_the_last_is_blank(delimiters, reply):
    parts = steps(delimiters).cut(reply)
    assert [token for part in parts for token in part] == reply
    assert all(parts)
    texts = ["".join(PIECES[token] for token in part) for part in parts]
    assert all(text.strip() for text in texts[:-1])


@KINDS
@given(reply=replies)
def test_asked_after_every_token_it_cuts_where_it_cuts_the_whole(delimiters, reply):
    """A token that was drawn to see that a step had closed is drawn again for the next one."""
    cutter, found, begin = steps(delimiters), [], 0
    while begin < len(reply):
        for end in range(begin + 1, len(reply) + 1):
            first = cutter.first(reply[begin:end])
            if first is not None:
                begin += first
                found.append(begin)
                break
        else:
            break
    assert found == cutter.ends(reply)


@pytest.mark.parametrize("delimiters", [(), ("",), ("\n", "")])
def test_without_a_delimiter_there_are_no_steps(delimiters: tuple[str, ...]):
    with pytest.raises(ValueError, match="delimiters"):
        Steps(delimiters, PIECES.__getitem__)
