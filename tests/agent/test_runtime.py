"""The agent: histories in, decisions out, with all that is known of each candidate."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from made_agents import BETA, PROMPT, make_bundle

from oreo_agent import Agent
from oreo_agent.agent import runtime
from oreo_agent.agent.engines import Reply, Request
from oreo_agent.agent.gate import objection
from oreo_agent.agent.history import History, apart
from oreo_agent.agent.making import build_strategy, decided
from oreo_agent.agent.strategies import Candidate, Decision, Reading
from oreo_agent.agent.strategies.beam import Beam
from oreo_agent.agent.strategies.best_of_k import BestOfK
from oreo_agent.agent.strategies.best_of_n import BestOfN
from oreo_agent.agent.strategies.single import Greedy, Sample
from oreo_agent.errors import EngineError, SettingError
from oreo_agent.model.bundle import amend
from oreo_agent.model.calibration import Calibration
from oreo_agent.model.networks import ValueNetwork, load_policy
from oreo_agent.model.trust import Estimate, Trust
from oreo_agent.model.words import WordsPrompt

OPENING = "You see key 1, den 2."


def bare(decision: Decision) -> Decision:
    """Without what depends on the clock, and rounded to what batches may differ by."""
    fields = ("value", "advantage", "implicit_advantage")

    def rounded(one: Any, names: Sequence[str]) -> dict[str, Any]:
        told = {name: getattr(one, name) for name in names}
        return {k: None if v is None else round(v, 4) for k, v in told.items()}

    candidates = tuple(
        replace(c, logps=tuple(round(x, 4) for x in c.logps), **rounded(c, fields))
        for c in decision.candidates
    )
    return replace(decision, seconds=0.0, candidates=candidates, **rounded(decision, ("value",)))


def walked(agent: Agent, turns: int, *, seed: int = 0) -> list[History]:
    """The histories before each of so many replies, and the one after them."""
    histories = [agent.begin(f"You see den {1 + seed % 4}.", seed=seed)]
    for turn in range(turns):
        said = agent.act(histories[-1])
        histories.append(agent.hear(histories[-1], said, f"You see key {1 + turn % 2}."))
    return histories


@torch.no_grad()
def plainly(folder: Path, ids: tuple[int, ...], reply: tuple[int, ...]) -> list[float]:
    """Log-probabilities of a reply's tokens by one forward without caches."""
    logits = load_policy(folder / "policy")(torch.tensor([ids + reply])).logits[0]
    at = logits.log_softmax(-1)[len(ids) - 1 : -1]
    return at[range(len(reply)), list(reply)].tolist()


@torch.no_grad()
def worth(network: ValueNetwork, ids: tuple[int, ...]) -> float:
    """V of a history by one forward without caches."""
    return float(network.head(network.body(torch.tensor([ids])).last_hidden_state[0, -1]))


def test_a_decision_holds_what_plain_forwards_say_of_each_candidate(bundles, agent: Agent):
    first, second = bundles
    network = ValueNetwork.load(second / "value")
    history = walked(agent, 2, seed=1)[-1]
    ids = history.request(PROMPT).ids
    for decision in (
        agent.act(history, k=16, temperature=2.0),
        agent.act(replace(history, admissible=("walk to den 3",)), only_admissible=True),
    ):
        assert len(decision.candidates) >= 2
        before, *values = (
            worth(network, ids + reply) for reply in [(), *(c.ids for c in decision.candidates)]
        )
        assert decision.value == pytest.approx(before, abs=1e-5)
        for candidate, value in zip(decision.candidates, values, strict=True):
            logps = plainly(second, ids, candidate.ids)
            ratio = sum(logps) - sum(plainly(first, ids, candidate.ids))
            assert candidate.logps == pytest.approx(logps, abs=1e-4)
            assert candidate.logp == pytest.approx(sum(logps), abs=1e-4)
            assert candidate.value == pytest.approx(value, abs=1e-5)
            assert candidate.advantage == pytest.approx(value - before, abs=2e-5)
            assert candidate.implicit_advantage == pytest.approx(BETA * ratio, abs=1e-4)
            assert abs(ratio) > 0.01
            assert candidate.tokens == len(candidate.ids) > 0
            assert (candidate.text, candidate.command) == PROMPT.read(candidate.ids)
        assert decision.value_tokens == sum(c.tokens for c in decision.candidates)
        assert decision.policy_tokens >= decision.candidates[0].tokens
        assert decision.seconds > 0
    spoken = decision.candidates[-1]  # the world admits one command, which nobody drew
    assert (spoken.command, spoken.admissible) == ("walk to den 3", True)
    assert spoken.ids not in [c.ids for c in decision.candidates[:-1]]


@pytest.mark.parametrize("strategy", ["greedy", "sample", "best-of-k"])
def test_tokens_are_counted_and_a_value_that_is_not_asked_tells_nothing(agent, strategy: str):
    settings = {"score": "logp", "k": 2} if strategy == "best-of-k" else {}
    decision = agent.act(agent.begin(OPENING), strategy=strategy, **settings)
    assert decision.policy_tokens >= decision.choice.tokens > 0
    assert decision.value_tokens == 0
    assert (decision.value, decision.probability) == (None, None)
    assert {(c.value, c.advantage, c.probability) for c in decision.candidates} == {(None,) * 3}
    watched = agent.act(agent.begin(OPENING), strategy=strategy, values=True, **settings)
    assert watched.value_tokens == sum(c.tokens for c in watched.candidates)
    assert [c.ids for c in watched.candidates] == [c.ids for c in decision.candidates]


def test_a_command_of_ones_own_is_told_as_a_candidate_is(bundles, agent: Agent):
    history = agent.begin(OPENING, admissible=["walk to den 1"])
    request = history.request(PROMPT)
    said = agent.appraise(request, "take key 1")
    assert said.logps == pytest.approx(plainly(bundles[1], request.ids, said.ids), abs=1e-4)
    ratio = said.logp - sum(plainly(bundles[0], request.ids, said.ids))
    assert said.implicit_advantage == pytest.approx(BETA * ratio, abs=1e-4)
    assert said.advantage is not None
    assert said.admissible is False
    assert agent.appraise(request, "walk to den 1").admissible is True


def test_many_episodes_are_decided_as_each_alone(agent: Agent, bundles):
    histories = [walked(agent, seed % 4, seed=seed)[-1] for seed in range(9)]
    together = agent.act_batch(histories)
    alone = Agent.load(bundles[1], reference=bundles[0], device="cpu", k=3, temperature=1.0)
    for history, decision in zip(histories, together, strict=True):
        assert bare(alone.act(history)) == bare(agent.act(history)) == bare(decision)
    backwards = agent.act_batch(histories[::-1])[::-1]
    assert [bare(d) for d in backwards] == [bare(d) for d in together]
    assert len({d.choice.ids for d in together}) > 1
    assert agent.act_batch([]) == []


def test_threads_may_share_an_agent(agent: Agent):
    histories = [walked(agent, seed % 4, seed=seed)[-1] for seed in range(12)]
    alone = [bare(agent.act(history)) for history in histories]
    with ThreadPoolExecutor(6) as pool:
        assert [bare(decision) for decision in pool.map(agent.act, histories)] == alone


def test_who_goes_back_a_turn_or_branches_is_answered_as_if_nothing_had_been_read(agent, bundles):
    histories = walked(agent, 3)
    other = agent.hear(histories[1], "look", "Nothing.")
    for history in (histories[1], other, histories[3], histories[0]):
        fresh = Agent.load(bundles[1], reference=bundles[0], device="cpu", k=3, temperature=1.0)
        assert bare(agent.act(history)) == bare(fresh.act(replace(history, session="another")))
    both = agent.act_batch([histories[2], other, histories[2]])
    assert bare(both[0]) == bare(both[2]) == bare(agent.act(histories[2]))
    assert bare(both[1]) == bare(agent.act(other))


def test_the_engine_forgets_what_is_closed_and_what_a_batch_named_for_itself(agent: Agent):
    readers = agent.engine._readers
    histories = walked(agent, 2)
    held = [len(reader._line) for reader in readers]
    agent.act_batch([histories[1], histories[2], histories[2]])
    assert [len(reader._line) for reader in readers] == held
    agent.close(histories[0])
    assert [len(reader._line) for reader in readers] == [n - 1 for n in held]
    assert agent.act(histories[2]).candidates
    read: list[int] = []
    for times in (1, 2):
        before = agent.engine.encoded
        agent.act_batch([histories[2]] * times)
        read.append(agent.engine.encoded - before)
    assert read[1] == 2 * read[0]  # what was read of the history is known to both
    agent.close(histories[2].session)


def test_only_what_is_new_of_an_episode_is_read(agent: Agent):
    read: list[int] = []
    histories = [agent.begin(" ".join(["You see", "den 1, " * 30, "key 1."]))]
    for _ in range(6):
        before = agent.engine.encoded
        said = agent.act(histories[-1])
        read.append(agent.engine.encoded - before)
        histories.append(agent.hear(histories[-1], said, "Nothing."))
    assert max(read[1:]) < read[0] / 2 + 60


def test_the_seed_of_an_episode_decides_and_a_turn_has_chance_of_its_own(agent: Agent):
    def drawn(seed: int) -> list[tuple[int, ...]]:
        return [h.segments[-2].ids for h in walked(agent, 4, seed=seed)[1:]]

    assert drawn(4) == drawn(4) != drawn(8)  # which hear the same
    first = agent.begin(OPENING, seed=3)
    again = agent.begin(OPENING, seed=3)
    assert first.session != again.session
    assert first.request(PROMPT).seed == again.request(PROMPT).seed
    later = agent.hear(first, "look", "Nothing.")
    assert later.request(PROMPT).seed != first.request(PROMPT).seed
    assert (first.turn, later.turn) == (0, 1)


def test_a_history_is_what_was_heard_and_said(agent: Agent):
    begun = agent.begin(OPENING, admissible=["look"])
    decision = agent.act(begun)
    heard = agent.hear(begun, decision, "Nothing.", admissible=["take key 1"])
    assert begun.admissible == ("look",)
    assert heard.admissible == ("take key 1",)
    assert heard.session == begun.session
    *_, action, observation = heard.segments
    assert heard.segments[: len(begun.segments)] == begun.segments
    assert (action.kind, action.ids) == ("action", decision.choice.ids)
    assert action.logps == decision.choice.logps
    assert action.command == decision.choice.command
    assert observation == PROMPT.answer("Nothing.", ended=decision.choice.ended)
    other = agent.hear(begun, decision.candidates[-1], "Nothing.")
    assert other.segments[-2].ids == decision.candidates[-1].ids
    own = agent.hear(begun, "take key 2", "Nothing.")
    assert own.segments[-2].ids == PROMPT.reply("take key 2")
    assert own.admissible is None
    with pytest.raises(SettingError, match="no tokens for the command 'dance'"):
        agent.hear(begun, "dance", "Nothing.")


def test_a_reply_that_was_cut_is_closed_by_what_follows_it(agent: Agent):
    begun = agent.begin(OPENING)
    cut = Candidate(ids=PROMPT.reply("look")[:-1], text="look", command="look", ended=False)
    assert (
        agent.hear(begun, cut, "Nothing.").segments[-1].ids
        == PROMPT.answer("Nothing.", ended=False).ids
    )


@pytest.mark.parametrize("nothing", [None, [], ()])
def test_a_world_that_names_no_commands_does_not_tell_what_it_admits(agent: Agent, nothing: Any):
    begun = agent.begin(OPENING, admissible=nothing)
    for history in (begun, agent.hear(begun, "look", "Nothing.", admissible=nothing)):
        assert history.admissible is None
        empty = replace(history.request(PROMPT), admissible=())
        for decision in (agent.act(history, only_admissible=True), *agent.decide([empty])):
            assert {c.admissible for c in decision.candidates} == {None}


def test_one_text_is_no_list_of_commands(agent: Agent):
    with pytest.raises(SettingError, match="a list, got the text 'walk to den 1'"):
        agent.begin(OPENING, admissible="walk to den 1")
    with pytest.raises(SettingError, match="a list, got the text 'look'"):
        agent.hear(agent.begin(OPENING), "look", "Nothing.", admissible="look")


@pytest.mark.parametrize("told", [("You are in a hall.", {}), None])
def test_an_observation_is_a_text(agent: Agent, told: Any):
    with pytest.raises(SettingError, match=f"is a text, got {type(told).__name__}; of what reset"):
        agent.begin(told)
    with pytest.raises(SettingError, match="is a text, got"):
        agent.hear(agent.begin(OPENING), "look", told)


def test_a_history_that_leaves_no_room_for_a_reply_says_so(agent: Agent):
    long = agent.begin("You see " + "den 1, " * 450 + "key 1.")
    with pytest.raises(EngineError, match=r"history of 45\d tokens leaves no room .* of 400"):
        agent.act(long)


def test_a_solution_that_has_all_its_tokens_is_over():
    prompt = WordsPrompt(["a"], ["\n"], max_reply_tokens=3)
    begun = History(segments=prompt.opening("a"), seed=1)
    request = begun.request(prompt)
    assert (request.limit, request.drawn) == (3, 0)
    step = Candidate(ids=(7, 5), text="a\n", command="a\n", ended=True)
    agent = Agent(prompt=prompt, engine=Scripted(()), strategy=Greedy(), fingerprint="")
    after = agent.hear(begun, step, "not heard")
    assert after.segments[:-1] == begun.segments  # a solution is one message
    asked = after.request(prompt)
    assert (asked.limit, asked.drawn, asked.seed) == (1, 2, request.seed)
    full = agent.hear(after, replace(step, ids=(7,)))
    with pytest.raises(EngineError, match=r"solution of 3 tokens leaves no room .* limit is 3"):
        agent.act(full)


def test_sessions_that_several_requests_share_are_told_apart():
    requests = [Request(session=name, ids=(1,), seed=i) for i, name in enumerate("abaa")]
    named = apart(requests)
    assert named[:2] == requests[:2]
    assert len({request.session for request in named}) == 4
    assert [request.seed for request in named] == [0, 1, 2, 3]


def test_what_is_added_to_one_history_of_a_batch_is_weighed_after_that_history(agent: Agent):
    """Nothing is added to the second, and to each of the others another command."""
    told = ["take key 1", None, "look", "walk to den 3"]
    histories = [
        replace(walked(agent, n, seed=n)[-1], admissible=None if one is None else (one,))
        for n, one in enumerate(told)
    ]
    together = agent.act_batch(histories, only_admissible=True)
    assert [d.choice.command for d in together if d.choice.admissible] == list(filter(None, told))
    for history, decision in zip(histories, together, strict=True):
        assert bare(decision) == bare(agent.act(history, only_admissible=True))


# -- an engine whose replies are written down -------------------------------------------------


@dataclass
class Scripted:
    """Draws the replies in their order; V of a reply is the number of its last token but one."""

    replies: tuple[tuple[int, ...], ...]
    asked: int = 0

    def generate(self, requests: Any, *, samples: int, **_: Any) -> list[list[Reply]]:
        self.asked += len(requests)
        one = [self.replies[n % len(self.replies)] for n in range(samples)]
        return [
            [Reply(ids=ids, logps=(-float(ids[0]),) * len(ids), ended=True) for ids in one]
            for _ in requests
        ]

    def values(self, requests: Any, replies: Any) -> list[list[float]]:
        return [[float(ids[-2]) if len(ids) > 1 else 0.0 for ids in line] for line in replies]

    def logps(self, requests: Any, replies: Any, *, reference: bool = False) -> Any:
        return [[(-0.25,) * len(ids) for ids in line] for line in replies]

    def fork(self, session: str, other: str) -> None:
        """Nothing is kept."""

    close = fork  # type: ignore[assignment]


def scripted(*commands: str, **fields: Any) -> Agent:
    """An agent whose policy says the commands; what is no command is babble."""
    babble = (PROMPT.ids["see"], PROMPT.ids["key_2"], 4)  # of which V makes the most
    replies = tuple(babble if c == "babble" else PROMPT.reply(c) for c in commands)
    strategy = fields.pop("strategy", BestOfK(k=len(commands)))
    engine: Any = Scripted(replies)
    engine.close = lambda session: None
    return Agent(
        prompt=PROMPT, engine=engine, strategy=strategy, fingerprint="", has_value=True, **fields
    )


def test_candidates_are_marked_by_what_the_world_admits_and_kept():
    agent = scripted("look", "take key 1", "walk to den 2", "babble")
    history = agent.begin(OPENING, admissible=["walk to den 2", "look"])
    decision = agent.act(history)
    assert [(c.command, c.admissible) for c in decision.candidates] == [
        ("look", True), ("take key 1", False), ("walk to den 2", True), ("", False),
    ]  # fmt: skip
    # V knows nothing of what is admissible, and babble gives way whatever V says
    assert decision.choice.command == "take key 1"
    assert max(decision.candidates, key=lambda c: c.value or 0).command == ""
    kept = agent.act(history, only_admissible=True)
    assert kept.choice.command == "walk to den 2"
    assert kept.candidates == decision.candidates


def test_where_no_candidate_parses_the_one_that_scores_best_is_said_as_it_is():
    agent = scripted("babble", strategy=BestOfK(k=3))
    history = agent.begin(OPENING, admissible=["look", "take key 1"])
    decision = agent.act(history)
    assert (decision.choice.command, decision.choice.text) == ("", "see key_2")
    kept = agent.act(history, only_admissible=True)
    assert kept.choice.command in ("look", "take key 1")
    assert kept.choice is kept.candidates[-1]
    assert kept.choice.logps == (-0.25,) * kept.choice.tokens
    assert kept.candidates[0].command == ""


@pytest.mark.parametrize("strategy", [Sample(), Greedy()])
def test_a_single_reply_gives_way_to_the_nearest_admissible_command(strategy: Any):
    agent = scripted("walk to den 2", strategy=replace(strategy, only_admissible=True))
    history = agent.begin(OPENING, admissible=["look", "walk to den 4", "take key 1"])
    decision = agent.act(history)
    assert [c.command for c in decision.candidates] == ["walk to den 2", "walk to den 4"]
    assert decision.choice.command == "walk to den 4"
    assert decision.policy_tokens == decision.candidates[0].tokens
    allowed = agent.act(replace(history, admissible=("walk to den 2", "look")))
    assert [c.command for c in allowed.candidates] == ["walk to den 2"]
    with pytest.raises(SettingError, match=r"can say none of the .*\('dance', 'sing'\)"):
        agent.act(replace(history, admissible=("dance", "sing")))


def test_a_calibrated_agent_tells_chances_of_success():
    unknown = {f.name: 0 for f in msgspec.structs.fields(Calibration) if f.required}
    map_of_v = Calibration(**(unknown | {"values": (0.0, 100.0), "chances": (0.0, 1.0)}))
    agent = scripted("look", "take key 1", calibration=map_of_v)
    decision = agent.act(History(segments=PROMPT.opening(OPENING)))
    assert decision.probability == 0.0
    for candidate in decision.candidates:
        assert candidate.value is not None
        assert candidate.probability == pytest.approx(candidate.value / 100)


# -- the gate -----------------------------------------------------------------------------------

LOSS = Estimate(value=-0.03, low=-0.05, high=-0.01)
BAD = Trust(
    trusted="no", states=41, instances=30, source="b", over_chance=LOSS, over_logp=LOSS
)  # fmt: skip
COMMANDS = ("look", "walk to den 2", "take key 2")


def test_a_value_that_its_evidence_speaks_against_does_not_choose_and_every_decision_says_so():
    history = History(segments=PROMPT.opening(OPENING))
    trusting = scripted(*COMMANDS, trust=BAD, trust_value=True)
    by_value = trusting.act(history)
    assert (trusting.objection, by_value.objection) == ("", "")
    assert by_value.choice.value == max(c.value or 0 for c in by_value.candidates)
    agent = scripted(*COMMANDS, trust=BAD)
    decision = agent.act(history)
    assert agent.objection == decision.objection == BAD.sentence
    assert decision.strategy == "best-of-k logp"
    assert decision.choice.logp == max(c.logp for c in decision.candidates)
    assert decision.choice != by_value.choice
    assert [c.value for c in decision.candidates] == [c.value for c in by_value.candidates]


def test_a_verdict_on_whole_solutions_forbids_no_choice_among_replies_nor_the_other_way():
    of_solutions = msgspec.structs.replace(BAD, whole=True)
    for strategy, trust in ((BestOfK(), BAD), (Beam(), of_solutions), (BestOfN(), of_solutions)):
        told = replace(strategy, weight=BAD.weight)
        other = msgspec.structs.replace(trust, whole=not trust.whole)
        assert objection(told, trust) == trust.sentence
        assert objection(told, other) == ""


def test_solutions_are_searched_at_the_weight_that_was_found_for_this_value(
    bundles: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    found = msgspec.structs.replace(BAD, trusted="yes", weight=0.2, whole=True)
    of_steps = msgspec.structs.replace(found, whole=False)
    for name, usual in (("beam", 0.03), ("best-of-n", 0.03), ("best-of-k", 0.0)):
        for trust, weight in ((None, usual), (of_steps, usual), (found, 0.2 if usual else 0.0)):
            made = build_strategy(name, {}, max_tokens=7, trust=trust)
            assert made.weight == weight
            told = build_strategy(name, {"weight": 0.5}, max_tokens=7, trust=trust)
            assert told == replace(made, weight=0.5)
    assert build_strategy("greedy", {}, max_tokens=7, trust=found) == Greedy(max_tokens=7)
    bundle = make_bundle(tmp_path / "good", seed=2, base=bundles[0])
    amend(bundle, None, found)
    agent = Agent.load(bundle, device="cpu", strategy="beam", beams=2)
    assert agent.strategy.weight == 0.2
    assert Agent.load(bundles[0], value=bundle, strategy="beam").strategy.weight == 0.2
    # and of one decision, by name
    asked: list[Any] = []
    monkeypatch.setattr(
        runtime,
        "decided",
        lambda strategy, *more: asked.append(strategy) or decided(strategy, *more),
    )
    agent.act(History(segments=PROMPT.opening(OPENING)), strategy="best-of-n", n=2)
    assert asked[0].weight == 0.2


def test_what_is_asked_for_one_decision_goes_through_the_same_gate():
    history = History(segments=PROMPT.opening(OPENING))
    plain = scripted(*COMMANDS, trust=BAD, strategy=Greedy())
    assert plain.act(history).objection == plain.objection == ""
    for asked in (
        plain.act(history, strategy="best-of-k", k=3),
        plain.act_batch([history], strategy="best-of-k", k=3)[0],
        scripted(*COMMANDS, trust=BAD).act(history, k=3),
        scripted(*COMMANDS, trust=BAD).act(history, score="value"),
        scripted(*COMMANDS, trust=BAD, strategy=BestOfK(k=3, score="chance")).act(
            history, score="value"
        ),
    ):
        assert (asked.strategy, asked.objection) == ("best-of-k logp", BAD.sentence)
    for free in ({"score": "chance"}, {"score": "value", "weight": 0.5}):
        asked = plain.act(history, strategy="best-of-k", k=3, **free)
        assert asked.strategy == f"best-of-k {free['score']}"
        assert asked.objection == ""
    trusted = replace(plain, trust_value=True)
    assert trusted.act(history, strategy="best-of-k", k=3).strategy == "best-of-k value"


def test_a_bundle_that_is_loaded_goes_by_its_own_verdict_or_by_its_judges(bundles, tmp_path: Path):
    bad = make_bundle(tmp_path / "bad", seed=2, base=bundles[0])
    amend(bad, None, BAD)
    assert Agent.load(bad, device="cpu").objection == BAD.sentence
    assert Agent.load(bad, device="cpu", trust_value=True).objection == ""
    assert Agent.load(bad, device="cpu", strategy="greedy").objection == ""
    assert Agent.load(bundles[0], device="cpu", value=bad, strategy="best-of-k").objection
    assert Agent.load(bad, device="cpu", value=bundles[1]).objection == ""
    refused, asked = (
        Agent.load(bad, device="cpu", k=2, **more).act(History(segments=PROMPT.opening(OPENING)))
        for more in ({}, {"score": "logp"})
    )
    assert refused.choice.ids == asked.choice.ids
    assert refused.choice.value is not None


def test_any_strategy_may_ask_the_engine_for_log_probabilities(agent: Agent, bundles):
    """A request's replies, empty ones and repeated ones among them, in several sessions."""
    requests = [walked(agent, n, seed=n)[-1].request(PROMPT) for n in (0, 2, 3)]
    requests = [replace(request, session=f"x{i}") for i, request in enumerate(requests)]
    replies = [[(), PROMPT.reply("look")], [], [(7,), PROMPT.reply("take key 1"), (7,)]]
    for reference, folder in ((False, bundles[1]), (True, bundles[0])):
        for _ in range(2):  # the second time nothing of the histories is new
            found = agent.engine.logps(requests, replies, reference=reference)
            for request, line, told in zip(requests, replies, found, strict=True):
                assert len(line) == len(told)
                for ids, logps in zip(line, told, strict=True):
                    assert logps == pytest.approx(plainly(folder, request.ids, ids), abs=1e-4)
    alone = Agent.load(bundles[1], device="cpu")
    with pytest.raises(EngineError, match="does not know the policy that it learned from"):
        alone.engine.logps(requests, replies, reference=True)
    assert Reading(PROMPT)(PROMPT.reply("look")) == ("look", "look")
