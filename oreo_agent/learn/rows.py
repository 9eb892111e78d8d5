"""Rows of a data set, as TRL has them, into episodes: what was given, what the policy said.

A row is one of

    {"prompt": text, "completion": text, "label": bool}           TRL's unpaired preference type
    {"prompt": messages, "completion": messages, "label": bool}   the same, conversational
    {"messages": messages, "reward": number}                      several turns: every reply counts
    {"prompt_ids": ids, "completion_ids": ids, "reward": number}  tokens as they were sampled

Texts become the ids that TRL's KTO trainer makes of them: prompt and completion are tokenised
together, the completion begins where that departs from the prompt alone, and a completion of plain
text is closed with the end token. Only what the template writes behind a reply's end token (a line
break, mostly) is no action here: the policy stops before it.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from oreo_agent.errors import DataError, SettingError, reasons
from oreo_agent.learn.batch import Tokens

Row = Mapping[str, Any]
Messages = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What became of a data set."""

    episodes: list[Tokens]
    left_out: Counter[str]
    """Rows that cannot be learned from, by reason."""
    shifted: int
    """Rows whose prompt has other ids alone than before its completion: where tokens grow together,
    or where the template writes an unanswered prompt otherwise. TRL warns of them."""


def read_rows(
    rows: Iterable[Row], tokenizer: Any, *, name: str, reward_column: str, longest: int
) -> Read:
    """The episodes in ``rows``; a prompt is their instance.

    Args:
        rows: a list, a `datasets.Dataset` or anything else that gives mappings.
        tokenizer: of the policy, in Hugging Face's form.
        name: of the data, for messages and ids.
        reward_column: holds true or false, or a number in [0, 1]; in rows without it ``reward`` is
            read.
        longest: rows of more tokens are left out and counted, never cut.

    Raises:
        DataError: a row cannot be read, its outcome is none, or all rows were left out.
        SettingError: messages have to be rendered and the tokenizer has no chat template.
    """
    episodes: list[Tokens] = []
    left_out: Counter[str] = Counter()
    shifted = 0
    for number, row in enumerate(rows):
        at = f"{name}[{number}]"
        reward = _reward(row, reward_column, at)
        said = _said(row, tokenizer, at)
        actions = [place for begin, end in said.replies for place in range(begin, end)]
        if not actions:
            left_out["no actions"] += 1
        elif actions[0] == 0:
            left_out["no state before the first action"] += 1
        elif len(said.ids) > longest:
            left_out["too long"] += 1
        else:
            shifted += said.shifted
            opening = said.ids[: actions[0]]
            episodes.append(
                Tokens(
                    id=at,
                    instance=hashlib.sha256(repr(opening).encode()).hexdigest()[:16],
                    ids=said.ids,
                    actions=tuple(actions),
                    ends=tuple(end - 1 for begin, end in said.replies if end > begin),
                    reward=reward,
                )
            )
    if not episodes:
        told = reasons(left_out) or "there are no rows"
        raise DataError(
            f"{name}: nothing to learn from ({told}); rows may have up to {longest} tokens, "
            "which max_length and the model's context decide"
        )
    return Read(episodes=episodes, left_out=left_out, shifted=shifted)


@dataclass(frozen=True, slots=True)
class _Said:
    """A row's ids, and from where up to where the policy's replies go."""

    ids: tuple[int, ...]
    replies: list[tuple[int, int]]
    shifted: bool = False


def _reward(row: Row, column: str, at: str) -> float:
    name = column if column in row else "reward"
    if name not in row:
        raise DataError(
            f"{at} has neither {column!r} nor 'reward'; name the column of its outcome with "
            "reward_column"
        )
    told = row[name]
    try:
        reward = float(told) if not isinstance(told, str) else None
    except (TypeError, ValueError):
        reward = None
    if reward is None or not 0 <= reward <= 1:
        raise DataError(
            f"{at}: {name} is {told!r}, and an outcome is true, false, or a number between 0 and "
            "1; scale rewards to that range"
        )
    return reward


def _said(row: Row, tokenizer: Any, at: str) -> _Said:
    if "prompt_ids" in row and "completion_ids" in row:
        ids = tuple(map(int, [*row["prompt_ids"], *row["completion_ids"]]))
        return _Said(ids, [(len(row["prompt_ids"]), len(ids))])
    if row.get("messages") is not None:
        return _dialogue(row, [], row["messages"], tokenizer, at)
    prompt, completion = row.get("prompt"), row.get("completion")
    if isinstance(prompt, str) and isinstance(completion, str):
        return _plain(prompt, completion, tokenizer)
    if isinstance(prompt, list) and isinstance(completion, list):
        given, reply = cast(Messages, prompt), cast(Messages, completion)
        if any(message.get("role") != "assistant" for message in reply):
            raise DataError(
                f"{at}: its completion holds messages that are not the assistant's; give rows of "
                "several turns as 'messages' and 'reward'"
            )
        return _dialogue(row, given, reply, tokenizer, at)
    raise DataError(
        f"{at} has the columns {sorted(row)}; wanted are prompt and completion (both text, or both "
        "lists of messages), messages, or prompt_ids and completion_ids; pairs become such rows "
        "with trl.data_utils.unpair_preference_dataset"
    )


def _plain(prompt: str, completion: str, tokenizer: Any) -> _Said:
    if tokenizer.eos_token and not completion.endswith(tokenizer.eos_token):
        completion += tokenizer.eos_token
    alone: list[int] = tokenizer(prompt)["input_ids"]
    ids: list[int] = tokenizer(prompt + completion)["input_ids"]
    begin = _shared(alone, ids)
    return _Said(tuple(ids), [(begin, len(ids))], shifted=begin < len(alone))


def _dialogue(row: Row, given: Messages, after: Messages, tokenizer: Any, at: str) -> _Said:
    """Replies are the assistant's messages in ``after``, each up to its end token."""
    if not getattr(tokenizer, "chat_template", None):
        raise SettingError(
            f"{at} holds messages and the tokenizer has no chat template to write them with; take "
            "that of an instruction-tuned model, set its chat_template, or give rows of text"
        )
    told = {"tools": row.get("tools"), **(row.get("chat_template_kwargs") or {})}
    messages = [*given, *after]

    def render(count: int, **more: Any) -> list[int]:
        found = tokenizer.apply_chat_template(
            messages[:count], tokenize=True, return_dict=True, **told, **more
        )
        return found["input_ids"]

    places = [i for i, message in enumerate(messages) if message.get("role") == "assistant"]
    places = [i for i in places if i >= len(given)]
    if not places or places[0] == 0:
        raise DataError(f"{at}: messages have to begin with a prompt and hold an assistant's reply")
    whole = render(places[-1] + 1)
    replies: list[tuple[int, int]] = []
    shifted = False
    for i in places:
        before, upto = render(i, add_generation_prompt=True), render(i + 1)
        begin = _shared(before, whole)
        end = _closed(upto, begin, tokenizer.eos_token_id)
        if upto[:end] != whole[:end] or (replies and begin < replies[-1][1]):
            raise DataError(
                f"{at}: the chat template writes message {i} otherwise once others follow it "
                "(it may drop an earlier reply's thoughts); give each reply a row of its own"
            )
        shifted = shifted or begin < len(before)
        replies.append((begin, end))
    return _Said(tuple(whole[: replies[-1][1]]), replies, shifted=shifted)


def _closed(ids: Sequence[int], begin: int, eos: int | None) -> int:
    """Where a reply ends that begins there: behind its end token, if it has one."""
    closing = [place for place in range(begin, len(ids)) if ids[place] == eos]
    return closing[-1] + 1 if closing else len(ids)


def _shared(one: Sequence[int], other: Sequence[int]) -> int:
    """How many ids both begin with."""
    for place, (first, second) in enumerate(zip(one, other, strict=False)):
        if first != second:
            return place
    return min(len(one), len(other))
