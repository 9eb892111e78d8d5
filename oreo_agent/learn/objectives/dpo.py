r"""DPO: of two episodes of one instance, the won one made likelier than the lost one.

With S = sum_t log pi(a_t|s_t) - log pi_ref(a_t|s_t) over an episode's action tokens (what the
environment said is masked), and w and l the better and the worse one of a pair,

    L_pi = -log sigmoid(beta * (S_w - S_l))                           (arXiv:2305.18290, eq. 7)

Stored episodes are unpaired: pairs are made of those that share an instance.
"""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from random import Random

from torch.nn import functional

from oreo_agent.errors import DataError
from oreo_agent.learn.batch import Tokens
from oreo_agent.learn.objectives import Losses, Needs, Objective, Unit, View


@dataclass(frozen=True, kw_only=True, slots=True)
class Dpo(Objective):
    """Learns from won and lost episodes of the same instances."""

    beta: float = 0.1
    """Pull toward the reference policy; above 0."""
    pairs: int = 8
    """Most pairs that are made of one instance's episodes, drawn at random; at least 1."""

    def __post_init__(self) -> None:
        if self.beta <= 0:
            raise ValueError(f"beta must be above 0, got {self.beta}")
        if self.pairs < 1:
            raise ValueError(f"pairs must be at least 1, got {self.pairs}")

    @property
    def needs(self) -> Needs:
        """The reference."""
        return Needs(reference=True)

    def units(self, episodes: Sequence[Tokens]) -> list[Unit]:
        """Pairs, the won episode first."""
        sides: dict[str, tuple[list[Tokens], list[Tokens]]] = defaultdict(lambda: ([], []))
        for episode in episodes:
            sides[episode.instance][not episode.won].append(episode)
        found: list[Unit] = []
        for instance, (won, lost) in sides.items():
            every = list(product(won, lost))
            seed = hashlib.sha256(f"pairs/{instance}".encode()).hexdigest()
            found += Random(seed).sample(every, min(self.pairs, len(every)))
        if not found:
            raise DataError(
                "dpo compares a won and a lost episode of the same instance and there is no such "
                "pair; collect several episodes of each instance with `rollout --repeats`"
            )
        return found

    def __call__(self, view: View) -> Losses:
        """The policy's loss, in nats; episodes of a pair stand side by side, the won one first."""
        assert view.logps is not None
        assert view.ref_logps is not None
        ratio = (view.logps - view.ref_logps).masked_fill(~view.mask, 0.0).sum(1)
        margin = self.beta * (ratio[0::2] - ratio[1::2])
        loss = -functional.logsigmoid(margin) * (view.share[0::2] + view.share[1::2])
        return Losses(policy=loss.sum(), value=None)
