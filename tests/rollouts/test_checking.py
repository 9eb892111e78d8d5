"""What a check of a store finds, and what it needs for that."""

import pytest
from made_logs import bring, row
from msgspec.structs import replace

from oreo_agent.model.prompt import PromptFormat, load_prompt
from oreo_agent.records.episode import Episode, PolicyRecord, Segment
from oreo_agent.records.store import Store
from oreo_agent.rollouts.checking import check_store


@pytest.mark.parametrize("damage", ["text", "ids", "command", "observation"])
def test_a_check_finds_ids_that_do_not_say_their_text(tmp_path, damage):
    bring(tmp_path, row())
    (episode,) = Store.open(tmp_path / "store")
    place = 3 if damage == "observation" else 2
    old = episode.segments[place]
    changes = {
        "text": {"text": "open fridge_1"},
        "ids": {"ids": (9999,)},
        "command": {"command": "go to shelf 1"},
        "observation": {"text": "Nothing happens."},
    }[damage]
    segments = list(episode.segments)
    segments[place] = replace(old, **changes)
    with Store.create(
        tmp_path / "odd",
        prompt=episode.prompt,
        tokenizer=episode.tokenizer,
        settings=Store.open(tmp_path / "store").card.settings,
    ) as store:
        store.append(replace(episode, segments=tuple(segments)))
    assert check_store(tmp_path / "store").findings == {}
    assert [what.split(":")[0] for what in check_store(tmp_path / "odd").findings] == ["drift"]


def of_nobody(prompt: PromptFormat, segments: tuple[Segment, ...]) -> Episode:
    return Episode(
        id="e",
        task="t",
        environment="",
        split="train",
        instance="i",
        task_type="",
        seed=0,
        repeat=0,
        policy=PolicyRecord(kind="random"),
        prompt=prompt.name,
        tokenizer=prompt.tokenizer_fingerprint,
        segments=segments,
        reward=0.0,
        end="lost",
        seconds=0.0,
    )


def test_a_check_reads_every_format_that_brings_its_vocabulary(tmp_path):
    prompt = load_prompt({"format": "text", "words": ["a", "room"]})
    segments = (
        *prompt.opening("a room"),
        Segment(kind="action", ids=prompt.reply("a door"), text="a door", command="a door"),
    )
    for name, odd in (("whole", {}), ("odd", {"text": "a wall"})):
        told = (*segments[:-1], replace(segments[-1], **odd))
        with Store.create(
            tmp_path / name,
            prompt="text",
            tokenizer=prompt.tokenizer_fingerprint,
            settings=prompt.settings(),
        ) as store:
            store.append(of_nobody(prompt, told))
    whole, odd = (check_store(tmp_path / name) for name in ("whole", "odd"))
    assert (whole.drift_checked, whole.said, whole.findings) == (True, "", {})
    assert [what.split(":")[0] for what in odd.findings] == ["drift"]


def test_a_check_without_the_tokenizer_says_how_to_name_it(tmp_path, model):
    bring(tmp_path, row(), prompt="react", model=model)
    found = check_store(tmp_path / "store")
    assert not found.drift_checked
    assert "--model" in found.said
