"""A walk through stored episodes; no screen."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from oreo_agent.errors import SettingError
from oreo_agent.model.prompt import PromptFormat, load_prompt
from oreo_agent.player.replay.judges import Account, Judge
from oreo_agent.player.replay.scenes import scene
from oreo_agent.player.replay.turns import Turn, turns
from oreo_agent.player.review import marked
from oreo_agent.player.snapshot import Snapshot
from oreo_agent.records.episode import Episode
from oreo_agent.records.reader import StoreReader

KEPT = 16
"""Episodes whose values are remembered."""
AHEAD = 20
"""Episodes that are looked through for the next mark."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An episode with all that is said of it."""

    episode: Episode
    turns: tuple[Turn, ...]
    accounts: tuple[Account, ...]
    """One for each judge."""


class Replay:
    """The verbs that a screen's keys stand for; not for use by two threads at a time.

    A place is a number of replies that have been given: at 0 the first one is to come, and at the
    number of turns the episode is over.
    """

    def __init__(
        self, reader: StoreReader, ids: Sequence[str], judges: Sequence[Judge], first: str = ""
    ) -> None:
        """Stand at the beginning of an episode.

        Args:
            reader: of the store.
            ids: the episodes, in their order; at least one.
            judges: who says what they were worth; at least one.
            first: the id to begin with; ``""`` is the first of them.

        Raises:
            OreoError: the episode cannot be read, or a bundle does not fit it.
        """
        self._reader, self._ids, self._judges = reader, list(ids), tuple(judges)
        self._own = _own_format(reader)
        self._known: OrderedDict[str, Told] = OrderedDict()
        self._at, self._place = (self._ids.index(first) if first else 0), 0
        self.told()

    @property
    def ids(self) -> Sequence[str]:
        """Ids of the episodes, in their order."""
        return self._ids

    @property
    def episode(self) -> Episode:
        """The one that is shown."""
        return self.told().episode

    @property
    def turn(self) -> int:
        """The turn that is to be played, from 1; at the end, one more than there are."""
        return self._place + 1

    @property
    def over(self) -> bool:
        """Whether the end is shown."""
        return self._place >= len(self.told().turns)

    @property
    def troubles(self) -> tuple[str, ...]:
        """Why a judge says nothing of some turns, for those who do not."""
        return tuple(account.trouble for account in self.told().accounts if account.trouble)

    @property
    def marked(self) -> list[int]:
        """Turns of the whole episode that any judge marks."""
        found: set[int] = set()
        for whole in self.whole():
            found.update(marked(whole.moves))
        return sorted(found)

    def snapshots(self) -> tuple[Snapshot, ...]:
        """The episode where it stands, as each judge sees it."""
        return self._scenes(self._place)

    def whole(self) -> tuple[Snapshot, ...]:
        """The episode at its end, as each judge sees it."""
        return self._scenes(len(self.told().turns))

    def forward(self) -> None:
        """One reply on; nothing at the end."""
        self._place = min(self._place + 1, len(self.told().turns))

    def back(self) -> None:
        """One reply back; nothing at the beginning."""
        self._place = max(self._place - 1, 0)

    def first(self) -> None:
        """Before the first reply."""
        self._place = 0

    def last(self) -> None:
        """To the end."""
        self._place = len(self.told().turns)

    def to(self, turn: int) -> None:
        """Stand where ``turn`` was to be played.

        Raises:
            SettingError: there is no such turn.
        """
        if not 1 <= turn <= max(len(self.told().turns), 1):
            raise SettingError(f"there is no turn {turn}; there are {len(self.told().turns)}")
        self._place = turn - 1

    def next_episode(self) -> None:
        """The episode after this one; the first follows the last."""
        self._go(self._at + 1)

    def previous_episode(self) -> None:
        """The episode before this one."""
        self._go(self._at - 1)

    def pick(self, wanted: str) -> None:
        """The episode of that id, or whose id alone contains it.

        Raises:
            RecordError: there is none, or there are several.
            SettingError: it is none of those that are walked through.
        """
        name = self._reader.find(wanted)
        if name not in self._ids:
            raise SettingError(f"episode {name!r} is not among the {len(self._ids)} that are shown")
        self._go(self._ids.index(name))

    def next_marked(self) -> None:
        """Stand where the next marked move was to be played, in a later episode if need be.

        Raises:
            SettingError: there is none near; the place stays as it was.
        """
        self._seek(1)

    def previous_marked(self) -> None:
        """As `next_marked`, backwards.

        Raises:
            SettingError: there is none near; the place stays as it was.
        """
        self._seek(-1)

    def told(self) -> Told:
        """The episode that is shown, with all that is said of it; reckoned once.

        Raises:
            OreoError: it cannot be read, or a bundle does not fit it.
        """
        name = self._ids[self._at]
        if name not in self._known:
            self._known[name] = self._tell(name)
            if len(self._known) > KEPT:
                self._known.popitem(last=False)
        self._known.move_to_end(name)
        return self._known[name]

    def _tell(self, name: str) -> Told:
        episode = self._reader.get(name)
        shared = (judge.reads(episode) for judge in self._judges)
        prompt = next((each for each in shared if each is not None), self._own)
        cut = turns(episode, prompt)
        return Told(
            episode=episode,
            turns=cut,
            accounts=tuple(judge(episode, cut) for judge in self._judges),
        )

    def _scenes(self, place: int) -> tuple[Snapshot, ...]:
        told = self.told()
        return tuple(
            scene(
                told.episode,
                told.turns,
                account.opinions,
                place=place,
                judge=judge.name,
                number=self._at + 1,
                count=len(self._ids),
            )
            for judge, account in zip(self._judges, told.accounts, strict=True)
        )

    def _go(self, at: int) -> None:
        """To the beginning of an episode; one that cannot be told leaves the place as it was."""
        before = self._at, self._place
        self._at, self._place = at % len(self._ids), 0
        try:
            self.told()
        except BaseException:
            self._at, self._place = before
            raise

    def _seek(self, step: int) -> None:
        before = self._at, self._place
        here = [turn for turn in self.marked if (turn - self.turn) * step > 0]
        try:
            for _ in range(min(AHEAD, len(self._ids) - 1)):
                if here:
                    break
                self._go(self._at + step)
                here = self.marked
        except BaseException:
            self._at, self._place = before
            raise
        if not here:
            self._at, self._place = before
            where = "after" if step > 0 else "before"
            raise SettingError(f"no move is marked {where} this one, nor in the episodes near by")
        self.to(here[0] if step > 0 else here[-1])


def _own_format(reader: StoreReader) -> PromptFormat | None:
    """The format of the store's episodes, where it needs no tokenizer to be made again."""
    try:
        return load_prompt(reader.card.settings) if reader.card.settings else None
    except (SettingError, TypeError, KeyError, ValueError):
        return None
