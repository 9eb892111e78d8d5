"""Every format gives back what it was given, and what is no episode is refused with a reason."""

import json
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oreo_agent.records.formats import FORMATS
from oreo_agent.records.formats.conversation import (
    Conversation,
    Exchange,
    Unreadable,
    as_reward,
)
from oreo_agent.records.formats.oreo import prompt_parts
from oreo_agent.records.formats.react import parse
from oreo_agent.records.formats.sharegpt import instance_of_path
from oreo_agent.records.formats.trl import as_messages, as_pair

KEYS = re.findall(
    r"\w+",
    "traj result reward conversations messages prompt completion label chosen rejected nodes "
    "traces steps extra rewards observations actions role from content value schema_version "
    "message parent",
)
ROUND = ["atif", "minari", "oreo", "sharegpt", "trl", "verifiers"]
texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30).filter(
    lambda text: text.strip() and not text.startswith("Observation: ")
)
said = texts.filter(lambda text: text.strip().lower() not in ("ok", "ok.", "okay", "okay."))
lines = st.text(st.characters(codec="ascii", exclude_categories=["C"]), min_size=1, max_size=20)
words = lines.map(str.strip).filter(lambda text: text and not text.startswith((">", "Action")))


@st.composite
def conversations(draw, world=texts, reply=said, instruction=texts):
    reward = draw(st.sampled_from([0.0, 0.25, 1.0]))
    end = "won" if reward == 1 else draw(st.sampled_from(["lost", "step_limit", "token_limit"]))
    turns = draw(st.lists(st.tuples(world, reply), min_size=1, max_size=4))
    return Conversation(
        turns=tuple(Exchange(seen=seen, reply=told) for seen, told in turns),
        reward=reward,
        end=end,
        instruction=draw(st.one_of(st.just(""), instruction)),
        last=draw(st.one_of(st.just(""), world)),
        instance=draw(st.sampled_from(["", "task/trial_1", "7"])),
        task_type=draw(st.sampled_from(["", "pick"])),
        player=draw(st.sampled_from(["", "llama"])),
    )


def told(conversation: Conversation) -> tuple[object, ...]:
    """What a format has to give back."""
    turns = [(turn.seen, turn.reply) for turn in conversation.turns]
    return (turns, conversation.reward, conversation.end, conversation.instruction)


@pytest.mark.parametrize("name", ROUND)
@settings(max_examples=60)
@given(conversation=conversations())
def test_what_a_format_writes_it_reads_again(name, conversation):
    format = FORMATS.load(name)()
    rows = [json.loads(json.dumps(row)) for row in format.write(conversation)]
    (again,) = [found for row in rows for found in format.read(row)]
    assert told(again) == told(conversation)
    assert again.instance == conversation.instance
    assert again.task_type == conversation.task_type
    assert again.digest() == conversation.digest()
    if name != "trl":
        assert again.last == conversation.last


@settings(max_examples=60)
@given(conversation=conversations(world=words, reply=words, instruction=st.just("")))
def test_a_text_log_gives_back_its_games_and_their_thoughts(conversation):
    turns = tuple(
        Exchange(seen=turn.seen, reply=f"Thought: {turn.reply}\nAction: go {i}", command=f"go {i}")
        for i, turn in enumerate(conversation.turns)
    )
    format = FORMATS.load("react")()
    game = Conversation(turns=turns, reward=1.0, end="won", instance="x", last=conversation.last)
    (row,) = format.write(game)
    (again,) = format.read(json.loads(json.dumps(row)))
    assert again == game


@settings(max_examples=40)
@given(conversation=conversations(), other=conversations())
def test_messages_and_pairs_are_read_as_what_they_were_made_of(conversation, other):
    format = FORMATS.load("trl")()
    (again,) = format.read(as_messages(conversation))
    assert told(again) == told(conversation)
    first = conversation.turns[0]
    other = Conversation(
        turns=(Exchange(seen=first.seen, reply="no"), *other.turns),
        reward=0.0,
        end="lost",
        instruction=conversation.instruction,
    )
    better, worse = format.read(as_pair(conversation, other))
    assert told(better)[0] == told(conversation)[0]
    assert told(worse) == told(other)
    assert (better.reward, worse.reward) == (1.0, 0.0)


def test_rows_of_one_reply_never_show_the_world_as_a_completion():
    game = Conversation(
        turns=(Exchange(seen="a room", reply="look"), Exchange(seen="a door", reply="go")),
        reward=1.0,
        end="won",
    )
    rows = list(FORMATS.load("trl")().write(game))
    assert [row["completion"] for row in rows] == [
        [{"role": "assistant", "content": "look"}],
        [{"role": "assistant", "content": "go"}],
    ]
    assert [len(row["prompt"]) for row in rows] == [1, 3]
    assert all(row["label"] is True for row in rows)


GAME = """You are in a room. You see a shelf 1.
Your task is to: put a mug on shelf.
> Think: I need a mug.
> ActionPath: Start
> go to shelf 1
On the shelf 1, you see a mug 1.
> think: There it is.
OK.
> take mug 1 from shelf 1
You pick up the mug 1 from the shelf 1.
> Think: and now
"""


def test_a_text_log_is_read_with_thoughts_plans_and_commands():
    (game,) = FORMATS.load("react")().read({"name": "a/b", "result": 0, "traj": GAME})
    assert [turn.command for turn in game.turns] == ["go to shelf 1", "take mug 1 from shelf 1"]
    first, second = game.turns
    assert first.seen.endswith("put a mug on shelf.")
    assert first.reply == "Thought: I need a mug.\nActionPath: Start\nAction: go to shelf 1"
    assert second.seen == "On the shelf 1, you see a mug 1."
    assert second.reply == "Thought: There it is.\nAction: take mug 1 from shelf 1"
    assert game.last == "You pick up the mug 1 from the shelf 1."
    assert (game.reward, game.end, game.instance) == (0.0, "lost", "a/b")


def test_a_lost_game_of_knowagent_with_all_its_lines_ended_at_the_limit():
    long = GAME + "> look\nA room.\n" * 49
    (game,) = FORMATS.load("react")().read({"result": False, "traj": long})
    assert game.end == "step_limit"
    (game,) = FORMATS.load("react")().read({"result": True, "traj": long})
    assert game.end == "won"
    assert parse("room\n> \nNothing happens.\n")[1] == [("Action: ", "", "Nothing happens.")]


def test_etos_files_lose_the_canned_beginning_and_the_word_observation():
    row = {
        "meta": {"reward": None, "success": True, "error": "/x/train/task-1/trial_T2/game.tw-pddl"},
        "conversations": [
            {"from": "human", "value": "Interact with a household."},
            {"from": "gpt", "value": "OK"},
            {"from": "human", "value": "You are in a room."},
            {"from": "gpt", "value": "Thought: hm\nAction: look"},
            {"from": "human", "value": "Observation: A room."},
        ],
    }
    (game,) = FORMATS.load("sharegpt")().read(row)
    assert game.instruction == "Interact with a household."
    assert [(t.seen, t.reply) for t in game.turns] == [
        ("You are in a room.", "Thought: hm\nAction: look")
    ]
    assert (game.instance, game.end, game.last) == ("task-1/trial_T2", "won", "A room.")
    assert instance_of_path("/nowhere/else") == ""


def test_oreos_math_rows_are_taken_out_of_their_template():
    chatml = (
        "<|im_start|>system\nReason.<|im_end|>\n<|im_start|>user\n1+1?<|im_end|>\n"
        "<|im_start|>assistant\n"
    )
    assert prompt_parts(chatml) == ("Reason.", "1+1?")
    assert prompt_parts("User: 1+1?\nReason.\n\nAssistant:") == ("", "1+1?\nReason.")
    assert prompt_parts("1+1? <|im_end|>") == ("", "1+1? <|im_end|>")
    row = {"prompt": chatml, "response": "It is\n2", "reward": 1}
    (solution,) = FORMATS.load("oreo")().read(row)
    assert solution.turns == (Exchange(seen="1+1?", reply="It is\n2"),)


def test_a_trace_of_verifiers_is_read_along_each_path_that_the_model_wrote():
    def node(parent, role, text, sampled=False):
        message = {"role": role, "content": text}
        return {"parent": parent, "message": message, "sampled": sampled}

    trace = {
        "task": {"type": "T", "data": {"idx": 3}},
        "nodes": [
            node(None, "system", "Play."),
            node(0, "user", "A room."),
            node(1, "assistant", "look", True),
            node(2, "user", "A door."),
            node(3, "assistant", "go", True),
            node(1, "assistant", "wait", True),
            node(0, "user", "nobody replied"),
        ],
        "rewards": {"main": {"score": 1.0, "weight": 0.5}, "style": {"score": 1, "weight": 0.25}},
        "ok": True,
    }
    found = FORMATS.load("verifiers")().read({"task": trace["task"], "traces": [trace]})
    assert [[t.reply for t in one.turns] for one in found] == [["look", "go"], ["wait"]]
    assert {one.reward for one in found} == {0.75}
    assert {one.instance for one in found} == {"3"}
    trace["nodes"][1]["parent"] = 1
    with pytest.raises(Unreadable, match="parent"):
        FORMATS.load("verifiers")().read(trace)
    with pytest.raises(Unreadable, match="broke"):
        FORMATS.load("verifiers")().read(trace | {"ok": False, "errors": [{"type": "Timeout"}]})


def test_tools_of_atif_become_actions_and_their_results_observations():
    row = {
        "schema_version": "ATIF-v1.4",
        "agent": {"name": "a", "version": "1", "model_name": "m"},
        "steps": [
            {"step_id": 1, "source": "user", "message": "Find it."},
            {
                "step_id": 2,
                "source": "agent",
                "message": "I look.",
                "reasoning_content": "Hm.",
                "tool_calls": [
                    {"tool_call_id": "1", "function_name": "sh", "arguments": {"command": "ls"}}
                ],
                "observation": {"results": [{"source_call_id": "1", "content": "a b"}]},
            },
            {"step_id": 3, "source": "agent", "message": "Done."},
        ],
        "extra": {"reward": 1},
    }
    (game,) = FORMATS.load("atif")().read(row)
    assert [(t.seen, t.reply) for t in game.turns] == [
        ("Find it.", "Hm.\nI look.\nAction: ls"),
        ("a b", "Done."),
    ]
    assert game.player == "m"
    with pytest.raises(Unreadable, match="schema_version"):
        FORMATS.load("atif")().read(row | {"schema_version": "ATIF-v2.0"})


def test_what_we_write_as_atif_is_valid_by_its_models():
    atif = pytest.importorskip("atif", reason="the models of ATIF are in the package atif")
    game = Conversation(
        turns=(
            Exchange(seen="a room", reply="Action: look", command="look"),
            Exchange(seen="a door", reply="go"),
        ),
        reward=0.5,
        end="lost",
        instruction="Play.",
        last="shut",
    )
    (row,) = FORMATS.load("atif")().write(game)
    assert atif.Trajectory.model_validate(row).to_json_dict() == row


@pytest.mark.parametrize("name", FORMATS.names())
@settings(max_examples=60)
@given(
    row=st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(KEYS),
                inner,
                max_size=4,
            )
        ),
        max_leaves=8,
    )
)
def test_whatever_a_row_is_it_is_read_or_refused(name, row):
    try:
        found = FORMATS.load(name)().read(row)
    except (Unreadable, KeyError, TypeError, AttributeError, IndexError):
        return  # the importer makes a reason of each
    assert all(isinstance(one, Conversation) for one in found)


MESSAGES = [{"role": "user", "content": "a room"}, {"role": "assistant", "content": "look"}]
NODES = [
    {"parent": None, "message": MESSAGES[0], "sampled": False},
    {"parent": 0, "message": MESSAGES[1], "sampled": True},
]
STEPS = [{"source": "user", "message": "a room"}, {"source": "agent", "message": "look"}]
UNSAID = [
    ("atif", {"schema_version": "ATIF-v1.8", "steps": STEPS, "extra": {"reward": None}}),
    ("minari", {"observations": ["a room"], "actions": ["look"]}),
    ("oreo", {"conversations": MESSAGES}),
    ("react", {"traj": GAME, "result": None}),
    ("sharegpt", {"conversations": MESSAGES, "meta": {"reward": None}}),
    ("trl", {"messages": MESSAGES, "label": None}),
    ("trl", {"prompt": "a room", "completion": "look", "chosen": None, "rejected": None}),
    ("verifiers", {"prompt": MESSAGES[:1], "completion": MESSAGES[1:]}),
    ("verifiers", {"nodes": NODES, "rewards": {}}),
    ("verifiers", {"traces": [{"nodes": NODES, "rewards": None}]}),
]


@pytest.mark.parametrize(("name", "row"), UNSAID)
def test_a_row_without_an_outcome_is_refused_unless_somebody_says_it(name, row):
    format = FORMATS.load(name)()
    with pytest.raises(Unreadable, match="no outcome"):
        format.read(row)
    assert [found.reward for found in format.read(row, 0.25)] == [0.25]


@pytest.mark.parametrize(
    ("name", "row"),
    [
        (
            "atif",
            {
                "schema_version": "ATIF-v1.8",
                "steps": STEPS,
                "extra": {"reward": None},
                "final_metrics": {"extra": {"reward": 1}},
            },
        ),
        ("sharegpt", {"conversations": MESSAGES, "meta": {"reward": 1}, "reward": None}),
        ("trl", {"messages": MESSAGES, "chosen": None, "rejected": None, "reward": 1}),
        (
            "trl",
            {
                "messages": [
                    {"from": "human", "value": "a", "role": None, "content": None},
                    MESSAGES[1],
                ],
                "reward": 1,
            },
        ),
    ],
)
def test_a_null_in_a_column_hides_nothing_that_stands_elsewhere(name, row):
    assert [found.reward for found in FORMATS.load(name)().read(row)] == [1.0]


def test_a_null_in_a_row_of_verifiers_does_not_hide_the_instance():
    row = {
        "prompt": "a",
        "completion": "b",
        "reward": 1,
        "info": {"id": None},
        "id": 7,
        "task": "t",
    }
    (found,) = FORMATS.load("verifiers")().read(row | {"info": {"id": None, "task": None}})
    assert (found.instance, found.task_type) == ("7", "t")


def test_a_step_of_atif_gives_back_the_command_that_its_message_does_not_say():
    game = Conversation(
        turns=(Exchange(seen="a room", reply="I shall look\naround.", command="look"),),
        reward=1.0,
        end="won",
    )
    format = FORMATS.load("atif")()
    (row,) = format.write(game)
    assert format.read(json.loads(json.dumps(row))) == [replace(game, player="unknown")]


@pytest.mark.parametrize("outcome", ["true", "1", None, -0.1, 1.1, float("nan"), [], {"a": 1}])
def test_what_is_no_outcome_is_refused(outcome):
    with pytest.raises(Unreadable, match="outcome"):
        as_reward(outcome)


def test_outcomes_are_truth_values_and_numbers():
    assert [as_reward(told) for told in (True, False, 0, 1, 0.5)] == [1, 0, 0, 1, 0.5]
    with pytest.raises(Unreadable, match="no outcome"):
        FORMATS.load("react")().read({"traj": GAME})


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ([], "a row is an object"),
        ({"conversations": "hello", "reward": 1}, "no list"),
        ({"conversations": [], "reward": 1}, "no reply"),
        ({"conversations": [{"from": "gpt", "value": "hi"}], "reward": 1}, "begins with a reply"),
        ({"conversations": [{"from": "moon", "value": "hi"}], "reward": 1}, "from 'moon'"),
        ({"conversations": [{"from": "human", "value": 3}], "reward": 1}, "not text"),
        (
            {"conversations": [{"from": "human", "value": [{"type": "image"}]}], "reward": 1},
            "only text",
        ),
        (
            {
                "conversations": [
                    {"from": "human", "value": "a"},
                    {"from": "gpt", "value": "\ud800"},
                ],
                "reward": 1,
            },
            "surrogate",
        ),
    ],
)
def test_a_refused_row_says_why(row, reason):
    with pytest.raises(Unreadable, match=reason):
        FORMATS.load("sharegpt")().read(row)
