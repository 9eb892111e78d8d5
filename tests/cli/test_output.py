"""What verbs say of faults: the commonest causes, one line each, and no more of them."""

from oreo_agent.cli.output import CAUSES, say_faults


def test_no_more_causes_are_told_than_a_person_reads(capsys):
    causes = {
        f"Cause{number}: no\nmore \x1b[2Jthan this": 9 - number for number in range(CAUSES + 2)
    }
    say_faults(causes, "see more")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == CAUSES + 3
    assert lines[0] == f"{sum(causes.values())} episodes broke:"
    assert lines[1].startswith("  9 x Cause0: no")
    assert "\x1b" not in "".join(lines)
    assert lines[-2:] == ["  and 2 other causes", "see more"]


def test_one_is_one_and_none_is_nothing(capsys):
    say_faults({}, "see more")
    assert capsys.readouterr().out == ""
    say_faults({"KeyError: 'x'": 1}, "see more")
    assert capsys.readouterr().out == "1 episode broke:\n  1 x KeyError: 'x'\nsee more\n"
