"""The compact format: what is said can be read back, and all the world's words have tokens."""

import json
import lzma
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import gymnasium
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oreo_agent.errors import SettingError
from oreo_agent.model.compact import CompactPrompt
from oreo_agent.model.prompt import ids_of, load_prompt
from oreo_agent.model.vocabulary import BOS, END, TURN, UNK
from oreo_envs.players import RandomPlayer
from oreo_tasks.alfworld.lexicon import COMMANDS, ENTITIES, LEXICON

PROMPT = CompactPrompt(LEXICON)
NUMBERED = [f"{name} {n}" for name, most in ENTITIES.items() for n in range(1, most + 1)]
entities = st.sampled_from(NUMBERED)
TOY: dict[str, Any] = {
    "entities": {"den": 3, "coffee_table": 2, "key": 2},
    "words": ["walk", "see"],
    "commands": [["walk to {}", "walk"]],
    "sentences": [[r"You see (.*)\.", "see {1}"]],
}


def words(ids: tuple[int, ...], prompt: CompactPrompt = PROMPT) -> str:
    return " ".join(prompt.tokens[token] for token in ids)


@settings(max_examples=30)
@pytest.mark.parametrize("wording", [wording for wording, _ in COMMANDS])
@given(data=st.data())
def test_a_command_of_any_wording_is_read_back_as_its_verbs_first_wording(
    wording: str, data: st.DataObject
):
    named = [data.draw(entities) for _ in range(wording.count("{}"))]
    verb = dict(COMMANDS)[wording]
    spoken = next(first for first, name in COMMANDS if name == verb)
    ids = PROMPT.reply(wording.format(*named))
    assert len(ids) == 2 + len(named)
    assert ids[-1] == END
    text, command = PROMPT.read(ids)
    assert command == spoken.format(*named)
    assert PROMPT.reply(command) == ids
    assert text == words(ids[:-1])


def test_both_dialects_say_the_same_with_the_same_tokens():
    assert PROMPT.reply("put apple 1 in/on fridge 1") == PROMPT.reply("move apple 1 to fridge 1")


@pytest.mark.parametrize(
    "command",
    ["go to drawer 99", "go to the moon", "go to drawer", "take mug 1 mug 2 from desk 1", "fly"],
)
def test_a_command_whose_words_have_no_tokens_is_refused_rather_than_half_said(command: str):
    with pytest.raises(SettingError, match=f"no tokens for the command '{command}'.*lexicon"):
        PROMPT.reply(command)


@given(st.lists(st.integers(0, len(PROMPT.tokens) - 1), max_size=8))
def test_any_tokens_are_read_and_a_command_is_given_only_where_they_say_one(ids: list[int]):
    text, command = PROMPT.read(tuple(ids))
    body = tuple(token for token in ids if token != END)
    assert text == words(body)
    if command:
        assert PROMPT.reply(command) == (*body, END)


@pytest.mark.parametrize(
    "ids",
    [
        (),
        (END,),
        (PROMPT.ids["go"], END),
        (PROMPT.ids["go"], PROMPT.ids["drawer"], END),
        (PROMPT.ids["go"], PROMPT.ids["drawer_1"], PROMPT.ids["drawer_2"], END),
        (PROMPT.ids["drawer_1"], END),
        (PROMPT.ids["take"], PROMPT.ids["apple_1"], PROMPT.ids["ok"], END),
    ],
)
def test_a_reply_with_the_wrong_number_or_kind_of_words_holds_no_command(ids: tuple[int, ...]):
    assert PROMPT.read(ids)[1] == ""


def test_a_class_name_may_hold_an_underscore():
    prompt = CompactPrompt(TOY)
    ids = (prompt.ids["walk"], prompt.ids["coffee_table_2"], END)
    assert prompt.read(ids)[1] == "walk to coffee_table 2"
    assert prompt.reply("walk to coffee_table 2") == ids


@pytest.mark.parametrize(
    ("observation", "tokens"),
    [
        ("The drawer 2 is closed.", "closed <turn>"),
        ("You open the safe 1. The safe 1 is open. In it, you see nothing.", "opened <turn>"),
        (
            "On the desk 1, you see a desklamp 1, a cd 3, and a keychain 2.",
            "on desklamp_1 cd_3 keychain_2 <turn>",
        ),
        ("You arrive at loc 4. On the sofa 1, you see nothing.", "on <turn>"),
        ("You move the apple 1 to the fridge 1.", "ok <turn>"),
        ("You put the apple 1 in/on the fridge 1.", "ok <turn>"),
        ("Nothing happens.", "nothing <turn>"),
        ("You are carrying: a mug 1.", "carrying mug_1 <turn>"),
    ],
)
def test_a_sentence_becomes_its_shape_and_its_entities(observation: str, tokens: str):
    assert words(PROMPT.answer(observation, ended=True).ids) == tokens
    assert PROMPT.answer(observation, ended=True).text == observation


def test_a_number_beyond_the_lexicon_keeps_its_class_and_is_marked():
    seen = PROMPT.answer("On the desk 1, you see a pen 99, and a cd 1.", ended=True).ids
    assert words(seen) == "on pen <unk> cd_1 <turn>"


def test_a_sentence_that_is_not_known_is_marked_and_keeps_what_it_names():
    seen = PROMPT.answer("A ghost took the pen 2 to the attic.", ended=True).ids
    assert seen == (UNK, PROMPT.ids["pen_2"], TURN)


def test_a_reply_that_was_cut_gets_its_end_mark_from_the_next_segment():
    kept, cut = (PROMPT.answer("Nothing happens.", ended=ended) for ended in (True, False))
    assert cut.ids == (END, *kept.ids)
    assert cut.text == kept.text
    assert cut.kind == "observation"


def test_a_history_begins_with_its_mark():
    begin, first = PROMPT.opening("Nothing happens.")
    assert (begin.kind, first.kind) == ("prompt", "observation")
    assert ids_of((begin, first))[0] == BOS


@given(st.lists(st.integers(0, len(PROMPT.tokens) - 1), max_size=60), st.integers())
def test_renaming_is_a_bijection_that_keeps_classes_lengths_and_all_other_tokens(
    ids: list[int], seed: int
):
    renamed = PROMPT.relabelled(ids, Random(seed))
    assert len(renamed) == len(ids)
    factors = PROMPT.factors()
    for old, new in zip(ids, renamed, strict=True):
        assert factors[old][0] == factors[new][0]
        if factors[old][1] == 0:
            assert new == old
    pairs = set(zip(ids, renamed, strict=True))
    assert len(pairs) == len({old for old, _ in pairs}) == len({new for _, new in pairs})
    highest = {
        kind: max(n for k, n in map(factors.__getitem__, ids) if k == kind)
        for kind, _ in map(factors.__getitem__, ids)
    }
    assert all(n <= highest[kind] for kind, n in map(factors.__getitem__, renamed))
    assert renamed == PROMPT.relabelled(ids, Random(seed))


def test_renaming_does_rename():
    drawers = [PROMPT.ids[f"drawer_{n}"] for n in range(1, 9)]
    seen = Counter(tuple(PROMPT.relabelled(drawers, Random(seed))) for seed in range(50))
    assert len(seen) > 40
    assert all(sorted(names) == drawers for names in seen)


def test_factors_name_each_token_once_and_kin_share_their_class():
    factors = PROMPT.factors()
    assert len(factors) == len(set(factors)) == len(PROMPT.tokens)
    kind, number = factors[PROMPT.ids["drawer_7"]]
    assert number == 7
    assert factors[PROMPT.ids["drawer"]] == (kind, 0)
    assert factors[PROMPT.ids["drawer_8"]] == (kind, 8)
    assert factors[PROMPT.ids["shelf_7"]][1] == 7
    words_of_class = [token for token, (name, _) in enumerate(factors) if name == kind]
    assert len(words_of_class) == 1 + ENTITIES["drawer"]


def test_settings_make_the_same_format_again_also_after_json():
    again = load_prompt(json.loads(json.dumps(PROMPT.settings())))
    assert isinstance(again, CompactPrompt)
    assert again.tokens == PROMPT.tokens
    assert again.tokenizer_fingerprint == PROMPT.tokenizer_fingerprint
    assert again.max_reply_tokens == PROMPT.max_reply_tokens
    assert again.reply("take mug 1 from desk 2") == PROMPT.reply("take mug 1 from desk 2")


@pytest.mark.parametrize(
    "change",
    [
        {"entities": {"den": 4, "coffee_table": 2, "key": 2}},
        {"entities": {"coffee_table": 2, "den": 3, "key": 2}},
        {"words": ["see", "walk"]},
        {"commands": [["go to {}", "walk"]]},
        {"sentences": [[r"You saw (.*)\.", "see {1}"]]},
    ],
)
def test_the_fingerprint_follows_the_lexicon(change: dict[str, Any]):
    first = CompactPrompt(TOY).tokenizer_fingerprint
    assert CompactPrompt(TOY | change).tokenizer_fingerprint != first
    assert CompactPrompt(json.loads(json.dumps(TOY))).tokenizer_fingerprint == first


def test_a_lexicon_with_one_name_for_two_things_is_refused():
    with pytest.raises(SettingError, match="twice"):
        CompactPrompt(TOY | {"words": ["walk", "see", "key"]})


@pytest.fixture(scope="module")
def real_games(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> dict[str, str]:
    """By dialect, a data folder with one game of each fortieth of valid_seen."""
    with lzma.open(shared_data / "alfworld" / "logic.json.xz", "rt", encoding="utf-8") as file:
        logic = json.load(file)
    with lzma.open(
        shared_data / "alfworld" / "valid_seen.jsonl.xz", "rt", encoding="utf-8"
    ) as file:
        records = [json.loads(line) for line in list(file)[::20]]
    folders: dict[str, str] = {}
    for dialect in ("move", "put"):
        root = tmp_path_factory.mktemp(dialect)
        for record in records:
            domain, grammar, _ = record[dialect]
            game = {
                "pddl_domain": logic["domains"][domain],
                "grammar": logic["grammars"][grammar].replace("\x00GOAL\x00", record["goal"]),
                "pddl_problem": record["problem"],
                "solvable": True,
            }
            folder = root / "json_2.1.1" / "valid_seen" / record["id"]
            folder.mkdir(parents=True)
            (folder / "game.tw-pddl").write_text(json.dumps(game), encoding="utf-8")
        folders[dialect] = str(root)
    return folders


def wander(split: str, data: str, games: int, turns: int) -> Iterator[tuple[str, str]]:
    """(command, what was said) while somebody tries things at random."""
    env = gymnasium.make("oreo_envs:oreo/ALFWorld-v0", split=split, data=data, step_limit=turns)
    for game in range(games):
        walker = RandomPlayer(Random(game))
        observation, info = env.reset(seed=game)
        yield "", observation
        for _ in range(turns):
            command = walker.act(observation, info)
            observation, _, won, cut, info = env.step(command)
            yield command, observation
            if won or cut:
                break
        env.reset(seed=game)
        for command in ("look", "inventory", "help", "nonsense"):
            yield command, env.step(command)[0]


def check_every_word(said: Iterator[tuple[str, str]]) -> Counter[str]:
    shapes: Counter[str] = Counter()
    for command, observation in said:
        segment = PROMPT.answer(observation, ended=True) if command else None
        ids = segment.ids if segment else ids_of(PROMPT.opening(observation))
        assert UNK not in ids, (observation, words(ids))
        shapes[PROMPT.tokens[ids[0 if segment else 1]]] += 1
        if command and command != "nonsense":
            assert PROMPT.reply(PROMPT.read(PROMPT.reply(command))[1]) == PROMPT.reply(command)
    return shapes


def test_nothing_that_a_generated_game_says_is_unknown():
    shapes = check_every_word(wander("train", "generated", games=12, turns=40))
    assert {"opened", "closed", "on", "ok", "nothing", "carrying", "usage"} <= set(shapes)


@pytest.mark.parametrize("dialect", ["move", "put"])
def test_nothing_that_an_official_game_says_is_unknown(real_games: dict[str, str], dialect: str):
    shapes = check_every_word(wander("valid_seen", real_games[dialect], games=7, turns=40))
    assert {"opened", "closed", "on", "ok", "nothing", "carrying"} <= set(shapes)
