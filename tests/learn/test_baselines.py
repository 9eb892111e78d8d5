"""What OREO is compared with: which episodes each method learns from, and its loss on numbers."""

import math
from collections.abc import Sequence

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from oreo_agent.errors import DataError
from oreo_agent.learn.batch import Tokens, mismatched
from oreo_agent.learn.objectives import Objective, View
from oreo_agent.learn.objectives.dpo import Dpo
from oreo_agent.learn.objectives.dqo import Dqo
from oreo_agent.learn.objectives.kto import Kto
from oreo_agent.learn.objectives.rejection import Rejection


def tokens(name: str, instance: str, reward: float, ids: Sequence[int] = (1, 2)) -> Tokens:
    """An episode whose every token but the first is an action."""
    places = tuple(range(1, len(ids)))
    return Tokens(
        id=name, instance=instance, ids=tuple(ids), actions=places, ends=places, reward=reward
    )


EPISODES = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from([0.0, 1.0]), st.integers(1, 3)), max_size=12
).map(lambda told: [tokens(str(i), a, r, (1, n)) for i, (a, r, n) in enumerate(told)])


@given(EPISODES)
def test_rejection_keeps_each_way_in_which_an_instance_was_won_once(episodes: list[Tokens]):
    ways = {(e.instance, e.ids) for e in episodes if e.reward == 1}
    if not ways:
        with pytest.raises(DataError, match="rejection"):
            Rejection().units(episodes)
        return
    kept = [episode for (episode,) in Rejection().units(episodes)]
    assert all(episode.reward == 1 for episode in kept)
    assert len(kept) == len(ways)
    assert {(e.instance, e.ids) for e in kept} == ways


def test_the_same_replies_to_other_openings_are_other_ways_only_in_other_instances():
    # the openings (first tokens) differ, the actions don't
    same = [tokens("1", "a", 1.0, (1, 5)), tokens("2", "a", 1.0, (2, 5))]
    assert len(Rejection().units(same)) == 1
    assert len(Rejection().units([*same, tokens("3", "b", 1.0, (1, 5))])) == 2


@given(EPISODES, st.integers(1, 4))
def test_pairs_are_a_won_and_a_lost_episode_of_one_instance_at_most_so_many(
    episodes: list[Tokens], limit: int
):
    possible = {
        a: sum(e.instance == a and e.reward == 1 for e in episodes)
        * sum(e.instance == a and e.reward == 0 for e in episodes)
        for a in "abc"
    }
    if not any(possible.values()):
        with pytest.raises(DataError, match="--repeats"):
            Dpo(pairs=limit).units(episodes)
        return
    pairs = Dpo(pairs=limit).units(episodes)
    assert len({(won.id, lost.id) for won, lost in pairs}) == len(pairs)
    for won, lost in pairs:
        assert (won.reward, lost.reward) == (1.0, 0.0)
        assert won.instance == lost.instance
    for instance, count in possible.items():
        assert sum(won.instance == instance for won, _ in pairs) == min(limit, count)
    assert pairs == Dpo(pairs=limit).units(episodes)


def whole(ratios: torch.Tensor, mask: torch.Tensor, mismatch: float = 0.0) -> View:
    """A won episode and a lost one."""
    none = torch.zeros(2, 1, dtype=torch.long)
    return View(
        reward=torch.tensor([1.0, 0.0]),
        share=torch.full((2,), 0.5),
        mask=mask,
        weight=mask / mask.sum(1, keepdim=True) / 2,
        end_action=none,
        end_mask=none.bool(),
        end_weight=none.double(),
        mismatch=mismatch,
        logps=ratios,
        ref_logps=torch.zeros(2, 2),
    )


def test_dpo_is_the_log_sigmoid_of_the_difference_of_whole_log_ratios():
    ratios = torch.tensor([[0.5, -1.0], [2.0, 9.0]], dtype=torch.float64, requires_grad=True)
    mask = torch.tensor([[True, True], [True, False]])
    view = whole(ratios, mask)
    loss = Dpo(beta=0.1)(view).policy
    margin = 0.1 * (0.5 - 1.0 - 2.0)
    assert loss.item() == pytest.approx(math.log(1 + math.exp(-margin)))
    (pull,) = torch.autograd.grad(loss, ratios)
    push = 0.1 / (1 + math.exp(margin))
    assert pull.tolist() == [pytest.approx([-push, -push]), pytest.approx([push, 0.0])]


def test_kto_weighs_an_episode_by_how_far_it_stands_from_the_whole_batch():
    ratios = torch.tensor([[0.5, -1.0], [2.0, 9.0]], dtype=torch.float64, requires_grad=True)
    view = whole(ratios, torch.tensor([[True, True], [True, False]]), mismatch=0.3)
    kto = Kto(beta=0.1, desirable=2.0, undesirable=0.5)
    won, lost = (1 / (1 + math.exp(0.1 * gain)) for gain in (-0.5 - 0.3, 0.3 - 2.0))
    assert kto(view).policy.item() == pytest.approx((2.0 * won + 0.5 * lost) / 2)
    # what the policy already lost against the reference is no baseline
    below, none = (kto(view._replace(mismatch=z)).policy for z in (-5.0, 0.0))
    assert below == none


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 4)), min_size=1, max_size=5))
def test_mismatched_episodes_go_on_as_the_one_before_them_did(sizes: list[tuple[int, int]]):
    episodes = [
        Tokens(
            id=str(i),
            instance=str(i),
            ids=(10 * i,) * opening + (10 * i + 1,) * rest,
            actions=tuple(range(opening, opening + rest, 2)),
            ends=(opening + 2 * ((rest - 1) // 2),),
            reward=0.0,
        )
        for i, (opening, rest) in enumerate(sizes)
    ]
    spliced = mismatched(episodes)
    for i, (mine, other, found) in enumerate(
        zip(episodes, [episodes[-1], *episodes[:-1]], spliced, strict=True)
    ):
        opening, rest = sizes[i][0], sizes[i - 1][1]
        assert found.ids == (10 * i,) * opening + (other.ids[-1],) * rest
        assert found.actions[0] == mine.actions[0]
        assert [found.ids[a] for a in found.actions] == [other.ids[a] for a in other.actions]
        assert [found.ids[a] for a in found.ends] == [other.ids[a] for a in other.ends]


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        (Dpo, "beta", 0.0),
        (Dpo, "pairs", 0),
        (Kto, "beta", -1.0),
        (Kto, "desirable", -1.0),
        (Kto, "undesirable", -1.0),
        (Rejection, "answers", -1.0),
        (Dqo, "beta", 0.0),
        (Dqo, "lam", 1.5),
        (Dqo, "cap", -1.0),
        (Dqo, "end_weight", -1.0),
    ],
)
def test_settings_out_of_range_are_refused(kind: type[Objective], field: str, value: float):
    with pytest.raises(ValueError, match=field):
        kind(**{field: value})
