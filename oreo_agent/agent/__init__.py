"""Acting: engines produce tokens and values, strategies choose, the runtime joins them."""
