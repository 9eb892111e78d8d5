"""``python -m oreo_agent``: the program where its script is not on the path."""

from oreo_agent.cli import main

main()
