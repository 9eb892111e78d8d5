"""A row of games, one of them being played; no screen."""

from collections.abc import Callable, Iterator, Sequence
from threading import Event

from oreo_agent.errors import SettingError
from oreo_agent.player.game import Game
from oreo_agent.player.snapshot import Option, Snapshot
from oreo_agent.player.what_if import Tried, what_if
from oreo_agent.records.episode import Episode
from oreo_agent.rollouts.live import Terms
from oreo_agent.rollouts.plan import Work
from oreo_agent.rollouts.players import Player
from oreo_agent.rollouts.worlds import World
from oreo_tasks.task import Instance


class Session:
    """The verbs that a screen's keys stand for; not for use by two threads at a time."""

    def __init__(
        self,
        *,
        player: Player,
        world: World,
        works: Sequence[Work],
        environment: str,
        step_limit: int,
        agent: str,
        first: int = 0,
        open_world: Callable[[int], World] | None = None,
        keep: Callable[[Episode], None] | None = None,
    ) -> None:
        """Begin a game.

        Args:
            player: the agent that decides.
            world: its slot 0 is played in; `close` closes it.
            works: the games that can be played, in their order.
            environment: Gymnasium id, for the record.
            step_limit: turns after which an unfinished game ends.
            agent: who plays, in words.
            first: index of the game to begin with.
            open_world: a world of so many slots, for `what_if`.
            keep: is given the record of each game that ends, or is left after its first turn.

        Raises:
            OreoError: the game cannot be played.
        """
        self._player, self._world, self._works = player, world, works
        self._terms = Terms.of(player, environment)
        self._step_limit = step_limit
        self._agent = agent
        self._at = first
        self._attempts = 0
        self._open_world, self._keep = open_world, keep
        self._kept: Game | None = None
        self.kept = 0
        """Games that were given to ``keep``."""
        self._game = self._made()
        self.restart()

    @property
    def over(self) -> bool:
        """Whether the game has ended."""
        return self._game.end is not None

    @property
    def instances(self) -> list[str]:
        """Ids of the games, in their order."""
        return [work.instance.id for work in self._works]

    def snapshot(self) -> Snapshot:
        """The game as it stands."""
        return self._game.snapshot(agent=self._agent, place=self._at + 1, games=len(self._works))

    def step(self) -> None:
        """Take the agent's choice; nothing if the game is over."""
        self._moved(self._game.step)

    def take(self, number: int) -> None:
        """Take candidate ``number``, from 1, in the agent's place.

        Raises:
            SettingError: there is no such candidate, or the game is over.
        """
        self._moved(lambda: self._game.take(number))

    def appraise(self, command: str) -> Option:
        """What a command of one's own would be worth; plays nothing.

        Raises:
            SettingError: the agent's prompt format cannot say it, or the game is over.
        """
        return self._game.appraise(command)

    def act(self, command: str) -> None:
        """Play a command of one's own.

        Raises:
            SettingError: the agent's prompt format cannot say it, or the game is over.
        """
        self._moved(lambda: self._game.act(command))

    def back(self, turn: int) -> None:
        """Stand where ``turn`` was to be played; what came from there on is forgotten.

        The moves before it are played again, as the world has no way back; what the agent knows of
        them it keeps.

        Raises:
            SettingError: there is no such turn.
            OreoError: the world does not answer as it did.
        """
        game = self._game
        if not 1 <= turn <= max(game.turns, 1):
            raise SettingError(
                f"there is no turn {turn} to go back to; {game.turns} have been played"
            )
        self._game = self._made()
        self._game.begin_as(game, turn - 1, self._named())

    def what_if(
        self, replies: int, games: int, stop: Event | None = None
    ) -> Iterator[tuple[Tried, ...]]:
        """Try several replies to the turn to come, each in several games to their ends.

        Yields what is known, at first and after each game; the game that is played stands still.

        Args:
            replies: different ones, at most.
            games: played from each.
            stop: ends everything after the turn at hand, once it is set.

        Raises:
            SettingError: the game is over, a number is below 1, or there is no world to try in.
            OreoError: the agent refuses, or the world does not answer as it did.
        """
        if self._open_world is None:
            raise SettingError("there is no second world here in which replies could be tried")
        return what_if(
            self._game.question(replies, games),
            player=self._player,
            open_world=self._open_world,
            environment=self._terms.environment,
            step_limit=self._step_limit,
            stop=stop,
        )

    def restart(self) -> None:
        """Begin the same game anew.

        Raises:
            OreoError: the game cannot be played.
        """
        self._leave()
        self._game = self._made()
        self._attempts += 1
        self._game.begin(self._named())

    def next_game(self) -> None:
        """Begin the next game; the first follows the last.

        Raises:
            OreoError: the game cannot be played.
        """
        self._at = (self._at + 1) % len(self._works)
        self.restart()

    def pick(self, wanted: str) -> None:
        """Begin the game of that id, or the next one of that task type.

        Raises:
            SettingError: there is no such game and no such type.
            OreoError: the game cannot be played.
        """
        self._at = find_game([work.instance for work in self._works], wanted, self._at)
        self.restart()

    @property
    def types(self) -> list[str]:
        """Task types of the games, sorted."""
        found = {work.instance.task_type for work in self._works}
        return sorted(kind for kind in found if kind)

    def episode(self) -> Episode:
        """The record of the game; one that a person had a hand in is the person's.

        A game that still goes on is recorded as one that was left, a fault that nobody learns from.

        Raises:
            SettingError: nothing has been played.
        """
        return self._game.episode()

    def close(self) -> None:
        """Let go of the world and of the agent's caches; a game that goes on is kept as left."""
        try:
            self._leave()
        finally:
            self._world.close()

    def _named(self) -> str:
        """The engine's name for the attempt."""
        return f"{self._game.work.id}/{self._attempts}"

    def _leave(self) -> None:
        if self._game.turns and self._game.end is None:
            self._keep_it()
        self._game.close()

    def _moved(self, move: Callable[[], None]) -> None:
        """Let the game go on; one that ended by it is kept, in whatever way it ended."""
        try:
            move()
        finally:
            if self._game.turns and self._game.end is not None:
                self._keep_it()

    def _keep_it(self) -> None:
        """Give the game away to be kept, once."""
        if self._keep is not None and self._kept is not self._game:
            self._kept = self._game
            self.kept += 1
            self._keep(self._game.episode())

    def _made(self) -> Game:
        return Game(
            self._works[self._at],
            player=self._player,
            world=self._world,
            terms=self._terms,
            step_limit=self._step_limit,
        )


def find_game(games: Sequence[Instance], wanted: str, after: int = -1) -> int:
    """Index of the game whose id is ``wanted``, or whose id alone contains it.

    Of a task type it is the next game of that type.

    Args:
        games: to choose from, at least one.
        wanted: an id, a part of one, or a task type.
        after: index of the game after which a type's next one is looked for; the first follows
            the last.

    Raises:
        SettingError: there is none, or there are several.
    """
    ids, sought = [game.id for game in games], wanted.strip().lower()
    if wanted in ids:
        return ids.index(wanted)
    order = [(after + n) % len(games) for n in range(1, len(games) + 1)]
    same = [at for at in order if sought and games[at].task_type.lower() == sought]
    near = [i for i, name in enumerate(ids) if sought in name.lower()]
    if same or len(near) == 1:
        return (same or near)[0]
    if near:
        raise SettingError(
            f"instance {wanted!r} could be {len(near)} games, the first two "
            f"{ids[near[0]]!r} and {ids[near[1]]!r}; write more of the id"
        )
    kind = games[0].task_type
    raise SettingError(
        f"there is no instance {wanted!r} among the {len(ids)} games of the split; "
        f"an id looks like {ids[0]!r}{f', a type like {kind!r}' if kind else ''}"
    )
