"""Histories as tokens, networks, and trained agents on disk."""
