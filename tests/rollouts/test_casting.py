"""Whoever plays, plays from plain settings: an expert, a bundle, or a model that is neither."""

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from oreo_agent.errors import BundleError, SettingError
from oreo_agent.model.bundle import Card, write_bundle
from oreo_agent.model.prompt import ids_of
from oreo_agent.model.tokenizers import word_tokenizer
from oreo_agent.model.trust import Estimate, Trust
from oreo_agent.rollouts.casting import Cast
from oreo_agent.rollouts.collect import policy_identity
from oreo_agent.rollouts.crew import play
from oreo_agent.rollouts.plan import make_plan
from oreo_agent.rollouts.stage import Stage, find_task
from oreo_agent.rollouts.wording import INSTRUCTIONS, LEXICONS, task_prompt

TEMPLATE = (
    "{% for m in messages %}<role> {{ m['content'] }}<end> {% endfor %}"
    "{% if add_generation_prompt %}<role> {% endif %}"
)
STAGE = Stage(data="generated", split="valid_seen", live=4, step_limit=3)


@pytest.fixture
def model(tmp_path):
    """A chat model of four thousand random weights, in Hugging Face format."""
    folder = tmp_path / "model"
    words = ["<unk>", "<pad>", "<role>", "<end>", "go", "to", "drawer", "1", "look", "Action:"]
    tokenizer = word_tokenizer(words, bos="<role>", eos="<end>", unk="<unk>", pad="<pad>")
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(words), hidden_size=16, intermediate_size=16, num_hidden_layers=1,
        num_attention_heads=2, max_position_embeddings=1024, eos_token_id=3,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def works(player, count=4):
    return make_plan(
        STAGE.instances(), policy=policy_identity(player), world=STAGE.world, episodes=count
    )


@pytest.mark.parametrize("prompt", [None, "bare"])
def test_a_model_that_is_no_bundle_plays_in_a_chat_format(model, prompt):
    player = Cast(policy=str(model), prompt=prompt, strategy="sample").player(Stage())
    episodes = list(play(STAGE, player, works(player)))
    assert len(episodes) == 4
    assert {e.prompt for e in episodes} == {prompt or "react"}
    for episode in episodes:
        assert episode.segments[-1].kind == "action"
        assert len(episode.segments[-1].ids) == len(episode.segments[-1].logps)
        assert episode.tokens == len(ids_of(episode.segments)) > 0


def test_the_same_model_samples_the_same_whoever_plays_beside_it(model):
    player = Cast(policy=str(model), strategy="sample").player(Stage())
    together = {e.id: e for e in play(STAGE, player, works(player))}
    for work in works(player):
        (alone,) = play(STAGE, player, [work])
        assert [s.ids for s in alone.segments] == [s.ids for s in together[work.id].segments]


def test_a_bundle_brings_its_own_words(tmp_path):
    card = Card(
        method="sft", settings={}, prompt={"format": "compact"}, tokenizer="", base="", data={}
    )
    write_bundle(tmp_path / "b", card, "", lambda folder: None)
    for wrong in ({"prompt": "react"}, {"model": "m"}):
        with pytest.raises(SettingError, match="its own prompt format"):
            Cast(policy=str(tmp_path / "b"), **wrong).player(Stage())


def test_a_folder_without_a_bundle_or_model_is_refused(tmp_path):
    with pytest.raises(BundleError, match=r"bundle\.json"):
        Cast(policy=str(tmp_path)).player(Stage())


def test_the_identity_of_a_policy_tells_its_settings_apart(model):
    def identity(**changes):
        player = Cast(policy=str(model), **{"strategy": "sample", **changes}).player(Stage())
        return policy_identity(player)

    told = [
        identity(),
        identity(settings=(("temperature", 0.5),)),
        identity(strategy="greedy"),
        identity(strategy="best-of-k", settings=(("score", "logp"),)),
        identity(strategy="best-of-k", settings=(("score", "logp"), ("k", 3))),
        Cast().player(Stage()) and policy_identity(Cast().player(Stage())),
        policy_identity(Cast(epsilon=0.1).player(Stage())),
        policy_identity(Cast(policy="random").player(Stage())),
    ]
    assert len(set(told)) == len(told)
    assert identity() == identity(settings=(("temperature", 1.0),))


@pytest.mark.parametrize("name", ["react", "bare"])
def test_a_chat_format_without_a_tokenizer_keeps_the_words_and_no_ids(name):
    player = Cast(prompt=name).player(Stage())
    episodes = list(play(STAGE, player, works(player)))
    assert {(e.prompt, e.tokenizer, e.tokens) for e in episodes} == {(name, "", 0)}
    assert all(s.text for e in episodes for s in e.segments)


def test_every_task_with_words_has_them_for_every_format():
    for name in LEXICONS.names():
        assert task_prompt(name, "compact").tokenizer_fingerprint
    for name in INSTRUCTIONS.names():
        assert set(INSTRUCTIONS.load(name)) == {"react", "bare"}


def test_a_mistyped_task_is_answered_with_the_nearest():
    with pytest.raises(SettingError, match="did you mean 'alfworld'"):
        find_task("alfwrld")


def judged(folder, trusted, weight=0.0, *, whole=False):
    """A bundle of whose value so much is known."""
    loss = Estimate(value=-0.03, low=-0.05, high=-0.01)
    trust = Trust(
        trusted=trusted, states=41, instances=30, source="b", weight=weight,
        whole=whole, over_chance=loss, over_logp=loss,
    )  # fmt: skip
    card = Card(
        method="oreo", settings={}, prompt={}, tokenizer="t", base="tiny", data={}, has_value=True,
        trust=trust if trusted else None,
    )  # fmt: skip
    write_bundle(folder, card, "", lambda _: None)
    return str(folder)


def doubt(**cast):
    return Cast(**cast).gated()[1]


def test_a_value_that_is_known_to_choose_badly_does_not_choose_and_it_is_said(tmp_path):
    bad = judged(tmp_path / "bad", "no")
    asked = Cast(policy=bad, strategy="best-of-k", settings=(("k", 3),))
    cast, said = asked.gated()
    assert dict(cast.settings) == {"k": 3, "score": "logp", "values": True}
    assert (asked.forbidden, cast.forbidden) == ("", "value")
    assert said.startswith(f"{bad}: choosing by V would lose 3.0 points")
    assert said.endswith(
        "41 states of 30 instances, b; the policy chooses in its place, unless you say "
        "--trust-value"
    )
    trusting, warned = asked.gated(trust_value=True)
    assert trusting == asked
    assert warned.endswith("; it chooses all the same")


@pytest.mark.parametrize(
    ("score", "instead"),
    [("value", "logp"), ("weighted-majority", "majority")],
)
def test_what_needs_no_value_chooses_whole_solutions_in_its_place(tmp_path, score, instead):
    bad = judged(tmp_path / "bad", "no", 0.03, whole=True)
    cast, said = Cast(policy=bad, strategy="best-of-n", settings=(("by", score),)).gated()
    assert said
    assert dict(cast.settings) == {"by": instead}
    assert cast.forbidden == score


def test_only_a_value_that_chooses_is_doubted(tmp_path):
    bad = judged(tmp_path / "bad", "no")
    said = doubt(policy=bad, strategy="best-of-k")
    others = [judged(tmp_path / f"bundle {name}", name) for name in ("yes", "unknown", "")]
    for other in others:
        assert doubt(policy=other, strategy="best-of-k") == ""
        assert doubt(policy=bad, strategy="best-of-k", value=other) == ""
        assert doubt(policy=other, strategy="best-of-k", value=bad) == said != ""
    for score in ("logp", "chance", "constant"):
        assert doubt(policy=bad, strategy="best-of-k", settings=(("score", score),)) == ""
    for strategy in ("greedy", "sample"):
        assert doubt(policy=bad, strategy=strategy) == ""
    assert doubt(policy="expert") == ""


@pytest.mark.parametrize("strategy", ["best-of-k", "beam", "best-of-n"])
def test_a_verdict_holds_for_the_weight_of_log_probability_that_it_was_found_with(
    tmp_path, strategy
):
    whole = strategy != "best-of-k"
    for weight in (0.0, 0.03, 0.2):
        usual = weight if whole else 0.0  # solutions are searched at the weight that was found
        bad = judged(tmp_path / f"{weight}", "no", weight, whole=whole)
        plain = doubt(policy=bad, strategy=strategy)
        assert bool(plain) == (weight == usual)
        for asked in (0.0, 0.03, 0.2):
            told = doubt(policy=bad, strategy=strategy, settings=(("weight", asked),))
            assert bool(told) == (weight == asked)
        assert not plain or (f"V + {weight:g} log-probability would lose" in plain) == (weight > 0)


def test_a_model_without_a_card_is_not_doubted(model):
    assert doubt(policy=str(model), strategy="best-of-k") == ""


def test_a_bundle_on_a_task_that_it_has_not_learned_is_told(tmp_path, model):
    card = Card(
        method="sft", settings={}, prompt={"format": "compact"}, tokenizer="0" * 16, base="tiny",
        data={}, task="alfworld, games.py:Maze",
    )  # fmt: skip
    write_bundle(tmp_path / "b", card, "", lambda _: None)
    cast = Cast(policy=str(tmp_path / "b"))
    assert cast.stranger("alfworld") == cast.stranger("games.py:Maze") == ""
    told = f"{tmp_path / 'b'} is an agent for alfworld, games.py:Maze, and gsm8k is played"
    assert cast.stranger("gsm8k") == told
    assert Cast(policy=str(model)).stranger("gsm8k") == ""
    assert Cast(policy="expert").stranger("gsm8k") == ""
