"""What a server does not do, however it is asked: every bound in one place."""

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds on what clients may send and on what waits; 1 or more each, or a part of a second."""

    body: int = 1 << 20
    """Bytes of a request's body."""
    turns: int = 1_000
    """Observations and replies of a history, together."""
    text: int = 16_384
    """Characters of one of them."""
    ids: int = 16_384
    """Tokens of a reply that is sent as ids."""
    commands: int = 64
    """Commands that are judged at a time."""
    admissible: int = 1_000
    """Admissible commands of a state."""
    command: int = 512
    """Characters of a command."""
    k: int = 32
    """Candidates of a decision."""
    waiting: int = 1_024
    """Requests that wait; the next one is answered 503."""
    together: int = 16
    """Requests that are decided in one call of the engine."""
    sessions: int = 64
    """Histories of which the engine keeps what it has read."""
    seconds: float = 60.0
    """From a request's first byte to its answer; then 504."""

    def __post_init__(self) -> None:
        for field in fields(self):
            given = getattr(self, field.name)
            if given < 1 and not (field.name == "seconds" and given > 0):
                raise ValueError(f"{field.name} must be at least 1, got {given}")
