"""Household games of ALFWorld: compiled, interpreted and presented through Gymnasium."""
