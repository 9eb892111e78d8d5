"""Formats of solutions: what is shown, what a step is, and that text comes back as it was."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oreo_agent.errors import SettingError
from oreo_agent.model.prompt import load_prompt
from oreo_agent.model.solution import SolutionPrompt
from oreo_agent.model.vocabulary import BOS, END, TURN
from oreo_agent.model.words import WordsPrompt

WORDS = ["Tom", "has", "apples", "the", *"0123456789", *".,?+-*=", "####"]
texts = st.text(st.sampled_from([*WORDS, " ", "\n"]), max_size=30)
plain = st.text(st.characters(min_codepoint=32, max_codepoint=126) | st.just("\n"), max_size=40)


@pytest.fixture(scope="module")
def words() -> WordsPrompt:
    return WordsPrompt(WORDS, ["\n"])


@pytest.fixture(scope="module")
def steps(byte_tokenizer) -> SolutionPrompt:
    return SolutionPrompt(byte_tokenizer(), "Think in steps.", ["\n"])


@given(parts=st.lists(st.sampled_from([*WORDS, " ", "\n"]), max_size=30))
def test_words_put_together_are_the_text(words: WordsPrompt, parts: list[str]):
    text = " ".join(parts)
    ids = words.reply(text)
    assert words.read(ids)[0] == text
    assert (ids[-1:] == (END,)) == (not text[-1:].isspace())


@given(text=plain)
def test_what_a_models_tokenizer_makes_of_a_solution_is_read_as_it_was(
    steps: SolutionPrompt, text: str
):
    ids = steps.reply(text)
    assert steps.read(ids)[0] == text
    assert "".join(map(steps.steps._piece, ids)) == text


@pytest.mark.parametrize("name", ["words", "steps"])
def test_a_step_that_closed_ends_in_white_space_and_the_last_one_does_not(
    name: str, request: pytest.FixtureRequest
):
    prompt = request.getfixturevalue(name)
    whole = prompt.reply("3 + 4 = 7\n7 - 2 = 5\n#### 5")
    parts = prompt.steps.cut(whole)
    assert [prompt.read(part)[1] for part in parts] == ["3 + 4 = 7\n", "7 - 2 = 5\n", "#### 5"]
    assert prompt.read(prompt.reply("the\n")) == ("the\n", "the\n")
    assert prompt.read(prompt.reply("3 ")[:1])[1] == "3 "  # the space is the next step's
    assert prompt.answer("", ended=True).ids == ()
    again = load_prompt(prompt.settings(), getattr(prompt, "tokenizer", None))
    assert again.tokenizer_fingerprint == prompt.tokenizer_fingerprint
    assert again.settings() == prompt.settings()


def test_a_question_is_shown_between_two_marks(words: WordsPrompt):
    begin, question = words.opening("Tom has 3 apples.")
    assert (begin.ids, begin.kind) == ((BOS,), "prompt")
    assert question.ids[-1] == TURN
    assert words.read(question.ids)[0] == "Tom has 3 apples."


def test_a_word_that_is_not_known_is_refused_in_a_reply_by_its_name(words: WordsPrompt):
    with pytest.raises(SettingError, match=r"no piece for ' pears' in 'Tom has pears'"):
        words.reply("Tom has pears")
    with pytest.raises(SettingError, match="twice"):
        WordsPrompt(["a", "a"], ["\n"])


@pytest.mark.parametrize("system", [True, False])
def test_the_question_stands_in_the_models_own_template(byte_tokenizer, system: bool):
    tokenizer = byte_tokenizer()
    prompt = SolutionPrompt(tokenizer, "Think.", [". "], system=system)
    shown = "".join(tokenizer.decode(list(s.ids)) for s in prompt.opening("2 + 2?"))
    said = [{"role": "system", "content": "Think."}, {"role": "user", "content": "2 + 2?"}]
    if not system:
        said = [{"role": "user", "content": "2 + 2?\nThink."}]
    assert shown == tokenizer.apply_chat_template(said, tokenize=False, add_generation_prompt=True)


def test_what_closes_a_step_is_part_of_what_two_stores_must_share(words: WordsPrompt, steps):
    assert WordsPrompt(WORDS, [". "]).tokenizer_fingerprint != words.tokenizer_fingerprint
    other = SolutionPrompt(steps.tokenizer, "Think in steps.", ["\n", ". "])
    assert other.tokenizer_fingerprint != steps.tokenizer_fingerprint
