"""The scripted world is a module of its own, so that worker processes can import it too."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def model(byte_tokenizer, tmp_path_factory) -> str:
    """A folder with a tokenizer of bytes, as a model's."""
    folder = tmp_path_factory.mktemp("model")
    byte_tokenizer().save_pretrained(folder)
    return str(folder)
