"""Progress tells how far, how fast, how well and how long still."""

import io

from rich.console import Console
from scripted_world import Corridor, corridor, plain, player

from oreo_agent.rollouts.plan import make_plan
from oreo_agent.rollouts.progress import PLAIN_SECONDS, Making, Progress
from oreo_agent.rollouts.runner import Runner
from oreo_agent.rollouts.worlds import SeparateWorlds


def episodes(names):
    works = make_plan(list(map(corridor, names)), policy="p", world="w", episodes=None)
    world = SeparateWorlds(Corridor, 1)
    runner = Runner(world=world, player=player(), environment="e", step_limit=6)
    return list(runner.play(works))


def told(names, *, seconds, terminal=False, total=10, already=0):
    """What is printed when an episode ends every so many seconds."""
    times = iter(range(0, 1000 * seconds, seconds))
    last = [0]

    def now():
        return last[0]

    screen = io.StringIO()
    console = Console(file=screen, force_terminal=terminal, width=100)
    with Progress(total, already=already, console=console, now=now) as progress:
        for episode in episodes(names):
            last[0] = next(times) + seconds
            progress.add(episode)
    return progress, screen.getvalue()


def test_a_line_holds_rates_success_and_the_time_left():
    progress, _ = told((*plain(3), "2-raises"), seconds=15, already=2)
    assert progress.line().startswith("6/10 episodes · 0.1 episodes/s · ")
    assert "100.0% won · 1 faults · 1:00 left" in progress.line()


def test_plain_lines_come_now_and_then_and_once_at_the_end():
    _, said = told(plain(6), seconds=int(PLAIN_SECONDS) // 2)
    assert len(said.splitlines()) == 4
    assert said.splitlines()[-1].startswith("6/10 episodes")


def test_nothing_is_said_where_nothing_was_played():
    screen = io.StringIO()
    with Progress(3, already=3, console=Console(file=screen)):
        pass
    assert screen.getvalue() == ""


def test_a_terminal_sees_one_line_that_moves():
    _, said = told(plain(6), seconds=5, terminal=True)
    assert "6/10 episodes" in said


def making(*, seconds, terminal=False, total=4):
    """What is printed when a game is made every so many seconds."""
    clock = [0.0]
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=terminal, width=100)
    with Making(console=console, now=lambda: clock[0]) as tells:
        for done in range(1, total + 1):
            clock[0] += seconds
            tells.tell(done, total)
    return screen.getvalue()


def test_games_that_are_made_are_told_now_and_then_and_at_the_end():
    assert making(seconds=PLAIN_SECONDS).splitlines() == [
        "1/4 games made · 0:30 left",
        "2/4 games made · 0:20 left",
        "3/4 games made · 0:10 left",
        "4/4 games made",
    ]
    assert making(seconds=1).splitlines() == ["4/4 games made"]
    assert "4/4 games made" in making(seconds=1, terminal=True)
    assert making(seconds=1, total=0) == ""
