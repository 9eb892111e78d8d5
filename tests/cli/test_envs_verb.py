"""`oreo-agent envs`, and `--env` wherever a task can be named."""

import json

import pytest
from own_environments import GAME, PLANTED

from oreo_agent.errors import SettingError
from oreo_agent.records.store import Store
from oreo_agent.rollouts.experts import chance, expert
from oreo_agent.rollouts.stage import Stage, usual_split
from oreo_agent.rollouts.wording import read_prompt, world_prompt
from oreo_envs import finding
from oreo_envs.players import Slipping
from oreo_envs.registration import REGISTRATIONS, Prompt

LAKE = "oreo/FrozenLake-v0"


def test_every_environment_is_listed_and_a_broken_plug_in_is_named(oreo, monkeypatch):
    broken = finding.PlugIn(name="sad", module="sad", fault="ImportError: no")
    monkeypatch.setattr("oreo_agent.rollouts.catalogue.plug_ins", lambda: [broken])
    code, out, err = oreo("envs", "list")
    assert code == 0
    ours, _, others = out.partition("\n\n")
    assert {line.split()[0] for line in ours.splitlines()[1:]} == set(REGISTRATIONS)
    assert "textarena:NAME" in others
    assert err == "warning: plug-in 'sad' (sad) cannot be imported: ImportError: no\n"
    code, out, _ = oreo("envs", "list", "--json")
    told = json.loads(out)
    assert (code, told["broken"][0]["name"]) == (0, "sad")
    assert {each["id"] for each in told["environments"]} == set(REGISTRATIONS)


def test_an_environment_is_shown_as_the_model_will_see_it(oreo):
    code, out, _ = oreo("envs", "show", LAKE)
    assert code == 0
    assert "[<bos>][You][ are][ at][ row][ 0]" in out
    assert "You walk over a frozen lake" in out
    told = json.loads(oreo("envs", "show", LAKE, "--json")[1])
    assert told["instances"] == {"train": 1000, "valid": 200, "test": 200}
    assert told["prompt"]["action_format"] == "Action: {}"
    code, out, _ = oreo("envs", "show", "oreo/ALFWorld-v0", "--data", "generated")
    assert code == 0
    assert "prompt format 'compact'" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("lst",), ("Did you mean 'list'",)),
        (("show",), ("Missing argument 'ENV'",)),
        (("list", LAKE), (LAKE,)),
        (("show", "oreo/FrozenLke-v0"), (f"did you mean '{LAKE}'",)),
        (("check", "oreo/FrozenLke-v0"), (f"did you mean '{LAKE}'",)),
        (("new", "My-Game"), ("small letters",)),
        (("show", LAKE, "--prompt", "react"), ("text or given",)),
    ],
)
def test_what_is_wrong_is_said_in_one_line(refused, arguments, words):
    refused(("envs", *arguments), *words)


def test_a_check_says_what_failed_and_how_to_mend_it_and_leaves_with_1(oreo, monkeypatch):
    from oreo_envs import checking

    some = {rule: checking.RULES[rule] for rule in ("spaces", "reward")}
    monkeypatch.setattr(checking, "RULES", some)
    code, out, _ = oreo("envs", "check", f"{PLANTED}:Generous")
    assert code == 1
    assert "ok      spaces" in out
    assert "FAILED  reward" in out
    assert "return 0.0 on every step but the last" in out
    code, out, _ = oreo("envs", "check", f"{PLANTED}:Sound", "--json")
    told = json.loads(out)
    assert (code, told["passed"], len(told["rules"])) == (0, True, 2)


def test_an_environment_is_played_wherever_a_task_is(oreo, tmp_path):
    given = ("--env", f"{PLANTED}:Sound", "--policy", "expert", "--episodes", 4)
    code, out, _ = oreo("rollout", *given, "--out", tmp_path / "s", "--json")
    assert (code, json.loads(out)["won"]) == (0, 4)
    store = Store.open(tmp_path / "s")
    assert store.card.settings["format"] == "text"
    assert "door" in store.card.settings["words"]
    (first, *_) = store
    assert (first.environment, first.task) == ("planted/Sound-v0", f"{PLANTED}:Sound")
    slips = ("rollout", *given, "--epsilon", 0.5, "--out", tmp_path / "n", "--json")
    assert json.loads(oreo(*slips)[1])["played"] == 4

    report = ("--env", LAKE, "--agent", "random", "--split", "test", "--episodes", 3)
    code, out, _ = oreo("eval", *report, "--json")
    assert (code, json.loads(out)["contract"]["environment"]) == (0, LAKE)
    code, out, _ = oreo("play", "--env", LAKE, "--agent", "expert", "--json")
    assert code == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--env", "oreo/Taxy-v0"), ("did you mean 'oreo/Taxi-v0'",)),
        (("--env", "alfworld"), ("no environment is called 'alfworld'",)),
        (("--task", "oreo/Taxy-v0"), ("did you mean 'oreo/Taxi-v0'",)),
        (("--env", LAKE, "--task", "alfworld"), ("leave one of them out",)),
        (("--env", LAKE, "--data", "folder"), ("leave --data out",)),
        (("--env", LAKE, "--split", "vald"), ("train, valid, test",)),
        (("--env", LAKE, "--prompt", "none.toml"), ("none.toml", "cannot be read")),
        (("--env", f"{PLANTED}:Alike"), ("without an expert", "--policy random")),
        (("--env", f"{PLANTED}:Numbers", "--policy", "random"), ("TextAdapter",)),
    ],
)
def test_a_wrong_environment_is_refused_and_nothing_is_written(refused, tmp_path, options, words):
    policy = () if "--policy" in options else ("--policy", "expert")
    refused(("rollout", "--out", tmp_path / "s", *policy, *options), *words)
    assert not (tmp_path / "s").exists()


def test_a_class_in_a_module_of_a_package_is_played(oreo, tmp_path, monkeypatch, as_it_was):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "__init__.py").touch()
    (tmp_path / "deep" / "worlds.py").write_text(GAME)
    monkeypatch.syspath_prepend(str(tmp_path))
    given = ("--env", "deep.worlds:Game", "--policy", "random", "--episodes", 2, "--json")
    code, out, _ = oreo("rollout", *given, "--out", tmp_path / "s")
    assert (code, json.loads(out)["won"]) == (0, 2)


def test_a_check_says_what_was_not_tried(oreo, monkeypatch):
    from oreo_envs import checking

    some = {rule: checking.RULES[rule] for rule in ("spaces", "commands", "expert")}
    monkeypatch.setattr(checking, "RULES", some)
    code, out, _ = oreo("envs", "check", f"{PLANTED}:Silent")
    assert code == 0
    assert "-       commands       not tried: the environment tells no admissible commands" in out
    assert out.endswith(":Silent: 1 of 3 rules kept, 2 not tried\n")


@pytest.mark.parametrize("task", ["gsm8k", "math500", "wordproblems"])
def test_chance_has_no_place_in_questions(task):
    with pytest.raises(SettingError, match="leave --policy random out"):
        chance(task)
    with pytest.raises(SettingError, match=r"without an expert|leave --epsilon out"):
        expert(task, 0.1)


def test_the_experts_of_our_own_worlds_are_registered_as_those_of_a_user():
    assert all(
        (told.expert is None) == (id == "oreo/MATH500-v0")
        for id, told in REGISTRATIONS.items()
        if id.startswith("oreo/")
    )
    assert isinstance(expert("alfworld")(0), Slipping)


def test_an_environment_of_one_of_our_tasks_is_that_task():
    assert Stage(task="oreo/ALFWorld-v0").task == "alfworld"
    assert Stage(task="oreo_envs:oreo/Taxi-v0").task == "oreo/Taxi-v0"
    assert usual_split("oreo/Taxi-v0") == "valid"
    assert usual_split("alfworld") == "valid_seen"


def test_a_prompt_file_goes_before_the_registration(tmp_path):
    file = tmp_path / "own.toml"
    file.write_text('words = ["go", "home"]\nmax_reply_tokens = 5\n')
    prompt = read_prompt(file, Prompt(instructions="Walk."))
    assert (prompt.instructions, prompt.words, prompt.max_reply_tokens) == (
        "Walk.", ("go", "home"), 5,
    )  # fmt: skip
    told = world_prompt(Prompt(), lambda: ["never"], str(file))
    assert told.settings()["words"] == ["go", "home"]
    file.write_text("instruction = 'x'\n")
    with pytest.raises(SettingError, match="did you mean 'instructions'"):
        read_prompt(file, Prompt())
    file.write_text("action_format = 'x'\n")
    with pytest.raises(SettingError, match=r"own\.toml: action_format needs {} once"):
        read_prompt(file, Prompt())
    file.write_text("action_format = 'Do: {}'\n")
    with pytest.raises(SettingError, match="does not find the command in a reply"):
        read_prompt(file, Prompt())
