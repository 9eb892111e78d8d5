"""What a test of a library's environments registers is forgotten after it."""

import gymnasium
import pytest

from oreo_envs.registration import REGISTRATIONS


@pytest.fixture(autouse=True)
def as_it_was():
    tables = (REGISTRATIONS, gymnasium.registry)
    before = [dict(table) for table in tables]
    yield
    for table, known in zip(tables, before, strict=True):
        table.clear()
        table.update(known)
