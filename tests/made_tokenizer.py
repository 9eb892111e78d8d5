"""A plug-in of the tests: a small tokenizer with a chat template, made on the spot."""

from collections.abc import Callable
from typing import Any

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
TEXTS = [
    "You are in the middle of a room. Looking quickly around you, you see a drawer 2.",
    "Thought: I should look for an apple. Action: go to drawer 2",
    "user assistant system On the drawer 2, you see a mug 1, and nothing else.",
]

MakeTokenizer = Callable[..., Any]


@pytest.fixture(scope="session")
def byte_tokenizer() -> MakeTokenizer:
    """Byte-level BPE with ChatML marks; ``template`` and ``eos`` may be other ones."""
    words = Tokenizer(models.BPE())
    words.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    words.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    words.train_from_iterator(TEXTS, trainer)
    spelt = words.to_str()

    def make(template: str | None = CHATML, eos: str | None = "<|im_end|>") -> Any:
        tokenizer = PreTrainedTokenizerFast(
            tokenizer_object=Tokenizer.from_str(spelt), eos_token=eos, pad_token="<|endoftext|>"
        )
        tokenizer.chat_template = template
        return tokenizer

    return make
