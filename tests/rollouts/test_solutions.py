"""Solutions as episodes: in one go or step by step the same; what is cut, graded and counted."""

from pathlib import Path
from typing import Any

import pytest
import torch
from stirring import drawn, stirred

from oreo_agent.agent.engines.local import LocalEngine
from oreo_agent.agent.runtime import Agent
from oreo_agent.agent.strategies import STRATEGIES, Candidate, Decision, Strategy
from oreo_agent.agent.strategies.beam import Beam
from oreo_agent.agent.strategies.best_of_n import BestOfN
from oreo_agent.agent.strategies.single import Sample
from oreo_agent.errors import SettingError
from oreo_agent.model.networks import ValueNetwork, new_policy
from oreo_agent.model.vocabulary import END
from oreo_agent.model.words import WordsPrompt
from oreo_agent.records.episode import Episode, PolicyRecord
from oreo_agent.records.reader import StoreReader
from oreo_agent.rollouts.casting import Cast, deciding, own_questions
from oreo_agent.rollouts.collect import CollectSettings, collect
from oreo_agent.rollouts.evaluate import EvaluateSettings, evaluate
from oreo_agent.rollouts.plan import make_plan
from oreo_agent.rollouts.players import ModelPlayer
from oreo_agent.rollouts.report import Settings
from oreo_agent.rollouts.runner import Runner
from oreo_agent.rollouts.stage import Stage

ROWS = "".join(f'{{"q": "1 {"a " * n}", "a": "{n % 3}"}}\n' for n in range(6))
PROMPT = WordsPrompt(["a", "####", *"012"], ["\n"], max_reply_tokens=20)
LIMIT = 4


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    file = tmp_path_factory.mktemp("questions") / "rows.jsonl"
    file.write_text(ROWS)
    data = f"{file}?question=q&answer=a&verifier=number"
    return Stage(task="questions", split="all", data=data, step_limit=LIMIT, live=4)


@pytest.fixture(scope="module")
def networks():
    """32x1 in double precision, that ends, answers and babbles about equally often."""
    torch.set_num_threads(1)
    policy = new_policy(len(PROMPT.tokens), "32x1", bos=1, eos=END, pad=0, seed=0)
    stirred(policy, 0.2, drawn(1))
    return policy.double(), ValueNetwork.of_policy(policy).double()


def player(
    networks: Any, stage: Stage, strategy: Strategy, *, max_context: int = 100
) -> ModelPlayer:
    policy, value = networks
    engine = LocalEngine(
        policy, value, stop_ids=PROMPT.stop_ids, max_context=max_context, steps=PROMPT.steps
    )
    asked = stage.questioning()
    assert asked is not None
    agent = Agent(
        prompt=PROMPT, engine=engine, strategy=strategy, fingerprint="", answer=asked.answer
    )
    return ModelPlayer(agent=agent, policy=PolicyRecord(kind="model"))


def played(
    networks: Any, stage: Stage, strategy: Strategy, repeats: int = 8, max_context: int = 100
) -> list[Episode]:
    works = make_plan(
        stage.instances(), policy="model", world="", episodes=None, repeats=repeats, seed=3
    )
    runner = Runner(
        world=stage.open(),
        player=player(networks, stage, strategy, max_context=max_context),
        environment=stage.environment,
        step_limit=stage.limit,
    )
    return sorted(runner.play(works), key=lambda episode: episode.id)


def told(episode: Episode) -> list[tuple[Any, ...]]:
    return [(s.kind, s.ids, s.text, s.command) for s in episode.segments]


def test_an_episode_drawn_in_one_go_is_the_one_played_step_by_step(networks, stage: Stage):
    whole = played(networks, stage, Sample(max_tokens=20))
    steps = played(networks, stage, Sample(max_tokens=20, values=True))
    for one, other in zip(whole, steps, strict=True):
        assert (one.id, one.end, one.reward) == (other.id, other.end, other.reward)
        assert told(one) == told(other)
        for mine, theirs in zip(one.segments, other.segments, strict=True):
            assert mine.logps == pytest.approx(theirs.logps, abs=1e-9)
    assert {episode.end for episode in whole} >= {"won", "lost", "token_limit"}
    assert max(episode.steps for episode in whole) > 1


def test_what_is_recorded_is_a_question_and_steps_and_never_more_than_the_limits(
    networks, stage: Stage
):
    for episode in played(networks, stage, Sample(max_tokens=20)):
        kinds = [segment.kind for segment in episode.segments]
        assert kinds == ["prompt", "observation", *["action"] * episode.steps]
        assert 1 <= episode.steps <= LIMIT
        replies = episode.segments[2:]
        drawn = sum(len(segment.ids) for segment in replies)
        assert drawn <= PROMPT.max_reply_tokens
        assert (drawn == PROMPT.max_reply_tokens) or episode.end != "token_limit"
        assert END not in [token for segment in replies[:-1] for token in segment.ids]
        text = "".join(segment.text for segment in replies)
        assert episode.end not in ("won", "lost") or replies[-1].ids[-1] == END or "####" in text


@pytest.mark.parametrize("strategy", [Beam(beams=2, max_tokens=20), BestOfN(n=3, max_tokens=20)])
def test_a_search_is_recorded_with_its_candidates_and_its_cost(
    networks, stage: Stage, strategy: Any
):
    for episode in played(networks, stage, strategy, repeats=1):
        first, *rest = (s for s in episode.segments if s.kind == "action")
        assert first.decision is not None
        assert first.decision.policy_tokens >= sum(len(s.ids) for s in (first, *rest))
        assert first.decision.value_tokens > 0
        assert len(first.decision.candidates) <= 3
        if episode.end in ("won", "lost"):
            assert all(s.decision is None for s in rest)


class Fixed:
    """Says what is written, whole or cut."""

    def __init__(self, text: str, *, ended: bool) -> None:
        self.ids, self.ended = PROMPT.reply(text), ended
        if not ended:
            self.ids = self.ids[:-1] if self.ids[-1] == END else self.ids

    def __call__(self, engine: Any, read: Any, requests: Any) -> list[Decision]:
        said = Candidate(
            ids=self.ids, logps=(-1.0,) * len(self.ids), text="", command="", ended=self.ended
        )
        return [Decision(strategy="fixed", chosen=0, candidates=(said,)) for _ in requests]


@pytest.mark.parametrize(
    ("text", "ended", "end", "steps"),
    [
        ("a\n#### 0", True, "won", 2),
        ("a\n#### 1", True, "lost", 2),
        ("#### 0\na\na", True, "won", 1),
        ("a\n#### 0", False, "token_limit", 2),
        ("a\n#### 0\n", False, "won", 2),
        ("a\na\na\na\n#### 0", True, "step_limit", 4),
        ("a", True, "lost", 1),
        (f"a{' a' * 8}\n" * 2, False, "token_limit", 2),  # closed by its last token, and no room
    ],
)
def test_how_a_solution_ends(networks, stage: Stage, text: str, ended: bool, end: str, steps: int):
    episodes = played(networks, stage, Fixed(text, ended=ended), repeats=1)
    zero = [episode for episode in episodes if episode.instance in ("all/00000", "all/00003")]
    assert {(episode.end, episode.steps) for episode in zero} == {(end, steps)}


def test_a_solution_may_fill_the_context_that_its_limit_reserves(networks, stage: Stage):
    by_steps = Sample(max_tokens=20, values=True)
    plain = played(networks, stage, by_steps)
    opening = max(sum(len(s.ids) for s in e.segments if s.kind != "action") for e in plain)
    limit = PROMPT.max_reply_tokens
    tight = played(networks, stage, by_steps, max_context=opening + limit)
    assert [told(episode) for episode in tight] == [told(episode) for episode in plain]
    assert max(episode.steps for episode in plain) > 1


def test_an_answer_that_nobody_can_grade_is_a_fault_and_is_never_learned_from(
    networks, stage: Stage, tmp_path: Path
):
    file = tmp_path / "rows.jsonl"
    file.write_text('{"q": "1", "a": "many"}\n')
    riddle = Stage(
        task="questions", split="all", data=f"{file}?question=q&answer=a&verifier=number"
    )
    (episode,) = played(networks, riddle, Fixed("#### 1", ended=True), repeats=1)
    assert (episode.end, episode.reward) == ("fault", 0.0)
    assert "cannot tell" in episode.fault


def test_worked_solutions_become_episodes_in_steps(tmp_path: Path):
    stage = Stage(task="wordproblems", split="valid", data="easy")
    summary = collect(
        CollectSettings(out=tmp_path / "s", stage=stage, cast=Cast(policy="expert"), episodes=12)
    )
    assert (summary.played, summary.won) == (12, 12)
    for episode in StoreReader(tmp_path / "s"):
        texts = [segment.text for segment in episode.segments if segment.kind == "action"]
        assert all(text.endswith("\n") for text in texts[:-1])
        assert texts[-1].startswith("#### ")
        assert "UNK" not in str(texts)
        assert all(2 not in segment.ids for segment in episode.segments)  # no unknown words
    report = evaluate(EvaluateSettings(stage=stage, cast=Cast(policy="expert"), episodes=5))
    assert report.totals.success.wins == 5


@pytest.mark.parametrize(
    ("task", "data", "prompt", "said"),
    [
        ("wordproblems", "easy", "compact", "take steps or words"),
        ("alfworld", "generated", "words", "take bare or compact or react"),
        ("wordproblems", "esay", None, "did you mean 'easy'"),
    ],
)
def test_a_format_that_cannot_tell_the_task_is_refused(
    task: str, data: str, prompt: str | None, said: str
):
    with pytest.raises(SettingError, match=said):
        Cast(policy="expert", prompt=prompt).player(Stage(task=task, data=data))


def test_a_file_and_its_fields_stand_for_questions_of_ones_own():
    told = own_questions("alfworld", "a b.jsonl", "the q", "a&b", "number")
    assert told == ("questions", "a b.jsonl?question=the%20q&answer=a%26b&verifier=number")
    solved = own_questions(None, "f.jsonl", "q", "a", "number", "s")
    assert solved == ("questions", "f.jsonl?question=q&answer=a&verifier=number&solution=s")
    assert own_questions("gsm8k", "folder", None, None, None) == ("gsm8k", "folder")
    for wrong in (
        ("questions", None, "q", "a", "number"),
        ("questions", "f.jsonl", "q", None, "number"),
        ("gsm8k", "f.jsonl", "q", "a", "number"),
        (None, "f.jsonl", None, None, None, "s"),
    ):
        with pytest.raises(SettingError, match="name all four"):
            own_questions(*wrong)


@pytest.mark.parametrize(
    ("strategy", "made", "label"),
    [
        ("beam", Beam(beams=4, temperature=0.7, score="logp"), "agent beam-4 by logp T=0.7"),
        ("best-of-n", BestOfN(n=4, by="logp", temperature=0.7), "agent best-of-4 by logp T=0.7"),
    ],
)
def test_a_search_is_made_of_the_words_of_the_command_line(strategy: str, made: Any, label: str):
    told = deciding("agent", strategy, k=4, temperature=0.7, score="logp", weight=None)
    assert STRATEGIES.load(strategy)(**dict(told)) == made
    told = deciding("agent", strategy, k=4, temperature=None, score="value", weight=0.5)
    assert STRATEGIES.load(strategy)(**dict(told)).weight == 0.5
    who = Settings(agent="agent", strategy=strategy, k=made.k, score=made.score, temperature=0.7)
    assert who.label == label


@pytest.mark.parametrize(
    ("score", "asked", "weight", "own"),
    [
        ("value", (), 0.2, True),
        ("value", (("weight", 0.2),), 0.2, False),
        ("logp", (), 0.0, False),
    ],
)
def test_a_report_tells_a_weight_that_was_asked_for_from_the_values_own(
    networks,
    stage: Stage,
    monkeypatch: pytest.MonkeyPatch,
    score: str,
    asked: tuple[tuple[str, float], ...],
    weight: float,
    own: bool,
):
    made: Any = Beam(beams=2, max_tokens=20, weight=0.2, score=score)
    monkeypatch.setattr(Cast, "player", lambda cast, stage: player(networks, stage, made))
    cast = Cast(policy="agent", strategy="beam", settings=(("beams", 2), *asked))
    found = evaluate(EvaluateSettings(stage=stage, cast=cast, episodes=2)).settings
    assert (found.score, found.logp_weight, found.own_weight) == (score, weight, own)
    assert found.asked.logp_weight == (None if own else weight)
