"""Games of TextArena (github.com/LeonGuertler/TextArena).

One player is ours, and an opponent plays all others. TextArena pays 1 for a game that is won
outright, less for half the way, 0 for a draw and -1 for a loss.
"""

import difflib
import pkgutil
import random
import re
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from typing import Any

import gymnasium

from oreo_envs.adapters import Settings, library, refuse_unknown, whole_reply
from oreo_envs.adapters.chance import OwnChance
from oreo_envs.faults import BREAKS, in_one_line
from oreo_envs.prose import Prose
from oreo_envs.registration import STEP_LIMIT

PLAYERS = range(2, 16)
"""Numbers of players that are tried until a game takes one."""
PATIENCE = 1000
"""Turns of the opponents after which it must be our turn again."""
INSTRUCTIONS = (
    "You play a text game. Its first message tells the rules. Reply with one move, in the form "
    "that the rules ask for."
)
_LISTED = re.compile(r"(?i)\b(?:available|valid|legal|possible) (?:moves|actions)(?: are)?:(.*)")
_MOVE = re.compile(r"\[[^\[\]\n]+\]")
Opponent = Callable[[str], str]
"""From what a player is told to its move."""
_Stepped = tuple[str, float, bool, bool, dict[str, Any]]


def described(source: str, settings: Settings) -> dict[str, Any]:
    """What is registered of the game ``source``.

    Raises:
        LookupError: TextArena is not installed, has no such game or cannot begin it, or a setting
            is missing or wrong.
    """
    refuse_unknown(f"textarena:{source}", settings, ("opponent", "seat", "success"))
    game = TextArena(source, **settings)
    return {
        "entry_point": TextArena,
        "kwargs": {"game": source, **settings},
        "step_limit": game.step_limit,
        "prompt": whole_reply(INSTRUCTIONS, max_reply_tokens=512),
    }


class TextArena(gymnasium.Env[str, str]):
    """One game; the seed decides it, and it is what TextArena makes of that seed.

    Each observation is what is new since our last turn, so the wrappers of TextArena that tell the
    whole game again are left out; those that mend the form of a move are kept. A move that breaks
    the rules is not ``valid``; TextArena forgives one at a time, and the next one loses the game.
    """

    def __init__(
        self,
        game: str,
        opponent: str | Opponent | None = None,
        seat: int = 0,
        success: float = 1.0,
    ) -> None:
        """Make the game and begin it once, to see that it can be played.

        Args:
            game: its id in TextArena.
            opponent: who plays the other players: ``random`` takes one of the moves that the game
                lists, ``module:function`` or a function is told what the player sees.
            seat: our player's number.
            success: the pay from which a game is won.

        Raises:
            LookupError: see `described`.
        """
        self.observation_space = self.action_space = Prose()
        self._name = game
        self._success = success
        self._chance = OwnChance()
        self._arena: Any = library("textarena", "textarena")
        self._game: Any = self._made()
        self._base: Any = self._game
        while isinstance(self._base, self._arena.Wrapper):
            self._base = self._base.env
        self._players = self._count()
        self._seat = seat
        self._opponent = self._other(opponent)
        self._rng = random.Random(0)
        self._moves: tuple[str, ...] = ()
        turns: int | None = getattr(self._base, "max_turns", None)
        self.step_limit = 2 * turns if turns else STEP_LIMIT
        """Turns that suffice: each may be preceded by one that TextArena forgives."""

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[str, dict[str, Any]]:
        """Begin the game of a seed.

        Raises:
            LookupError: ``opponent=random``, and the game lists no moves.
        """
        super().reset(seed=seed)
        if seed is None:
            seed = int(self.np_random.integers(2**31))
        self._rng = random.Random(f"{seed}/{self._name}")
        with self._chance.drawing(seed), redirect_stdout(sys.stderr):
            self._game.reset(num_players=self._players, seed=seed)
            self._others_move()
        self._moves = ()
        return self._seen(self._heard(self._seat)), self._info(valid=True)

    def step(self, action: str) -> _Stepped:
        """Make a move; the opponent answers before this returns."""
        with self._chance.drawing(), redirect_stdout(sys.stderr):
            self._game.step(action)
            valid = self._was_valid()
            own = self._arena.ObservationType.PLAYER_ACTION
            heard = [message for message in self._heard(self._seat) if message[2] is not own]
            self._others_move()
        observation = self._seen([*heard, *self._heard(self._seat)])
        over = bool(self._state.done)
        if over:
            observation = f"{observation}\n{self._reason()}".strip()
        info = self._info(valid=valid)
        return observation, float(info["won"]), over, False, info

    @property
    def _state(self) -> Any:
        return self._base.state

    def _made(self) -> Any:
        known = self._arena.envs.registration.ENV_REGISTRY
        if self._name not in known:
            near = difflib.get_close_matches(self._name, known, n=5)
            raise LookupError(
                f"TextArena has no game {self._name!r}; "
                + (f"it has {', '.join(near[:5])}" if near else "its README lists them")
            )
        with self._chance.drawing(0), redirect_stdout(sys.stderr):
            return _guarded(self._name, lambda: self._arena.make(self._name))

    def _count(self) -> int:
        """How many play it: the first number that the game takes."""
        with self._chance.drawing(0), redirect_stdout(sys.stderr):
            return _guarded(self._name, self._tried)

    def _tried(self) -> int:
        for players in (1, *PLAYERS):
            try:
                self._game.reset(num_players=players, seed=0)
            except AssertionError:
                continue
            if players == 1 and not isinstance(self._state, self._arena.SinglePlayerState):
                continue
            return int(self._state.num_players)
        raise LookupError(f"{self._name} takes no number of players up to {PLAYERS[-1]}")

    def _other(self, opponent: str | Opponent | None) -> Opponent:
        """Who plays the others."""
        if not 0 <= self._seat < self._players:
            raise LookupError(
                f"{self._name}: there is no seat {self._seat}; seats are 0 to {self._players - 1}"
            )
        if self._players == 1:
            if opponent is not None:
                raise LookupError(f"{self._name} is for one player; leave out opponent")
            return self._by_chance
        if opponent is None:
            raise LookupError(
                f"{self._name} is for {self._players} players; say who plays the others: "
                f"'textarena:{self._name}?opponent=random' draws from the moves that the game "
                "lists, opponent=module:function calls a function of what the player sees"
            )
        if callable(opponent):
            return opponent
        if opponent == "random":
            return self._by_chance
        try:
            return pkgutil.resolve_name(opponent)
        except (ValueError, ImportError, AttributeError) as error:
            raise LookupError(
                f"{self._name}: the opponent {opponent!r} cannot be imported: {error}; name it "
                "module:function"
            ) from error

    def _by_chance(self, observation: str) -> str:
        moves = listed(observation)
        if not moves:
            raise LookupError(
                f"{self._name} lists no moves, so opponent=random has nothing to draw from; give "
                "a function: opponent=module:function"
            )
        return self._rng.choice(moves)

    def _others_move(self) -> None:
        """Play on until it is our turn or the game is over."""
        for _ in range(PATIENCE):
            player = self._state.current_player_id
            if self._state.done or player == self._seat:
                return
            self._game.step(self._opponent(self._told(self._heard(player))))
        raise RuntimeError(f"{self._name}: the opponent moved {PATIENCE} times in a row")

    def _heard(self, player: int) -> list[Any]:
        """The messages to a player since the last time; they are taken away."""
        messages = self._state.observations[player]
        self._state.observations[player] = []
        return messages

    def _seen(self, messages: Sequence[Any]) -> str:
        """What our player is told, as one text; the moves that its last board lists are kept."""
        boards = [text for _, text, kind in messages if kind.name == "GAME_BOARD"]
        self._moves = listed(boards[-1]) if boards else self._moves
        return self._told(messages)

    def _told(self, messages: Sequence[Any]) -> str:
        """Messages as one text."""
        named = self._state.role_mapping
        return "\n".join(
            text if sender < 0 else f"[{named.get(sender, f'Player {sender}')}] {text}"
            for sender, text, _ in messages
        ).strip()

    def _was_valid(self) -> bool:
        state = self._state
        if state.done:
            return not state.game_info[self._seat].get("invalid_move", False)
        return not getattr(state, "error_count", 0) or state.current_player_id != self._seat

    def _reason(self) -> str:
        return str(self._state.game_info[self._seat].get("reason") or "")

    def _info(self, *, valid: bool) -> dict[str, Any]:
        state = self._state
        paid = (state.rewards or {}).get(self._seat, 0) if state.done else 0
        return {
            "admissible_commands": () if state.done else self._moves,
            "won": bool(state.done) and float(paid) >= self._success,
            "valid": valid,
        }


def listed(observation: str) -> tuple[str, ...]:
    """The moves that a board lists, each once."""
    found = _LISTED.findall(observation)
    return tuple(dict.fromkeys(_MOVE.findall(found[-1]))) if found else ()


def _guarded(name: str, make: Callable[[], Any]) -> Any:
    """What ``make`` makes; whatever it raises says why the game cannot be played."""
    try:
        return make()
    except LookupError as error:
        told = " ".join(str(error).split())
        if "nltk" in told:
            raise LookupError(
                f"{name} needs word lists of NLTK; python -m nltk.downloader words "
                "averaged_perceptron_tagger_eng"
            ) from error
        raise
    except SyntaxError as error:
        raise LookupError(
            f"{name} is written for a newer Python than {sys.version.split()[0]}: {error}"
        ) from error
    except BREAKS as error:
        raise LookupError(
            f"{name} cannot be begun: {in_one_line(error)}; see to what it asks for, or "
            "take another game"
        ) from error
