"""An engine whose thoughts are known: replies follow from history and seed, V counts deeds done."""

from collections.abc import Sequence
from random import Random

from oreo_agent.agent.engines import Reply, Request
from oreo_agent.model.compact import END
from oreo_agent.model.prompt import PromptFormat

ERRAND = ("go to desk 1", "take cup 1 from desk 1", "go to box 1", "move cup 1 to box 1")
OTHERS = ("go to shelf 1", "open box 1", "take cup 2 from desk 1")


class ScriptedEngine:
    """Draws from the errand and from nonsense; counts the tokens that are new to a session."""

    max_context = 400

    def __init__(self, prompt: PromptFormat) -> None:
        self._replies = [*map(prompt.reply, (*ERRAND, *OTHERS)), (END,)]
        self._errand = [prompt.reply(command) for command in ERRAND]
        self.encoded = 0
        self.read: dict[str, tuple[int, ...]] = {}
        self.asked: list[list[Request]] = []
        self.closed: list[str] = []

    def generate(
        self,
        requests: Sequence[Request],
        *,
        samples: int,
        temperature: float,
        max_tokens: int,
        whole: bool = False,
    ) -> list[list[Reply]]:
        self.asked.append(list(requests))
        self._encode(requests)
        return [
            [self._reply(Random(f"{r.seed} {r.ids} {n}"), n, max_tokens) for n in range(samples)]
            for r in requests
        ]

    def _reply(self, rng: Random, n: int, most: int) -> Reply:
        ids = rng.choice(self._replies)[:most]
        return Reply(ids=ids, logps=tuple(-(1 + n) / 4 for _ in ids), ended=ids[-1] == END)

    def values(
        self, requests: Sequence[Request], replies: Sequence[Sequence[tuple[int, ...]]]
    ) -> list[list[float]]:
        return [
            [self._worth((*request.ids, *reply)) for reply in line]
            for request, line in zip(requests, replies, strict=True)
        ]

    def logps(
        self,
        requests: Sequence[Request],
        replies: Sequence[Sequence[tuple[int, ...]]],
        *,
        reference: bool = False,
    ) -> list[list[tuple[float, ...]]]:
        return [[(-2.0,) * len(reply) for reply in line] for line in replies]

    def _worth(self, ids: tuple[int, ...]) -> float:
        """A fifth for each deed of the errand, less a hundredth for each token."""
        text = ",".join(map(str, ids))
        done = sum(",".join(map(str, deed)) in text for deed in self._errand)
        return 0.2 + done / 5 - len(ids) / 100

    def _encode(self, requests: Sequence[Request]) -> None:
        for request in requests:
            known = self.read.get(request.session, ())
            same = (a == b for a, b in zip(known, request.ids, strict=False))
            shared = next((i for i, equal in enumerate(same) if not equal), len(known))
            self.encoded += len(request.ids) - min(shared, len(request.ids))
            self.read[request.session] = request.ids

    def fork(self, session: str, other: str) -> None:
        if session in self.read:
            self.read[other] = self.read[session]

    def close(self, session: str) -> None:
        self.closed.append(session)
        self.read.pop(session, None)
