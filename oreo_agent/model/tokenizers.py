"""Tokenizers on disk, in Hugging Face format."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from oreo_agent.model.bundle import CARD
from oreo_agent.model.reading import pretrained


def load_tokenizer(path: Path | str, *, hub: bool = False) -> Any:
    """The tokenizer in a model's folder, or a bundle's; no code of the folder is executed.

    Args:
        path: the folder.
        hub: where there is no such folder, take ``path`` for a name on the Hugging Face hub.

    Raises:
        BundleError: there is none.
    """
    if (Path(path) / CARD).is_file():
        path = Path(path) / "tokenizer"
    return pretrained(AutoTokenizer, path, "tokenizer", hub=hub)


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
