"""`oreo-agent doctor`: lines for people, one object with --json, exit code 1 where it hurts."""

import json
import subprocess
import sys

import pytest

from oreo_agent.cli import run
from oreo_agent.rollouts import doctor
from oreo_agent.rollouts.doctor.holdings import held
from oreo_agent.rollouts.doctor.remark import Remark
from oreo_tasks import load_task

FINE = Remark(part="machine", name="python", state="ok", told="3.12")
LESS = Remark(
    part="packages", name="[math]", state="missing", told="none", remedy="pip " + "x" * 99
)
HURT = Remark(part="data", name="math", state="fault", told="3 problems", remedy="fetch it")


@pytest.mark.parametrize(
    ("remarks", "code", "end"), [([FINE, LESS], 0, "all is well"), ([FINE, HURT], 1, "math")]
)
def test_what_hurts_makes_it_leave_with_1(monkeypatch, capsys, remarks, code, end):
    monkeypatch.setattr(doctor, "examined", lambda data: iter(remarks))
    assert run(["doctor"]) == code
    told = capsys.readouterr().out
    assert told.rstrip().endswith(end)
    assert all(f"\n{' ' * 28}{one.remedy}\n" in told for one in remarks if one.remedy)
    assert run(["doctor", "--json"]) == code
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["well"] == (code == 0)
    assert [one["name"] for one in found["remarks"]] == [one.name for one in remarks]


def test_a_tasks_solutions_are_replayed(capsys):
    assert run(["doctor", "wordproblems", "--split", "valid"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "evaluator verified: 500 / 500"
    assert run(["doctor", "alfworld", "--data", "generated:small", "--json"]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (found["right"], found["solutions"]) == (400, 400)
    assert run(["doctor", "alfwrld"]) == 2


def test_official_walkthroughs_are_verified(shared_data, tmp_path, capsys):
    unpack = [sys.executable, str(shared_data / "unpack_alfworld.py"), str(tmp_path), "--no-traj"]
    subprocess.run([*unpack, "--split", "valid_seen"], check=True, capture_output=True)
    assert run(["doctor", "alfworld", "--data", str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "evaluator verified: 140 / 140"
    told = held(load_task("alfworld"), str(tmp_path), asked=True)
    assert (told.state, "valid_seen 140 (official, 2.1.2)" in told.told) == ("ok", True)
