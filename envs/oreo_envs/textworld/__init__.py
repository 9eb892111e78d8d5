"""TextWorld's games as worlds; its engine runs in a process of its own."""
