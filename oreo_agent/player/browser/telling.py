"""An episode in words: a few lines of it at a glance, or all of it."""

from collections.abc import Iterator

from oreo_agent.player.browser.query import OUTCOMES
from oreo_agent.player.harmless import harmless, one_line
from oreo_agent.player.snapshot import told_apart
from oreo_agent.records.episode import DecisionRecord, Episode, Segment
from oreo_agent.records.reader import policy_name
from oreo_agent.records.search import Needle


def goal(episode: Episode) -> str:
    """What was to be done; the first line of what was shown where none is stated."""
    shown = next((s.text for s in episode.segments if s.kind == "observation" and s.text), "")
    stated, rest = told_apart(shown)
    return stated or one_line(rest.partition("\n")[0])


def places(episode: Episode, text: str) -> Iterator[tuple[str, str]]:
    """Lines that have a text, each with where it stands: ``turn 3``, ``answer 3``, ``shown``."""
    needle, turn = Needle(text), 0
    for segment in episode.segments:
        action = segment.kind == "action"
        turn += action
        where = f"turn {turn}" if action else f"answer {turn}" if turn else "shown"
        lines = [*segment.text.splitlines(), *([segment.command] if segment.command else [])]
        for line in lines:
            if needle.within(line.encode()):
                yield where, one_line(line)
                break
    if needle.within(episode.fault.encode()):
        yield "fault", one_line(episode.fault)


def outcome(episode: Episode) -> str:
    """How it ended, and what it took."""
    broke = f": {one_line(episode.fault)}" if episode.fault else ""
    took = f"{counted(episode.steps, 'step')} · {counted(episode.tokens, 'token')}"
    return f"{OUTCOMES[episode.end]}{broke} · reward {episode.reward:g} · {took}"


def counted(number: int, what: str) -> str:
    """``1 step``, ``2,000 steps``."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def facts(episode: Episode) -> dict[str, str]:
    """What is known beside the turns, in words."""
    branch = episode.branch
    told = {
        "task": f"{episode.task} ({episode.environment})",
        "type": episode.task_type,
        "instance": episode.instance,
        "split": episode.split,
        "policy": policy_name(episode.policy),
        "seed": f"{episode.seed}, repeat {episode.repeat}",
        "branch": f"of {branch.parent}, from turn {branch.turn + 1} on" if branch else "",
        "prompt": episode.prompt,
        "tokenizer": episode.tokenizer or "none",
        "seconds": f"{episode.seconds:.2f}",
        "versions": ", ".join(f"{name} {version}" for name, version in episode.versions.items()),
    }
    return {name: one_line(value) for name, value in told.items() if value}


def episode_lines(episode: Episode, *, tokens: bool = False) -> Iterator[str]:
    """All of an episode.

    Args:
        episode: to tell.
        tokens: whether ids and log-probabilities are told too.
    """
    yield f"{one_line(episode.id)}: {outcome(episode)}"
    for name, value in facts(episode).items():
        yield f"{name + ':':<11}{value}"
    yield f"{'goal:':<11}{goal(episode)}"
    turn = 0
    for segment in episode.segments:
        turn += segment.kind == "action"
        yield ""
        yield from _segment_lines(segment, turn, tokens=tokens)


def _segment_lines(segment: Segment, turn: int, *, tokens: bool) -> Iterator[str]:
    head = f"action {turn}" if segment.kind == "action" else segment.kind
    parts = [f"[{head}]", counted(len(segment.ids), "token")]
    if segment.command is not None:
        parts.append(f"command {segment.command!r}")
    if segment.valid is not None:
        parts.append("admissible" if segment.valid else "not admissible")
    if segment.logps:
        parts.append(f"logp {sum(segment.logps):.3f}")
    decision = segment.decision
    if decision is not None and decision.value is not None:
        parts.append(f"V before {decision.value:.3f}")
    yield "  ".join(parts)
    yield from (f"    {harmless(line)}" for line in segment.text.splitlines())
    if decision is not None:
        yield from _candidate_lines(decision)
    if tokens and segment.ids:
        yield f"    ids: {' '.join(map(str, segment.ids))}"
        if segment.logps:
            yield f"    logps: {' '.join(f'{logp:.3f}' for logp in segment.logps)}"


def _candidate_lines(decision: DecisionRecord) -> Iterator[str]:
    among = counted(len(decision.candidates), "candidate")
    yield f"    {one_line(decision.strategy)} among {among}:"
    for number, candidate in enumerate(decision.candidates):
        mark = ">" if number == decision.chosen else " "
        value = f"V {candidate.value:6.3f}" if candidate.value is not None else "V      -"
        command = one_line(candidate.command) or "(holds no command)"
        yield f"    {mark} {number + 1}  {value}  logp {candidate.logp:8.3f}  {command}"
