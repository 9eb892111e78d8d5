"""Made-up episodes to measure on."""

from random import Random

from oreo_agent.learn.batch import Tokens


def made_up(
    number: int,
    rng: Random,
    *,
    vocabulary: int,
    opening: tuple[int, int],
    turns: tuple[int, int],
    world: tuple[int, int],
    reply: tuple[int, int],
) -> Tokens:
    """An episode in the shape of a household game; of two with the same instance one is won.

    Args:
        number: which one it is.
        rng: draws all of it.
        vocabulary: ids are below it.
        opening: least and most tokens of the first text.
        turns: least and most replies.
        world: least and most tokens of what the world says between them.
        reply: least and most tokens of a reply.
    """

    def drawn(span: tuple[int, int]) -> list[int]:
        return [rng.randrange(5, vocabulary) for _ in range(rng.randint(*span))]

    ids = drawn(opening)
    actions: list[int] = []
    ends: list[int] = []
    for turn in range(rng.randint(*turns)):
        if turn:
            ids += drawn(world)
        said = drawn(reply)
        actions += range(len(ids), len(ids) + len(said))
        ids += said
        ends.append(len(ids) - 1)
    return Tokens(
        id=f"e{number:03}",
        instance=f"i{number // 2:03}",
        ids=tuple(ids),
        actions=tuple(actions),
        ends=tuple(ends),
        reward=float(number % 2),
    )
