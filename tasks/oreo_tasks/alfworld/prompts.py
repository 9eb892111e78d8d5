"""What a pretrained model is told about ALFWorld, one text for each prompt format."""

_WORLD = """\
You are in a household and have a task to do. Each turn you read what you see and give one command.
The commands are:
go to (place), open (place), close (place), take (thing) from (place), move (thing) to (place),
clean (thing) with (place), heat (thing) with (place), cool (thing) with (place),
slice (thing) with (knife), use (lamp), examine (place or held thing), inventory, look.
Name places and things with their numbers, as you see them: "take apple 2 from fridge 1".
You can hold one thing. "Nothing happens." means that the command was not possible."""

INSTRUCTIONS: dict[str, str] = {
    "react": _WORLD
    + """
Answer every turn in this form, the thought in one or two sentences:
Thought: what you conclude and want to do next
Action: one command""",
    "bare": _WORLD + "\nAnswer every turn with one command and nothing else.",
}
