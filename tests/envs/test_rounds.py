"""Which instance comes next where nobody names one."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from oreo_envs.rounds import Round


@given(st.lists(st.text(min_size=1), min_size=1, max_size=9, unique=True), st.integers(0, 2**31))
def test_each_comes_once_a_round_in_the_splits_order_wherever_it_begins(ids, seed):
    order = Round(ids)
    assert [order.next() for _ in ids] == ids
    assert order.next() == ids[0]
    order.restart(np.random.default_rng(seed))
    found = [order.next() for _ in range(2 * len(ids))]
    begin = ids.index(found[0])
    assert found == 2 * (ids[begin:] + ids[:begin])
    again = Round(ids)
    again.restart(np.random.default_rng(seed))
    assert again.next() == found[0]
