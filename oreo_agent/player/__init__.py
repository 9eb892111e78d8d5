"""The terminal where a person sees what the value thinks: a session without a screen, two faces."""
