"""Episodes and where they are kept: read and written without torch."""
