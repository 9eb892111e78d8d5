"""Foreign formats: a row of somebody else's file to a conversation, and back; no tokens here.

To add one, write a file beside this one, then add it to `FORMATS`.
"""

from collections.abc import Iterator
from typing import Any, Protocol

from oreo_agent.records.formats.conversation import Conversation
from oreo_agent.registry import Registry


class Format(Protocol):
    """How one family of files tells episodes."""

    def read(self, row: Any, unsaid: float | None = None) -> list[Conversation]:
        """The conversations of a row; none if a later row holds all that it says.

        Args:
            row: as it stands in the file.
            unsaid: the reward, in [0, 1], of an episode that does not say how it ended.

        Raises:
            Unreadable: it is no episode, or has no outcome and ``unsaid`` is None; the message is
                the reason.
        """
        ...

    def write(self, conversation: Conversation) -> Iterator[dict[str, Any]]:
        """The rows of a conversation; `read` gives back what they hold of it."""
        ...


FORMATS: Registry[type[Format]] = Registry(
    "format of logs",
    {
        "atif": "oreo_agent.records.formats.atif:Atif",
        "minari": "oreo_agent.records.formats.minari:Minari",
        "oreo": "oreo_agent.records.formats.oreo:Oreo",
        "react": "oreo_agent.records.formats.react:React",
        "sharegpt": "oreo_agent.records.formats.sharegpt:ShareGPT",
        "trl": "oreo_agent.records.formats.trl:Trl",
        "verifiers": "oreo_agent.records.formats.verifiers:Verifiers",
    },
)
RECORDS = "records"
"""Our own rows, which lose nothing; no conversation format, see `record_rows`."""
