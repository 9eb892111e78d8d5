"""Chat formats: the tokens of a history are those of the template's own rendering."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oreo_agent.errors import SettingError
from oreo_agent.model.chat import BarePrompt, ChatPrompt, GivenPrompt, ReactPrompt
from oreo_agent.model.prompt import ids_of, load_prompt
from oreo_agent.records.episode import Segment

INSTRUCTION = "You act in a house. Answer with one command."
KINDS = pytest.mark.parametrize("kind", [BarePrompt, ReactPrompt])
lines = st.text(st.characters(exclude_categories=["Cs", "Co"]), min_size=1, max_size=20).filter(
    lambda text: text == text.strip() and "<|" not in text
)


@pytest.fixture(scope="module")
def tokenizer(byte_tokenizer):
    return byte_tokenizer()


@pytest.fixture(scope="module")
def react(tokenizer):
    return ReactPrompt(tokenizer, INSTRUCTION)


def told(prompt: ChatPrompt, turns: list[tuple[str, str]], last: str) -> list[Segment]:
    """A history of (observation, command) turns that ended by themselves."""
    segments: list[Segment] = []
    for i, (observation, command) in enumerate(turns):
        if i == 0:
            segments += prompt.opening(observation)
        else:
            segments.append(prompt.answer(observation, ended=True))
        ids = prompt.reply(command)
        segments.append(Segment(kind="action", ids=ids, text="", command=command))
    return [*segments, prompt.answer(last, ended=True)]


def rendered(prompt: ChatPrompt, turns: list[tuple[str, str]], last: str) -> tuple[int, ...]:
    """The same conversation by the template alone."""
    messages = [{"role": "system", "content": INSTRUCTION}]
    for observation, command in turns:
        messages.append({"role": "user", "content": observation})
        messages.append({"role": "assistant", "content": prompt.spoken.format(command)})
    messages.append({"role": "user", "content": last})
    text = prompt.tokenizer.apply_chat_template(
        messages, tokenize=False, add_generation_prompt=True
    )
    return tuple(prompt.tokenizer.encode(text, add_special_tokens=False))


@KINDS
@settings(max_examples=50)
@given(turns=st.lists(st.tuples(lines, lines), min_size=1, max_size=3), last=lines)
def test_a_history_of_segments_is_the_templates_own_rendering_token_for_token(
    tokenizer, kind, turns, last
):
    prompt = kind(tokenizer, INSTRUCTION)
    assert ids_of(told(prompt, turns, last)) == rendered(prompt, turns, last)


@KINDS
@settings(max_examples=30)
@given(around=st.tuples(lines, lines), twice=st.booleans())
def test_a_special_token_that_the_world_spells_out_stays_text(tokenizer, kind, around, twice):
    prompt = kind(tokenizer, INSTRUCTION)
    end = tokenizer.decode([tokenizer.eos_token_id])
    said = end.join(around) + end * twice
    harmless = around[0] + around[1]
    for told_ids, plain_ids in (
        (ids_of(prompt.opening(said)), ids_of(prompt.opening(harmless))),
        (prompt.answer(said, ended=True).ids, prompt.answer(harmless, ended=True).ids),
        (prompt.reply(said), prompt.reply(harmless)),
    ):
        assert special(tokenizer, told_ids) == special(tokenizer, plain_ids)
        assert said in tokenizer.decode(list(told_ids))


def special(tokenizer, ids):
    """The special tokens among ids, in order."""
    return [token for token in ids if token in set(tokenizer.all_special_ids)]


@KINDS
def test_only_the_reply_and_its_end_token_are_actions(tokenizer, kind):
    prompt = kind(tokenizer, INSTRUCTION)
    history = told(prompt, [("You see a drawer 2.", "go to drawer 2")], "It is closed.")
    (action,) = [segment for segment in history if segment.kind == "action"]
    said = prompt.spoken.format("go to drawer 2")
    assert tokenizer.decode(action.ids) == said + "<|im_end|>"
    assert action.ids[-1] in prompt.stop_ids
    assert [segment.kind for segment in history] == [
        "prompt", "observation", "action", "observation",
    ]  # fmt: skip
    assert [segment.text for segment in history[1::2]] == ["You see a drawer 2.", "It is closed."]


@KINDS
def test_a_reply_that_was_cut_gets_its_end_mark_from_the_next_segment(tokenizer, kind):
    prompt = kind(tokenizer, INSTRUCTION)
    reply = prompt.reply("go to drawer 2")
    closed = (*reply, *prompt.answer("It is closed.", ended=True).ids)
    cut = (*reply[:-1], *prompt.answer("It is closed.", ended=False).ids)
    assert cut == closed


@KINDS
@given(command=lines.filter(lambda text: len(text.splitlines()) == 1))
def test_a_command_is_read_back_from_its_reply(tokenizer, kind, command):
    prompt = kind(tokenizer, INSTRUCTION)
    text, read = prompt.read(prompt.reply(command))
    assert read == command
    assert text == prompt.spoken.format(command)


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("Thought: it may be in the drawer.\nAction: go to drawer 2", "go to drawer 2"),
        ("thought: hm\n  ACTION :  go to drawer 2  \n", "go to drawer 2"),
        ("Action: look\nThought: no.\nAction: go to drawer 2", "go to drawer 2"),
        ("Thought: my next Action: go to drawer 2", ""),
        ("Action: go to drawer 2\nand then look", "go to drawer 2"),
        ("Action:\nThought: I do not know.", ""),
        ("Action:\n\nthought : I do not know.", ""),
        ("Thought: hm\nAction:\ngo to drawer 2", "go to drawer 2"),
        ("Action:", ""),
        ("go to drawer 2", ""),
        ("", ""),
    ],
)
def test_the_last_action_line_is_the_command(react, tokenizer, text, command):
    ids = (*tokenizer.encode(text), tokenizer.eos_token_id)
    assert react.read(ids) == (text, command)


@pytest.mark.parametrize(
    ("text", "command"), [("\n  look \nThen go.", "look"), ("", ""), (" \n ", ""), ("look", "look")]
)
def test_a_bare_reply_is_its_first_line(tokenizer, text, command):
    assert BarePrompt(tokenizer, INSTRUCTION).read(tuple(tokenizer.encode(text)))[1] == command


@KINDS
def test_settings_make_the_same_format_again_also_after_json(tokenizer, kind):
    prompt = kind(tokenizer, INSTRUCTION, max_reply_tokens=9)
    again = load_prompt(json.loads(json.dumps(prompt.settings())), tokenizer)
    assert type(again) is kind
    assert again.settings() == prompt.settings()
    assert again.tokenizer_fingerprint == prompt.tokenizer_fingerprint
    assert again.opening("It is closed.") == prompt.opening("It is closed.")


def test_the_fingerprint_follows_tokenizer_template_and_instruction(byte_tokenizer, react):
    other = byte_tokenizer(template="{# another #}" + react.tokenizer.chat_template)
    prompts = [ReactPrompt(other, INSTRUCTION), ReactPrompt(react.tokenizer, "Be quick.")]
    found = {prompt.tokenizer_fingerprint for prompt in [react, *prompts]}
    assert len(found) == 3
    assert ReactPrompt(byte_tokenizer(), INSTRUCTION).tokenizer_fingerprint in found


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"template": None}, "needs a tokenizer with a chat template.*compact"),
        ({"eos": None}, "end token"),
        ({"eos": "<|endoftext|>"}, "closes a reply with '<|im_end|>.*set the tokenizer's eos"),
    ],
)
def test_a_tokenizer_that_does_not_suit_is_refused(byte_tokenizer, changes, message):
    with pytest.raises(SettingError, match=message.replace("|", r"\|")):
        ReactPrompt(byte_tokenizer(**changes), INSTRUCTION)


def test_a_chat_format_without_a_tokenizer_is_refused():
    with pytest.raises(SettingError, match="--model"):
        load_prompt({"format": "react", "instruction": INSTRUCTION})


def test_a_worlds_own_action_format_is_spoken_and_parsed(tokenizer):
    prompt = GivenPrompt(tokenizer, INSTRUCTION, "> {}", r"(?m)^> (.*)$")
    text, command = prompt.read(prompt.reply("open {the} door"))
    assert (text, command) == ("> open {the} door", "open {the} door")
    assert prompt.command("I think.\n> look\n> go on") == "go on"
    assert prompt.command("look") == ""
    again = load_prompt(json.loads(json.dumps(prompt.settings())), tokenizer)
    assert again.tokenizer_fingerprint == prompt.tokenizer_fingerprint
    other = GivenPrompt(tokenizer, INSTRUCTION, "{}", r"(?m)^> (.*)$")
    assert other.tokenizer_fingerprint != prompt.tokenizer_fingerprint
