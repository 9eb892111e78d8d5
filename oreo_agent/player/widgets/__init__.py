"""Parts of the screen; each draws what a snapshot says and decides nothing."""
