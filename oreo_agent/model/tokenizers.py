"""Tokenizers on disk, in Hugging Face format."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
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


def word_tokenizer(
    tokens: Sequence[str], *, bos: str, eos: str, unk: str, pad: str, pieces: str | None = None
) -> Any:
    """A tokenizer of whole words: id i is ``tokens[i]``.

    Args:
        tokens: the vocabulary.
        bos: the token that a text begins with.
        eos: the token that ends it.
        unk: stands for words that are not known.
        pad: fills rows.
        pieces: a regular expression for a word, white space included: words put together are the
            text; None splits at white space.
    """
    vocabulary = {token: i for i, token in enumerate(tokens)}
    words = Tokenizer(models.WordLevel(vocab=vocabulary, unk_token=unk))
    if pieces is None:
        words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    else:
        words.pre_tokenizer = pre_tokenizers.Split(Regex(pieces), "isolated")
        words.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(
        tokenizer_object=words, bos_token=bos, eos_token=eos, unk_token=unk, pad_token=pad
    )
