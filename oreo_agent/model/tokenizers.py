"""Tokenizers on disk, in Hugging Face format."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from oreo_agent.errors import BundleError


def load_tokenizer(path: Path | str) -> Any:
    """The tokenizer in a model's folder; no code of the folder is executed.

    Raises:
        BundleError: there is none.
    """
    try:
        return AutoTokenizer.from_pretrained(path, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise BundleError(
            f"no tokenizer can be read from {path}: {error}; name a folder in Hugging Face format"
        ) from error


def word_tokenizer(tokens: Sequence[str], *, bos: str, eos: str, unk: str, pad: str) -> Any:
    """A tokenizer that splits at white space: id i is ``tokens[i]``."""
    vocabulary = {token: i for i, token in enumerate(tokens)}
    words = Tokenizer(models.WordLevel(vocab=vocabulary, unk_token=unk))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=words, bos_token=bos, eos_token=eos, unk_token=unk, pad_token=pad
    )
