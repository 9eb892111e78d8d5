"""The browser without a screen: what it lists, counts and tells of a store."""

import json
import unicodedata
from pathlib import Path

import pytest
from browsed_store import fill_store, made
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from rich.cells import cell_len

from oreo_agent.errors import SettingError
from oreo_agent.player.browser.columns import cells, head, laid_out
from oreo_agent.player.browser.listing import PAGE, Listing
from oreo_agent.player.browser.plain import episode_data, list_data, list_lines
from oreo_agent.player.browser.preview import glance
from oreo_agent.player.browser.query import FACETS, NOT_WON, Facets, Query
from oreo_agent.player.browser.telling import episode_lines, goal, outcome, places
from oreo_agent.player.harmless import one_line
from oreo_agent.records.episode import CandidateRecord, DecisionRecord, PolicyRecord, Segment
from oreo_agent.records.listing import SORT_KEYS, EpisodeRow, Filter, Order
from oreo_agent.records.reader import StoreReader
from oreo_agent.records.store import Store
from oreo_agent.rollouts.statistics import wilson

MANY = PAGE * 2 + 3


@pytest.fixture(scope="module")
def reader(tmp_path_factory) -> StoreReader:
    """So many episodes that pages have boundaries within them."""
    return fill_store(tmp_path_factory.mktemp("many"), MANY)


def listing(reader: StoreReader, **query: object) -> Listing:
    filled = Listing(reader, Query(**query))
    filled.complete()
    return filled


def test_every_row_is_the_episode_of_its_place_also_at_the_ends_of_pages(reader):
    shown = listing(reader, order=Order(by="steps", descending=True))
    assert shown.total == len(shown.ids) == MANY
    for index in [0, PAGE - 1, PAGE, 2 * PAGE - 1, 2 * PAGE, MANY - 1, *range(MANY)]:
        assert shown.row(index).id == shown.ids[index]


def test_the_first_rows_are_known_before_anything_is_counted(reader):
    shown = Listing(reader, Query())
    steps = shown.fill()
    next(steps)
    assert shown.ids
    assert (shown.facets, shown.ends(), shown.rate(), shown.filled) == (None, None, None, False)
    for _ in steps:
        pass
    assert shown.filled


@given(
    st.sampled_from((None, "won", "fault", "not won")),
    st.sampled_from((None, "pick", "look")),
    st.sampled_from((None, "model", "expert")),
    st.sampled_from((None, "train", "valid")),
)
def test_facets_count_what_the_store_counts(reader, end, task_type, policy, split):
    query = Query()
    for facet, value in zip(FACETS, (end, task_type, policy, split), strict=True):
        query = query.choosing(facet, value)
        assert query.chosen(facet) == value
    facets = Facets(reader.counts(FACETS))
    for facet in FACETS:
        rest = query.choosing(facet, None).where
        known = reader.counts((facet,))
        there = reader.counts((facet,), rest)
        assert facets.of(facet, query.where) == {v: there.get((v,), 0) for (v,) in known}


def test_the_won_share_leaves_faults_out_and_stands_whatever_outcome_is_chosen(reader):
    where = Filter(task_type="pick")
    played = [e for e in reader.episodes(where) if e.end != "fault"]
    rate = wilson(sum(e.end == "won" for e in played), len(played))
    for ends in (None, ("won",), NOT_WON):
        shown = listing(reader, where=Filter(task_type="pick", ends=ends))
        assert shown.rate() == rate
        assert sum(shown.ends().values()) == reader.count(where)


def test_a_search_counts_what_it_found_and_gives_no_share_of_one_outcome(reader):
    shown = listing(reader, text="APPLE")
    having = [e for e in reader if "apple" in goal(e)]
    assert 0 < len(having) < MANY
    assert shown.ids == [e.id for e in having]
    assert shown.ends() == {
        end: sum(e.end == end for e in having) for end in {e.end for e in having}
    }
    assert shown.rate().n == sum(e.end != "fault" for e in having)
    assert listing(reader, text="apple", where=Filter(ends=("won",))).rate() is None


def test_a_search_tells_what_it_found_while_it_goes_on(tmp_path):
    shown = Listing(fill_store(tmp_path, 600), Query(text="apple"))
    seen = [(shown.looked, len(shown.ids)) for _ in shown.fill()]
    assert seen == sorted(seen)
    assert {looked for looked, _ in seen} >= {0, 256, 512, 600}
    assert (shown.looked, shown.to_look) == (600, 600)


def test_another_query_keeps_what_was_counted_unless_it_counts_others(reader):
    first = listing(reader)
    assert first.asking(first.query.choosing("end", "won")).facets is first.facets
    assert first.asking(Query(where=Filter(instance_part="x"))).facets is None


def test_a_value_that_nothing_has_is_refused_with_the_nearest(reader):
    for where, told in (
        (Filter(ends=("wno",)), "did you mean 'won'"),
        (Filter(task_type="pik"), "no task type 'pik'; did you mean 'pick'"),
        (Filter(policy="exprt"), "did you mean 'expert'"),
        (Filter(split="tran"), "did you mean 'train'"),
    ):
        with pytest.raises(SettingError, match=told):
            Listing(reader, Query(where=where)).refuse_unknown()
    Listing(reader, Query(where=Filter(ends=("token_limit",), policy="model"))).refuse_unknown()


@pytest.mark.parametrize(("part", "times"), [(None, 1), ("apple", 2)])
def test_facets_are_counted_once_unless_the_list_is_of_a_part(reader, monkeypatch, part, times):
    counted = []
    count = StoreReader.counts
    monkeypatch.setattr(
        StoreReader, "counts", lambda *given: counted.append(given) or count(*given)
    )
    shown = Listing(reader, Query(where=Filter(ends=("won",), instance_part=part)))
    shown.refuse_unknown()
    shown.complete()
    assert len(counted) == times
    assert shown.ends()["won"] == len(shown.ids)


rows = st.builds(
    EpisodeRow,
    id=st.text(),
    task=st.text(),
    split=st.text(),
    instance=st.text(),
    task_type=st.text(),
    policy=st.text(),
    end=st.text(),
    reward=st.floats(0, 1),
    steps=st.integers(0, 10**9),
    tokens=st.integers(0, 10**9),
)


@given(
    st.none() | rows,
    st.integers(0, 200),
    st.builds(Order, by=st.sampled_from(SORT_KEYS), descending=st.booleans()),
    st.frozensets(st.sampled_from(FACETS)),
    st.booleans(),
)
def test_a_row_and_the_titles_are_as_wide_as_they_may_be(row, width, order, varied, damaged):
    columns = laid_out(width, order, varied)
    told = cells(row, columns, name="an id", damaged=damaged)
    assert [cell_len(text) for text in told] == [column.width for column in columns]
    assert cell_len(head(columns, order)) == cell_len(" ".join(told))
    assert cell_len(" ".join(told)) == max(width, sum(c.width for c in columns) + len(columns) - 1)
    assert cell_len(" ".join(told)) <= max(width, 2)
    assert not any(unicodedata.category(letter) == "Cc" for text in told for letter in text)


def decided(strategy: str = "best-of-k") -> DecisionRecord:
    return DecisionRecord(
        strategy=strategy,
        chosen=1,
        value=0.5,
        candidates=(
            CandidateRecord(ids=(7,), command="dance", logp=-1.0, value=0.25),
            CandidateRecord(ids=(8, 9), command="go to x", logp=-2.0, value=0.75),
        ),
    )


def test_an_episode_in_lines_tells_segments_commands_and_values():
    segment = Segment(
        kind="action", ids=(8, 9), text="go\x1b[2J x", command="go to x", valid=False,
        logps=(-0.5, -1.5), decision=decided(),
    )  # fmt: skip
    episode = made(3, segments=(Segment(kind="observation", ids=(1,), text="Hm"), segment))
    lines = list(episode_lines(episode, tokens=True))
    assert lines[0] == f"{episode.id}: {outcome(episode)}"
    head = "[action 1]  2 tokens  command 'go to x'  not admissible  logp -2.000  V before 0.500"
    at = lines.index(head)
    assert lines[at + 1 :] == [
        "    go␛[2J x",
        "    best-of-k among 2 candidates:",
        "      1  V  0.250  logp   -1.000  dance",
        "    > 2  V  0.750  logp   -2.000  go to x",
        "    ids: 8 9",
        "    logps: -0.500 -1.500",
    ]
    assert not any("ids:" in line for line in episode_lines(episode))
    assert [*places(episode, "GO TO")] == [("turn 1", "go to x")]


def test_v_stands_beside_the_step_at_whose_end_it_is():
    steps = [Segment(kind="action", ids=(number,), text=f"step {number}") for number in (1, 2, 3)]
    whole = CandidateRecord(ids=(1, 2, 3), command="all", logp=-2.0, value=0.75)
    decision = DecisionRecord(strategy="best-of-n", chosen=0, candidates=(whole,))
    odd = DecisionRecord(strategy="best-of-n", chosen=1, candidates=(whole,))
    for one, wanted in ((decision, [False, False, True]), (odd, [False] * 3)):
        told = made(1, prompt="words", segments=(replace(steps[0], decision=one), *steps[1:]))
        lines = [line for line in glance(told).plain.split("\n") if "step " in line]
        assert ["V 0.75" in line for line in lines] == wanted


def test_an_episode_as_data_has_token_ids_only_if_asked():
    episode = made(3, segments=(Segment(kind="action", ids=(8,), text="x", decision=decided()),))
    (bare,) = episode_data(episode, tokens=False)["segments"]
    (full,) = episode_data(episode, tokens=True)["segments"]
    assert "ids" not in bare
    assert [c.get("ids") for c in bare["decision"]["candidates"]] == [None, None]
    assert list(full["ids"]) == [8]


def test_lines_and_data_of_a_list_agree_and_stop_at_their_limit(reader):
    shown = listing(reader, where=Filter(ends=("won",)), order=Order(by="tokens"))
    data, lines = list_data(shown, 3), list(list_lines(shown, 3))
    assert [row["id"] for row in data["episodes"]] == shown.ids[:3]
    assert [line.split()[0] for line in lines if line.startswith("made-")] == shown.ids[:3]
    assert lines[-1].startswith(f"3 of {len(shown.ids)} shown")
    assert json.loads(json.dumps(data)) == data
    assert data["won"]["n"] == sum(n for end, n in data["ends"].items() if end != "fault")


def test_what_would_move_a_terminal_is_not_printed(tmp_path):
    assert one_line("a\x1b[31m\nb\x9b\r c") == "a␛[31m b� c"
    bad = "x\x1b[2J\x9b31m\u202e"
    segment = Segment(kind="action", ids=(8,), text=bad, command=bad, decision=decided(bad))
    episode = made(
        1,
        id=bad,
        task=bad,
        split=bad,
        task_type=bad,
        instance=bad,
        policy=PolicyRecord(kind="import", strategy=bad),
        segments=(Segment(kind="observation", ids=(1,), text=bad), segment),
        end="fault",
        fault=bad,
        versions={bad: bad},
    )
    with Store.create(tmp_path, prompt="bare", tokenizer="t1") as store:
        store.append(episode)
    shown = listing(StoreReader(tmp_path))
    for line in (*episode_lines(episode, tokens=True), *list_lines(shown, 3)):
        assert not any(unicodedata.category(letter) in ("Cc", "Cf") for letter in line), line


def test_goal_of_a_question_is_its_first_line():
    shown = Segment(kind="observation", ids=(), text="How many?\nThink.")
    assert goal(made(1, segments=(shown,))) == "How many?"
    assert goal(made(1, segments=())) == ""


def test_nothing_of_an_empty_store_is_a_fault(tmp_path: Path):
    shown = listing(fill_store(tmp_path, 0))
    assert (shown.ids, shown.rate(), shown.total) == ([], None, 0)
    assert list_data(shown, 5)["episodes"] == []
    assert list(list_lines(shown, 5))
