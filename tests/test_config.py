"""Settings are taken as they are meant, or refused with their path; nothing is guessed."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oreo_agent.config import build, find_recipe, override, read_toml
from oreo_agent.errors import SettingError


@dataclass(frozen=True, kw_only=True)
class Optimiser:
    rate: float = 0.1
    schedule: Literal["cosine", "flat"] = "cosine"

    def __post_init__(self):
        if self.rate <= 0:
            raise ValueError("the rate must be above 0")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    name: str
    steps: int = 1
    fast: bool = False
    where: Path | None = None
    stores: tuple[Path, ...] = ()
    pair: tuple[int, float] = (1, 1.0)
    more: dict[str, Any] = field(default_factory=dict)
    optimiser: Optimiser = field(default_factory=Optimiser)


names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
paths = st.from_regex(r"[a-z]{1,8}(/[a-z]{1,8})?", fullmatch=True).map(Path)
recipes = st.builds(
    Recipe,
    name=names,
    steps=st.integers(),
    fast=st.booleans(),
    where=st.none() | paths,
    stores=st.lists(paths, max_size=3).map(tuple),
    pair=st.tuples(st.integers(), st.floats(allow_nan=False, allow_infinity=False)),
    more=st.dictionaries(names, st.integers(), max_size=2),
    optimiser=st.builds(
        Optimiser,
        rate=st.floats(min_value=1e-9, max_value=1e9),
        schedule=st.sampled_from(["cosine", "flat"]),
    ),
)


@given(recipes)
def test_what_a_recipe_is_written_as_makes_that_recipe_again(recipe):
    assert build(Recipe, asdict(recipe)) == recipe


def test_toml_makes_a_recipe(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text(
        'name = "a"\nstores = ["x", "y"]\nwhere = "z"\n[optimiser]\nrate = 2\nschedule = "flat"\n'
    )
    assert build(Recipe, read_toml(path)) == Recipe(
        name="a",
        stores=(Path("x"), Path("y")),
        where=Path("z"),
        optimiser=Optimiser(rate=2.0, schedule="flat"),
    )


@given(st.floats(min_value=1e-6, max_value=1e6), st.integers(-99, 99), st.booleans())
def test_an_override_counts_more_than_the_file(rate, steps, fast):
    base = {"name": "a", "steps": 7, "optimiser": {"rate": 3, "schedule": "flat"}}
    told = [f"optimiser.rate={rate!r}", f"steps={steps}", f"fast={str(fast).lower()}"]
    recipe = build(Recipe, override(base, told))
    assert (recipe.optimiser.rate, recipe.steps, recipe.fast) == (rate, steps, fast)
    assert recipe.optimiser.schedule == "flat"
    assert base["optimiser"] == {"rate": 3, "schedule": "flat"}


def test_words_need_no_quotes_in_an_override():
    data = override({}, ["name=some words", "optimiser.schedule=flat", 'where="a = b"'])
    assert data == {"name": "some words", "optimiser": {"schedule": "flat"}, "where": "a = b"}


@pytest.mark.parametrize("text", [".003", "-.5", "1.", "+.5e-3", "2.E2"])
def test_a_number_may_leave_out_the_digits_on_one_side_of_its_point(text):
    assert override({}, [f"rate={text}"]) == {"rate": float(text)}
    assert override({}, ["rate=.", "name=.3.1"]) == {"rate": ".", "name": ".3.1"}


@given(recipes, st.data())
def test_one_wrong_letter_is_answered_with_the_setting_that_was_meant(recipe, data):
    key = data.draw(st.sampled_from(["steps", "where", "stores", "optimiser"]))
    with pytest.raises(SettingError, match=f"^{key}x: .*did you mean '{key}'"):
        build(Recipe, asdict(recipe) | {f"{key}x": 1})


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"name": 3}, "name: wants text, got 3"),
        ({"steps": 1.5}, "steps: wants an integer, got 1.5"),
        ({"steps": True}, "steps: wants an integer, got True"),
        ({"fast": 1}, "fast: wants true or false, got 1"),
        ({"fast": "yes"}, "fast: wants true or false, got 'yes'"),
        ({"where": 3}, "where: wants a path or nothing, got 3"),
        ({"stores": "x"}, "stores: wants .*Path.*, got 'x'"),
        ({"stores": [3]}, r"stores\[0\]: wants a path, got 3"),
        ({"pair": [1]}, "pair: wants 2 values, got 1"),
        ({"pair": [1, True]}, r"pair\[1\]: wants a number, got True"),
        ({"optimiser": 3}, "optimiser: wants a table, got 3"),
        ({"optimiser": {"rate": "fast"}}, "optimiser.rate: wants a number, got 'fast'"),
        ({"optimiser": {"schedule": "flt"}}, "optimiser.schedule: 'flt'.*did you mean 'flat'"),
        ({"optimiser": {"rate": float("nan")}}, "optimiser.rate: wants a finite number, got nan"),
        ({"pair": [1, float("-inf")]}, r"pair\[1\]: wants a finite number, got -inf"),
        ({"optimiser": {"rate": 10**400}}, "optimiser.rate: wants a finite number, got 1000"),
        ({"optimiser": {"rate": -1}}, "optimiser: the rate must be above 0"),
        ({"optimiser": {"ratte": 1}}, "optimiser.ratte: .*did you mean 'rate'"),
    ],
)
def test_a_fault_names_the_path_of_its_setting(data, told):
    with pytest.raises(SettingError, match=f"^{told}"):
        build(Recipe, {"name": "a"} | data)


def test_what_is_not_finite_is_taken_where_it_is_the_default():
    @dataclass(frozen=True, kw_only=True)
    class Bound:
        most: float = float("inf")

    assert build(Bound, asdict(Bound())) == Bound()


def test_a_setting_without_a_default_has_to_be_given():
    with pytest.raises(SettingError, match=r"run\.name: this setting has to be given"):
        build(Recipe, {}, at="run")


@pytest.mark.parametrize("wrong", ["steps", "=3", "a..b=3", ""])
def test_an_override_that_sets_nothing_is_refused(wrong):
    with pytest.raises(SettingError, match="name=value"):
        override({}, [wrong])


def test_an_override_cannot_go_through_a_value():
    with pytest.raises(SettingError, match="steps is a value"):
        override({"steps": 3}, ["steps.more=1"])


def test_files_that_are_not_there_or_no_toml_are_told_by_name(tmp_path):
    with pytest.raises(SettingError, match=r"nowhere\.toml cannot be read"):
        read_toml(tmp_path / "nowhere.toml")
    (tmp_path / "bad.toml").write_text("steps = = 3")
    with pytest.raises(SettingError, match=r"bad\.toml is no TOML"):
        read_toml(tmp_path / "bad.toml")


def test_a_recipe_that_comes_along_is_found_by_its_name_and_a_file_by_its_path(tmp_path):
    assert read_toml(find_recipe("demo-sft"))["method"] == "sft"
    own = tmp_path / "mine.toml"
    own.write_text('method = "kto"')
    assert find_recipe(own) == own
    assert find_recipe(tmp_path / "not-there") == tmp_path / "not-there"
    with pytest.raises(SettingError, match="did you mean 'demo-oreo'"):
        find_recipe("demo-oro")
