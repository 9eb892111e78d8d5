"""Questions as worlds: an action is the next step of a solution."""
