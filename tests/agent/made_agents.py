"""Small agents of the compact format, their weights noise; nobody had to train them."""

from pathlib import Path
from typing import Any

from stirring import drawn, stirred

from oreo_agent.model.bundle import Card, fingerprint, write_bundle
from oreo_agent.model.compact import CompactPrompt
from oreo_agent.model.networks import ValueNetwork, new_policy
from oreo_agent.model.tokenizers import word_tokenizer
from oreo_agent.model.vocabulary import BOS, END, PAD, SPECIALS

LEXICON: dict[str, Any] = {
    "entities": {"den": 4, "key": 2},
    "words": ["walk", "take", "look", "see", "nothing"],
    "commands": [["walk to {}", "walk"], ["take {}", "take"], ["look", "look"]],
    "sentences": [[r"You see (.*)\.", "see {1}"], [r"Nothing\.", "nothing"]],
}
PROMPT = CompactPrompt(LEXICON, max_reply_tokens=4)
BETA = 0.1


def make_bundle(
    folder: Path, *, seed: int, base: Path | None = None, prompt: CompactPrompt = PROMPT
) -> Path:
    """A policy of 32x1 in ``folder``; with ``base``, whose learner it says it is, also a value."""
    rng = drawn(seed)
    policy = stirred(
        new_policy(len(prompt.tokens), "32x1", bos=BOS, eos=END, pad=PAD, seed=seed), 0.3, rng
    )
    value = stirred(ValueNetwork.of_policy(policy), 0.3, rng)
    names = dict(zip(("pad", "bos", "unk", "turn", "eos"), SPECIALS, strict=True))
    del names["turn"]

    def save(to: Path) -> None:
        policy.save_pretrained(to / "policy")
        if base is not None:
            value.save(to / "value")
        word_tokenizer(prompt.tokens, **names).save_pretrained(to / "tokenizer")

    card = Card(
        method="sft" if base is None else "oreo",
        settings={"objective": {} if base is None else {"beta": BETA}},
        prompt=prompt.settings(),
        tokenizer=prompt.tokenizer_fingerprint,
        base="tiny" if base is None else f"bundle {fingerprint(base)} (sft)",
        data={},
        has_value=base is not None,
        max_context=400,
    )
    write_bundle(folder, card, "", save)
    return folder
