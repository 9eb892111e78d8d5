"""Trust is given and refused on evidence, and says so in one sentence."""

import msgspec
import pytest

from oreo_agent.model.description import with_value_section
from oreo_agent.model.trust import (
    LEAST_INSTANCES,
    PAPERS_BETA,
    Choice,
    Estimate,
    Trust,
    usual_choice,
    verdict,
)


def estimate(low: float, value: float, high: float) -> Estimate:
    return Estimate(value=value, low=low, high=high)


AHEAD, EVEN, BEHIND = (
    estimate(0.01, 0.04, 0.07),
    estimate(-0.03, 0.0, 0.03),
    estimate(-0.07, -0.04, -0.01),
)
LITTLE_BEHIND = estimate(-0.04, -0.01, 0.02)


@pytest.mark.parametrize(
    ("over_chance", "over_logp", "trusted"),
    [
        (AHEAD, AHEAD, "yes"),
        (AHEAD, EVEN, "yes"),
        (AHEAD, LITTLE_BEHIND, "unknown"),
        (EVEN, AHEAD, "unknown"),
        (EVEN, EVEN, "unknown"),
        (LITTLE_BEHIND, LITTLE_BEHIND, "unknown"),
        (BEHIND, EVEN, "no"),
        (BEHIND, AHEAD, "no"),
        (AHEAD, BEHIND, "no"),
        (None, None, "unknown"),
    ],
)
def test_trust_takes_evidence_and_so_does_its_refusal(over_chance, over_logp, trusted):
    assert verdict(over_chance, over_logp, LEAST_INSTANCES) == trusted
    assert verdict(over_chance, over_logp, LEAST_INSTANCES - 1) == "unknown"


def trust(trusted, over_chance=None, over_logp=None, instances=30) -> Trust:
    return Trust(
        trusted=trusted,
        states=41 if over_chance else 0,
        instances=instances if over_chance else 0,
        source="branches",
        over_chance=over_chance,
        over_logp=over_logp,
    )


def test_the_sentence_tells_the_worse_of_the_losses_and_what_it_rests_on():
    worse = estimate(-0.05, -0.03, -0.012)
    for pair in ((EVEN, worse), (BEHIND, worse)):
        assert trust("no", *pair).sentence == (
            "choosing by V would lose 3.0 points a choice here against log-probability "
            "[-5.0, -1.2]: 41 states of 30 instances, branches"
        )
    assert (
        "4.0 points a choice here against chance [-7.0, -1.0]" in trust("no", BEHIND, EVEN).sentence
    )


def test_the_sentence_tells_both_gains_where_v_may_choose_or_nobody_knows():
    both = (
        "+4.0 points [+1.0, +7.0] against chance and +0.0 points [-3.0, +3.0] against "
        "log-probability a choice; 41 states of 30 instances, branches"
    )
    though = ", though that it chooses better than log-probability is not shown"
    assert trust("yes", AHEAD, EVEN).sentence == f"V may choose here{though}: {both}"
    assert trust("yes", AHEAD, AHEAD).sentence.startswith("V may choose here: +4.0 points")
    assert trust("unknown", AHEAD, EVEN).sentence == f"whether V may choose is not known: {both}"
    assert "not known from so little" in trust("unknown", AHEAD, EVEN, instances=5).sentence
    assert "rollout --branch" in trust("unknown").sentence


def test_of_whole_solutions_the_sentence_says_so():
    told = msgspec.structs.replace(trust("yes", AHEAD, EVEN), whole=True)
    assert told.sentence.endswith("a choice; solutions of 30 instances, branches")
    nothing = msgspec.structs.replace(trust("unknown"), whole=True)
    assert "no problem of branches has two solutions to compare" in nothing.sentence
    assert "rollout --repeats" in nothing.sentence


def test_the_sentence_names_what_chooses():
    for trusted, words in (
        ("no", "choosing by {}"),
        ("yes", "{} may"),
        ("unknown", "whether {} may"),
    ):
        some = estimate(-0.2, -0.1, -0.05)
        for weight, chooser in ((0.0, "V"), (0.03, "V + 0.03 log-probability")):
            told = msgspec.structs.replace(trust(trusted, some, some), weight=weight)
            assert told.sentence.startswith(words.format(chooser) + " ")


def test_solutions_are_chosen_by_value_and_likelihood_and_replies_to_a_world_by_value():
    told = usual_choice({"format": "words", "delimiters": ["\n"]})
    assert told == Choice(weight=PAPERS_BETA, whole=True, open=True)
    for other in ({"format": "compact", "entities": {}}, {"format": "rows"}):
        assert usual_choice(other) == Choice(weight=0.0, whole=False)


def test_a_model_card_tells_the_newest_evidence_and_keeps_what_else_it_says():
    first = with_value_section("# An agent\n\nMine.\n", None, trust("unknown"))
    assert "rollout --branch" in first
    more = first + "\n## Thanks\n\nTo all.\n"
    second = with_value_section(more, None, trust("no", BEHIND, EVEN))
    told = "# An agent\n\nMine.\n\n## The value\n\nTrusted: **no**. Choosing by V would"
    assert second.startswith(told)
    assert second.endswith("\n## Thanks\n\nTo all.\n")
    assert second.count("## The value") == 1
    assert "rollout --branch" not in second
    assert "eval-value --write" in with_value_section("", None, None)
