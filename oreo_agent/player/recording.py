"""Games that a person watched or played, kept in a store like any other episode."""

from pathlib import Path

from oreo_agent.model.prompt import PromptFormat
from oreo_agent.records.episode import Episode
from oreo_agent.records.folder import Card, read_card
from oreo_agent.records.store import Store


class Recorder:
    """Adds episodes to a store; each is on disk when the call returns."""

    def __init__(self, folder: Path, prompt: PromptFormat) -> None:
        """Nothing is written before the first episode, but a store that does not fit is refused.

        Args:
            folder: of the store, which may be new.
            prompt: the player's format.

        Raises:
            RecordError: the store is of another format, or damaged.
        """
        self.folder, self._prompt = folder, prompt
        if (card := read_card(folder)) is not None:
            mine = Card(prompt=prompt.name, tokenizer=prompt.tokenizer_fingerprint)
            card.refuse_unlike(mine, f"store {folder}", "what is to be recorded")

    def __call__(self, episode: Episode) -> None:
        """Keep an episode; the same one a second time is kept once.

        Raises:
            RecordError: the disk refuses, or somebody else writes to the store.
        """
        with self._store() as store:
            if not store.holds(episode.id):
                store.append(episode)

    def _store(self) -> Store:
        return Store.create(
            self.folder,
            prompt=self._prompt.name,
            tokenizer=self._prompt.tokenizer_fingerprint,
            settings=self._prompt.settings(),
        )
