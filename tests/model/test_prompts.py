"""Every prompt format has all that `PromptFormat` promises."""

import inspect

import pytest

from oreo_agent.errors import SettingError
from oreo_agent.model.prompt import PROMPTS, PromptFormat, load_prompt
from oreo_agent.rollouts.wording import TextOnly
from oreo_tasks.alfworld.lexicon import LEXICON

MEMBERS = sorted(
    name
    for name in {*vars(PromptFormat), *PromptFormat.__annotations__}
    if not name.startswith("_")
)
SETTINGS = {
    "compact": {"lexicon": LEXICON},
    "react": {"instruction": "Act."},
    "bare": {"instruction": "Act."},
    "given": {"instruction": "Act.", "action_format": "> {}", "parsing": "(?m)^> (.*)$"},
    "steps": {"instruction": "Reckon.", "delimiters": ["\n"]},
    "text": {"words": ["go", "to"]},
    "words": {"words": ["go", "to"], "delimiters": ["\n"]},
}


@pytest.mark.parametrize("member", MEMBERS)
@pytest.mark.parametrize("name", [*PROMPTS.names(), None])
def test_every_format_has_every_member_with_the_same_parameters(name, member, byte_tokenizer):
    if name is None:
        prompt = TextOnly("bare")
    else:
        prompt = load_prompt({"format": name, **SETTINGS[name]}, byte_tokenizer())
    there = getattr(prompt, member)
    promised = vars(PromptFormat).get(member)
    if callable(promised):
        wanted = [*inspect.signature(promised).parameters][1:]
        assert [*inspect.signature(there).parameters] == wanted


@pytest.mark.parametrize("name", PROMPTS.names())
def test_every_format_is_made_again_of_its_settings(name, byte_tokenizer):
    prompt = load_prompt({"format": name, **SETTINGS[name]}, byte_tokenizer())
    again = load_prompt(prompt.settings(), byte_tokenizer())
    assert (again.settings(), again.tokenizer_fingerprint) == (
        prompt.settings(), prompt.tokenizer_fingerprint,
    )  # fmt: skip


def test_settings_of_another_version_are_refused_by_name():
    with pytest.raises(SettingError, match=r"'compact' cannot be made of \['nonsense'\]"):
        load_prompt({"format": "compact", "nonsense": 1})
