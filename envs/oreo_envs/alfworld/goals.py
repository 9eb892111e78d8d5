"""The forms of goal that a game may have, and what each asks for."""

import re
from typing import NamedTuple

PICK = "pick_and_place_simple"
CLEAN = "pick_clean_then_place_in_recep"
HEAT = "pick_heat_then_place_in_recep"
COOL = "pick_cool_then_place_in_recep"
PICK_TWO = "pick_two_obj_and_place"
LOOK = "look_at_obj_in_light"


class GoalForm(NamedTuple):
    """What a goal asks for, its types left open."""

    task_type: str
    needs: str
    """The static predicate that a wanted object must have; "" where there is none."""


_GOAL_FORMS = {
    "(exists (?r - receptacle) (exists (?o - object) (and (inreceptacle ?o ?r) "
    "(objecttype ?o @) (receptacletype ?r @))))": GoalForm(PICK, ""),
    "(exists (?r - receptacle) (exists (?o - object) (and (cleanable ?o) (objecttype ?o @) "
    "(receptacletype ?r @) (isclean ?o) (inreceptacle ?o ?r))))": GoalForm(CLEAN, "cleanable"),
    "(exists (?r - receptacle) (exists (?o - object) (and (heatable ?o) (objecttype ?o @) "
    "(receptacletype ?r @) (ishot ?o) (inreceptacle ?o ?r))))": GoalForm(HEAT, "heatable"),
    "(exists (?r - receptacle) (exists (?o - object) (and (coolable ?o) (objecttype ?o @) "
    "(receptacletype ?r @) (iscool ?o) (inreceptacle ?o ?r))))": GoalForm(COOL, "coolable"),
    "(exists (?r - receptacle) (exists (?o1 - object) (and (objecttype ?o1 @) "
    "(receptacletype ?r @) (inreceptacle ?o1 ?r) (exists (?o2 - object) (and (not (= ?o1 ?o2)) "
    "(objecttype ?o2 @) (receptacletype ?r @) (inreceptacle ?o2 ?r))))))": GoalForm(PICK_TWO, ""),
    "(exists (?ot - object ?r - receptacle ?a - agent ?l - location) (and (objecttype ?ot @) "
    "(toggleable ?ot) (istoggled ?ot) (receptacleatlocation ?r ?l) (atlocation ?a ?l) "
    "(inreceptacle ?ot ?r))) (exists (?o - object ?a - agent) (and (objecttype ?o @) "
    "(holds ?a ?o)))": GoalForm(LOOK, ""),
}


def _spaced(condition: str) -> str:
    """One blank between all tokens, so that layout does not count."""
    return " ".join(condition.replace("(", " ( ").replace(")", " ) ").split())


_GOALS = {_spaced(condition): form for condition, form in _GOAL_FORMS.items()}
"""The goal's condition with @ for each type -> what it asks for."""
_GOAL_TYPE = re.compile(r"(?<=type )(\?\w+) (\S+)")


def read_goal(text: str) -> tuple[GoalForm, list[str]] | None:
    """What a goal's condition asks for; None where its form is not one of the six.

    Args:
        text: the PDDL condition, in lower case.

    Returns:
        The form, and the types that it names in the order in which they are written.
    """
    condition = _spaced(text)
    types = [kind for _, kind in _GOAL_TYPE.findall(condition)]
    form = _GOALS.get(_GOAL_TYPE.sub(r"\1 @", condition))
    if form is None or (form.task_type == PICK_TWO and types[:2] != types[2:]):
        return None
    return form, types
