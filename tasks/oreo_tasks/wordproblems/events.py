"""What can begin, happen and be asked in a story, and how a whole story is put together."""

from collections.abc import Sequence
from random import Random

from oreo_tasks.wordproblems import wording as w
from oreo_tasks.wordproblems.draw import pick, whole
from oreo_tasks.wordproblems.story import Event, Impossible, Person, Story
from oreo_tasks.wordproblems.tiers import Tier


def tell(tier: Tier, steps: int, rng: Random) -> Story:
    """A story of exactly that many steps; what is drawn is drawn again until all fits.

    Raises:
        ValueError: nothing fits, as the numbers of the tier are too small for so many steps.
    """
    for _ in range(1000):
        story = Story(tier, steps, rng)
        try:
            _compose(story, whole(rng, 0, tier.asides))
        except Impossible:
            continue
        return story
    raise ValueError(f"no problem of {steps} steps has numbers up to {tier.largest} only")


def _compose(story: Story, asides: int) -> None:
    main, rng = story.people[0], story.rng
    openings = BEGINNINGS[1 if story.left > 2 and rng.random() < 0.4 else 0]
    story.let_happen(openings, main)
    for known in range(1, len(story.people)):
        _compare(story, pick(rng, story.people[:known]), story.people[known])
    endings = ENDINGS[len(story.people)]
    costs = [cost for cost in endings if cost <= story.left]
    if not costs:
        raise Impossible
    cost = pick(rng, costs)
    while story.left > cost:
        if asides and rng.random() < 0.5:
            story.aside()
            asides -= 1
        story.let_happen(_fitting(story, story.left - cost), pick(rng, story.people))
    if asides:
        story.aside()
    story.let_happen(endings[cost], main)


def _fitting(story: Story, lines: int) -> list[Event]:
    """What may happen next in at most so many lines: nothing again, and nothing too often."""
    pool = [event for event in EVENTS[1] if story.happened.count(event) < _OFTEN[event]]
    if lines >= 2:
        pool += [event for event in EVENTS[2] if story.happened.count(event) < 2]
        if len(story.people) > 1:
            pool.append(_pass_on)
    return [event for event in pool if event is not story.happened[-1]]


def _have(story: Story, person: Person) -> None:
    person.has = story.number(story.largest * 2 // 3, 4)
    story.tell(person, w.HAVE, n=person.has)


def _have_boxes(story: Story, person: Person) -> None:
    k, n = story.number(9), story.number(12, 3)
    person.has = story.work(k, "*", n)
    story.tell(person, w.HAVE_BOXES, k=k, n=n)


def _have_two(story: Story, person: Person) -> None:
    n, m = (story.number(story.largest // 3, 3) for _ in range(2))
    person.has = story.work(n, "+", m)
    colours = story.kind.coloured and story.rng.random() < 0.5
    story.tell(person, w.HAVE_COLOURS if colours else w.HAVE_TWO, n=n, m=m)


def _gain(story: Story, person: Person) -> None:
    n = story.number(min(story.largest - person.has, story.largest // 3))
    person.has = story.work(person.has, "+", n)
    _verb(story, person, w.GAIN, w.GAIN_VERB, story.kind.gained, n)


def _lose(story: Story, person: Person) -> None:
    n = story.number(min(person.has - 2, story.largest // 3))
    person.has = story.work(person.has, "-", n)
    _verb(story, person, w.LOSS, w.LOSS_VERB, story.kind.lost if n < 13 else (), n)


def _verb(
    story: Story, person: Person, plain: Sequence[str], with_verb: str, verbs: Sequence[str], n: int
) -> None:
    if verbs and story.rng.random() < 0.4:
        story.tell(person, with_verb, verb=pick(story.rng, verbs), n=n)
    else:
        story.tell(person, plain, n=n)


def _gain_many(story: Story, person: Person) -> None:
    k, n = story.number(9), story.number(12)
    person.has = story.work(person.has, "+", story.work(k, "*", n))
    story.tell(person, w.GAIN_MANY, k=k, n=n)


def _lose_many(story: Story, person: Person) -> None:
    k, n = story.number(9), story.number(12)
    person.has = story.work(person.has, "-", story.work(k, "*", n))
    story.tell(person, w.LOSS_MANY, k=k, n=n)


def _multiply(story: Story, person: Person) -> None:
    k = story.number(min(5, story.largest // person.has))
    person.has = story.work(person.has, "*", k)
    story.tell(person, w.TIMES, times=_times(k))


def _times(k: int) -> str:
    return "twice" if k == 2 else f"{k} times"


def _halve(story: Story, person: Person) -> None:
    person.has = story.work(person.has, "/", 2)
    story.tell(person, w.HALF)


def _keep_one(story: Story, person: Person) -> None:
    k = story.divisor(person.has)
    person.has = story.work(person.has, "/", k)
    story.tell(person, w.KEEP_ONE, k=k)


def _pass_on(story: Story, person: Person) -> None:
    """Somebody gives some to somebody else whose things count."""
    other = pick(story.rng, [someone for someone in story.people if someone is not person])
    n = story.number(min(person.has - 2, story.largest // 3))
    person.has = story.work(person.has, "-", n)
    other.has = story.work(other.has, "+", n)
    story.tell(person, w.PASS_ON, n=n, O=other.name)


def _compare(story: Story, person: Person, new: Person) -> None:
    """Somebody new comes in, by how their things compare with ``person``'s."""
    sort = pick(story.rng, ("more", "fewer", "times", "half"))
    if sort == "times":
        k = story.number(min(5, story.largest // person.has))
        new.has = story.work(person.has, "*", k)
        story.tell(person, w.TIMES_AS_MANY, O=new.name, times=_times(k))
    elif sort == "half":
        new.has = story.work(person.has, "/", 2)
        story.tell(person, w.HALF_AS_MANY, O=new.name)
    elif sort == "more":
        n = story.number(min(story.largest - person.has, story.largest // 3))
        new.has = story.work(person.has, "+", n)
        story.tell(person, w.MORE, O=new.name, n=n)
    else:
        n = story.number(min(person.has - 2, story.largest // 3))
        new.has = story.work(person.has, "-", n)
        story.tell(person, w.FEWER, O=new.name, n=n)


def _ask_now(story: Story, person: Person) -> None:
    fewer = story.happened[-1] in (_lose, _lose_many, _halve)
    story.tell(person, w.LEFT if fewer else w.NOW)


def _ask_share(story: Story, person: Person) -> None:
    k = story.divisor(person.has)
    story.work(person.has, "/", k)
    story.tell(person, w.SHARE, k=k)


def _ask_boxes(story: Story, person: Person) -> None:
    n = story.divisor(person.has, 12)
    story.work(person.has, "/", n)
    story.tell(person, w.PACK, n=n)


def _ask_coins(story: Story, person: Person) -> None:
    n = story.number(min(9, story.largest // person.has))
    story.work(person.has, "*", n)
    story.tell(person, w.SELL, n=n)


def _ask_coins_left(story: Story, person: Person) -> None:
    n = story.number(min(9, story.largest // person.has))
    coins = story.work(person.has, "*", n)
    m = story.number(min(coins - 1, 30), 3)
    story.work(coins, "-", m)
    story.tell(person, w.SPEND, n=n, m=m, buy=pick(story.rng, w.BUYS))


def _ask_missing(story: Story, person: Person) -> None:
    n = story.number(min(story.largest, person.has + story.largest // 3), person.has + 2)
    story.work(n, "-", person.has)
    story.tell(person, w.WANT, n=n)


def _ask_more(story: Story, person: Person) -> None:
    other = pick(story.rng, story.others)
    n = story.number(min(story.largest, person.has * 2), 3)
    if n < person.has:
        story.work(person.has, "-", n)
        story.tell(person, w.THAN_MORE, O=other, n=n)
    else:
        story.work(n, "-", person.has)
        story.tell(person, w.THAN_FEWER, O=other, n=n)


def _total(story: Story) -> int:
    first, *others = story.people
    total = first.has
    for person in others:
        total = story.work(total, "+", person.has)
    return total


def _all(story: Story) -> str:
    *some, last = [someone.name for someone in story.people]
    return f"{', '.join(some)} and {last}"


def _ask_together(story: Story, person: Person) -> None:
    _total(story)
    story.tell(person, w.TOGETHER, all=_all(story))


def _ask_share_together(story: Story, person: Person) -> None:
    total = _total(story)
    k = story.divisor(total)
    story.work(total, "/", k)
    story.tell(person, w.SHARE_ALL, k=k, all=_all(story))


def _ask_boxes_together(story: Story, person: Person) -> None:
    total = _total(story)
    n = story.divisor(total, 12)
    story.work(total, "/", n)
    story.tell(person, w.PACK_ALL, n=n, all=_all(story))


def _ask_difference(story: Story, person: Person) -> None:
    less, more = sorted(story.people, key=lambda someone: someone.has)
    story.work(more.has, "-", less.has)
    story.tell(more, w.DIFFERENCE, O=less.name)


BEGINNINGS: dict[int, tuple[Event, ...]] = {0: (_have,), 1: (_have_boxes, _have_two)}
"""By the number of lines that they call for."""
EVENTS: dict[int, tuple[Event, ...]] = {
    1: (_gain, _lose, _multiply, _halve, _keep_one),
    2: (_gain_many, _lose_many),
}
"""What happens to one person, by the number of lines that it calls for."""
_OFTEN: dict[Event, int] = {_gain: 2, _lose: 2, _multiply: 1, _halve: 1, _keep_one: 1}
"""How often a story may tell what; a story in which all is halved again and again is dull."""
_ALONE: dict[int, tuple[Event, ...]] = {
    0: (_ask_now,),
    1: (_ask_share, _ask_boxes, _ask_coins, _ask_missing, _ask_more),
    2: (_ask_coins_left,),
}
_TWO: dict[int, tuple[Event, ...]] = {
    1: (_ask_together, _ask_difference),
    2: (_ask_share_together, _ask_boxes_together),
}
_THREE: dict[int, tuple[Event, ...]] = {
    2: (_ask_together,),
    3: (_ask_share_together, _ask_boxes_together),
}
ENDINGS = {1: _ALONE, 2: _TWO, 3: _THREE}
"""Questions by the number of people that count and the number of lines that they call for."""
