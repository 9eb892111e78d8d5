"""Rows of TRL's kind become episodes: which ids, which of them actions, and what is refused."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oreo_agent.errors import DataError, SettingError
from oreo_agent.learn.batch import Tokens
from oreo_agent.learn.rows import Read, read_rows
from oreo_agent.model.chat import BarePrompt
from oreo_agent.model.tokenizers import word_tokenizer

WORDS = ["<pad>", "<s>", "<unk>", "<t>", "<eos>", *"abcdefgh"]
FORGETFUL = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['role'] != 'assistant' or loop.last %}{{ message['content'] }}{% endif %}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@pytest.fixture(scope="module")
def letters() -> Any:
    """A word a letter: a is 5, b is 6, ..., the end token 4."""
    return word_tokenizer(WORDS, bos="<s>", eos="<eos>", unk="<unk>", pad="<pad>")


def read(rows: Any, tokenizer: Any, *, longest: int = 100, column: str = "label") -> Read:
    return read_rows(rows, tokenizer, name="rows", reward_column=column, longest=longest)


def said(episode: Tokens, tokenizer: Any) -> list[str]:
    """The text of each reply."""
    begins = [0, *(sum(a <= end for a in episode.actions) for end in episode.ends)]
    replies = [episode.actions[a:b] for a, b in pairwise(begins)]
    return [tokenizer.decode([episode.ids[place] for place in reply]) for reply in replies]


def talk(*turns: str) -> list[dict[str, str]]:
    return [{"role": ("user", "assistant")[i % 2], "content": turn} for i, turn in enumerate(turns)]


def test_text_is_closed_with_the_end_token_and_the_completion_alone_is_action(letters):
    rows = [
        {"prompt": "a b ", "completion": "c", "label": True},
        {"prompt": "a b ", "completion": "c d <eos>", "label": False},
    ]
    first, second = read(rows, letters).episodes
    assert (first.ids, first.actions, first.ends) == ((5, 6, 7, 4), (2, 3), (3,))
    assert (second.ids, second.actions, second.ends) == ((5, 6, 7, 8, 4), (2, 3, 4), (4,))
    assert (first.reward, second.reward) == (1.0, 0.0)
    assert first.instance == second.instance
    assert first.id != second.id


@pytest.mark.parametrize("column", ["label", "good"])
def test_an_outcome_is_a_label_or_a_number_from_0_to_1(letters, column: str):
    row = {"prompt": "a ", "completion": "b"}
    rows = [row | {column: True}, row | {"reward": 0.25}, row | {column: 0, "reward": 1.0}]
    assert [e.reward for e in read(rows, letters, column=column).episodes] == [1.0, 0.25, 0.0]


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"label": "good"}, r"rows\[0\]: label is 'good'"),
        ({"label": None}, "label is None"),
        ({"label": -1}, "label is -1.*scale rewards"),
        ({"reward": 1.5}, "reward is 1.5"),
        ({"reward": float("nan")}, "reward is nan"),
        ({}, "neither 'label' nor 'reward'; .*reward_column"),
    ],
)
def test_what_is_no_outcome_is_refused_with_its_place(letters, told: dict[str, Any], message: str):
    with pytest.raises(DataError, match=message):
        read([{"prompt": "a ", "completion": "b"} | told], letters)


def test_tokens_that_were_sampled_stay_as_they_were(letters):
    row = {"prompt_ids": [5, 6], "completion_ids": [7, 4, 8], "reward": 1}
    (episode,) = read([row], letters).episodes
    assert (episode.ids, episode.actions, episode.ends) == ((5, 6, 7, 4, 8), (2, 3, 4), (4,))


def test_a_conversation_goes_through_the_chat_template_up_to_the_end_token(byte_tokenizer):
    tokenizer = byte_tokenizer()
    row = {"prompt": talk("go"), "completion": talk("", "to drawer 2")[1:], "label": True}
    (episode,) = read([row], tokenizer).episodes
    opening = "<|im_start|>user\ngo<|im_end|>\n<|im_start|>assistant\n"
    assert tokenizer.decode(episode.ids) == f"{opening}to drawer 2<|im_end|>"
    assert said(episode, tokenizer) == ["to drawer 2<|im_end|>"]
    # an assistant's message in the prompt was given, not said
    row = {"prompt": talk("go", "no", "yes"), "completion": row["completion"], "label": True}
    (episode,) = read([row], tokenizer).episodes
    assert said(episode, tokenizer) == ["to drawer 2<|im_end|>"]


def test_every_reply_of_several_turns_is_an_action_as_in_an_episode_that_was_played(byte_tokenizer):
    tokenizer = byte_tokenizer()
    prompt = BarePrompt(tokenizer, "Act.")
    ids = [i for segment in prompt.opening("a room") for i in segment.ids]
    ids += [*prompt.reply("look"), *prompt.answer("a mug", ended=True).ids, *prompt.reply("take")]
    messages = [
        {"role": "system", "content": "Act."}, *talk("a room", "look", "a mug", "take", "You won.")
    ]  # fmt: skip
    (episode,) = read([{"messages": messages, "reward": 0.5}], tokenizer).episodes
    assert episode.ids == tuple(ids)
    assert said(episode, tokenizer) == ["look<|im_end|>", "take<|im_end|>"]


def test_a_template_that_forgets_what_was_said_is_refused_for_several_turns(byte_tokenizer):
    tokenizer = byte_tokenizer(template=FORGETFUL)
    with pytest.raises(DataError, match=r"message 1 otherwise .*a row of its own"):
        read([{"messages": talk("a", "b", "c", "d"), "reward": 1}], tokenizer)
    assert read([{"messages": talk("a", "b"), "reward": 1}], tokenizer).episodes


def test_what_the_template_is_told_reaches_it(byte_tokenizer):
    tokenizer = byte_tokenizer(template="{{ mood }}" + byte_tokenizer().chat_template)
    row = {"prompt": talk("a"), "completion": talk("", "b")[1:], "label": 1}
    told = row | {"chat_template_kwargs": {"mood": "glad"}}
    (episode,) = read([told], tokenizer).episodes
    assert tokenizer.decode(episode.ids).startswith("glad<|im_start|>")


@given(st.text("On the drawer 2, you se", max_size=20), st.text("drawer 2 mug", max_size=12))
def test_text_is_tokenised_whole_and_split_where_the_prompt_ends(byte_tokenizer, prompt, reply):
    tokenizer = byte_tokenizer()
    row = {"prompt": f"x{prompt}", "completion": reply, "label": True}
    found = read([row], tokenizer)
    (episode,) = found.episodes
    assert episode.ids == tuple(tokenizer(f"x{prompt}{reply}<|im_end|>")["input_ids"])
    begin = episode.actions[0]
    assert episode.actions == tuple(range(begin, len(episode.ids)))
    alone = tuple(tokenizer(f"x{prompt}")["input_ids"])
    assert episode.ids[:begin] == alone[:begin]
    assert found.shifted == (begin < len(alone))
    assert begin == len(alone) or episode.ids[begin] != alone[begin]


def test_rows_that_cannot_be_learned_from_are_left_out_and_counted(letters):
    rows = [
        {"prompt": "a b ", "completion": "c", "label": True},
        {"prompt": "a b ", "completion": "c d e f", "label": True},
        {"prompt": "", "completion": "c", "label": True},
        {"prompt_ids": [5, 6], "completion_ids": [], "label": True},
    ]
    found = read(rows, letters, longest=4)
    assert [episode.id for episode in found.episodes] == ["rows[0]"]
    odd = {"too long": 1, "no state before the first action": 1, "no actions": 1}
    assert found.left_out == odd
    with pytest.raises(DataError, match=r"nothing to learn from .*2 too long.*up to 3 tokens"):
        read(rows, letters, longest=3)
    with pytest.raises(DataError, match="there are no rows"):
        read([], letters)


@pytest.mark.parametrize(
    ("row", "kind", "message"),
    [
        ({"prompt": "a", "chosen": "b"}, DataError, "columns .*unpair_preference_dataset"),
        ({"prompt": "a", "completion": talk("b")}, DataError, "both text, or both"),
        ({"prompt": talk("a"), "completion": talk("b")}, DataError, "not the assistant's"),
        ({"prompt": talk("a"), "completion": []}, DataError, "hold an assistant's reply"),
        ({"messages": talk("a")}, DataError, "hold an assistant's reply"),
        ({"messages": talk("a", "b")[1:]}, DataError, "begin with a prompt"),
    ],
)
def test_rows_of_another_shape_are_refused(byte_tokenizer, row: Any, kind: Any, message: str):
    with pytest.raises(kind, match=message):
        read([row | {"label": True}], byte_tokenizer())


def test_messages_need_a_chat_template(byte_tokenizer):
    row = {"prompt": talk("a"), "completion": talk("", "b")[1:], "label": True}
    with pytest.raises(SettingError, match=r"rows\[0\].*no chat template"):
        read([row], byte_tokenizer(template=None))
