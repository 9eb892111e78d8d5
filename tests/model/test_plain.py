"""The text format loses nothing: every text has ids, and the ids are the text."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oreo_agent.errors import SettingError
from oreo_agent.model.plain import TextPrompt
from oreo_agent.model.prompt import ids_of, load_prompt
from oreo_agent.model.vocabulary import BOS, END, TURN

WORDS = ["You", "are", "at", "row", *"0123456789", ".", ",", "take", "key"]
PROMPT = TextPrompt(WORDS)
texts = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.lists(st.sampled_from([*WORDS, " ", "\n", "unknown", "é"])).map("".join),
)


@given(texts)
def test_ids_are_the_text_again(text):
    assert PROMPT.decoded(PROMPT.encoded(text)) == text


@given(texts)
def test_no_text_can_speak_a_mark_of_the_format(text):
    assert not {BOS, TURN, END} & {*PROMPT.encoded(text)}
    assert not {BOS, TURN, END} & {*PROMPT.encoded("<end><turn><0x41>")}


@given(st.lists(st.integers(0, len(PROMPT.tokens) - 1)))
def test_whatever_is_sampled_can_be_read(ids):
    text, command = PROMPT.read(tuple(ids))
    assert isinstance(text, str)
    assert command == command.strip()
    assert "\n" not in command


def test_known_words_are_one_token_each_and_others_are_spelt():
    assert len(PROMPT.encoded("You are at row 1, key 2.")) == 9
    assert len(PROMPT.encoded("zebra")) == 5
    assert PROMPT.encoded("\ud800")  # half a letter has no bytes; it is shown as a question mark


def test_a_reply_is_read_as_the_command_it_gave():
    ids = PROMPT.reply("take key 7")
    assert ids[-1] == END
    assert PROMPT.read(ids) == ("take key 7", "take key 7")


def test_an_episode_is_marks_and_texts():
    opening = PROMPT.opening("You are at row 1.")
    assert ids_of(opening)[0] == BOS
    assert ids_of(opening)[-1] == TURN
    assert PROMPT.answer("key", ended=True).ids[-1] == TURN
    assert PROMPT.answer("key", ended=False).ids == (END, *PROMPT.answer("key", ended=True).ids)


def test_settings_make_the_same_format_again_and_other_words_another():
    again = load_prompt(json.loads(json.dumps(PROMPT.settings())))
    assert again.tokenizer_fingerprint == PROMPT.tokenizer_fingerprint
    assert TextPrompt([*WORDS, "new"]).tokenizer_fingerprint != PROMPT.tokenizer_fingerprint


@pytest.mark.parametrize("words", [["two words"], ["12"], [" "], [""], ["a", "a"]])
def test_what_is_no_word_is_refused(words):
    with pytest.raises(SettingError):
        TextPrompt(words)


def test_a_reply_of_somebody_else_is_quoted_as_it_stands_or_as_its_command():
    said = "take key 7\nIt is the red one."
    assert PROMPT.read(PROMPT.quote(said, "take key 7")) == (said, "take key 7")
    thought = "Thought: the key.\nAction: take key 7"
    assert PROMPT.read(PROMPT.quote(thought, "take key 7")) == ("take key 7", "take key 7")
