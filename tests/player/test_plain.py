"""Lines instead of a screen: the same game, the same words, every time."""

import json

import pytest
from scripted_house import player, recorded, session

from oreo_agent.model.compact import CompactPrompt
from oreo_agent.player.plain import play_lines, summary
from oreo_agent.records.episode import PolicyRecord
from oreo_agent.rollouts.players import TextPlayer

GOLDEN = """\
house valid, game 1 of 2: 1-plain
agent: scripted
goal: put a cup in box

You are in a room. You see a desk 1, a shelf 1, and a box 1.

turn 1 of 8, V 0.150
> 1  V  0.320  policy  72%  go to desk 1
  2  V  0.310  policy  21%  take cup 1 from desk 1  (not possible)
  3  V  0.310  policy   8%  move cup 1 to box 1  (not possible)
command: go to desk 1
You see a cup 1.

turn 2 of 8, V 0.290
  1  V  0.280  policy  74%  (nothing)  (holds no command)
  2  V  0.260  policy  21%  go to desk 1  (not possible)
> 3  V  0.450  policy   5%  take cup 1 from desk 1
command: take cup 1 from desk 1
You see nothing.

turn 3 of 8, V 0.430
> 1  V  0.400  policy  63%  go to desk 1  (not possible)
  2  V  0.400  policy  30%  open box 1  (not possible)
  3  V  0.390  policy   7%  take cup 2 from desk 1  (not possible)
command: go to desk 1
Nothing happens.

turn 4 of 8, V 0.380
> 1  V  0.550  policy  44%  go to box 1
  2  V  0.340  policy  13%  take cup 1 from desk 1  (not possible)
  3  V  0.350  policy  44%  open box 1  (not possible)
command: go to box 1
You see nothing.

turn 5 of 8, V 0.530
  1  V  0.500  policy  44%  open box 1  (not possible)
  2  V  0.500  policy  21%  go to box 1  (not possible)
> 3  V  0.690  policy  35%  move cup 1 to box 1
command: move cup 1 to box 1
You see nothing.

won in 5 turns; V 0.150 at first, 0.690 at last; 31 tokens
"""


def lines(**how) -> list[str]:
    return list(play_lines(session(**how)))


def test_the_lines_of_a_scripted_agent_are_these():
    assert "\n".join(lines(seed=6)) == GOLDEN.rstrip("\n")


@pytest.mark.parametrize("seed", range(5))
def test_the_same_seed_gives_the_same_lines(seed):
    assert lines(seed=seed) == lines(seed=seed)


def test_an_agent_without_a_value_is_shown_without_figures():
    class Walker:
        def begin(self, observation):
            pass

        def act(self, observation, info):
            return "go to shelf 1"

        def replaced(self, command):
            pass

    prompt = CompactPrompt(player().prompt.settings()["lexicon"])
    who = TextPlayer(lambda seed: Walker(), PolicyRecord(kind="expert"), prompt)
    told = lines(who=who, limit=1)
    assert told[-5:] == [
        "turn 1 of 1",
        "command: go to shelf 1",
        "You see nothing.",
        "",
        "not won: the limit of 1 turns is reached; 8 tokens",
    ]


def test_the_summary_is_plain_data_and_agrees_with_the_record():
    each = session(seed=3)
    for _ in play_lines(each):
        pass
    told, episode = json.loads(json.dumps(summary(each.snapshot()))), recorded("1-plain", seed=3)
    assert (told["turns"], told["end"], told["tokens"]) == (
        episode.steps,
        episode.end,
        episode.tokens,
    )
    actions = [segment for segment in episode.segments if segment.kind == "action"]
    assert [move["command"] for move in told["moves"]] == [action.command for action in actions]
    assert [move["value_after"] for move in told["moves"]] == [
        action.decision.candidates[action.decision.chosen].value for action in actions
    ]
