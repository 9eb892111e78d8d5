"""The command line, run in this process."""

from collections.abc import Callable

import pytest

from oreo_agent.cli import run

Told = tuple[int, str, str]


@pytest.fixture
def oreo(capsys: pytest.CaptureFixture[str]) -> Callable[..., Told]:
    """Runs a command line; gives its exit code, standard output and standard error."""

    def told(*arguments: object) -> Told:
        code = run([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return told


@pytest.fixture
def refused(oreo: Callable[..., Told]) -> Callable[..., None]:
    """Runs a command line that is wrong; what is said in one line holds all the words."""

    def seen(arguments: tuple[object, ...], *words: str) -> None:
        code, out, err = oreo(*arguments)
        assert (code, out) == (2, "")
        assert err.splitlines()[-1].startswith("error: ")
        for word in words:
            assert word in err

    return seen
