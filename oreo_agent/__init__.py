"""Offline reasoning optimisation for language-model agents: collect, learn, act with the value."""

__version__ = "0.1.0"
