"""Where agents meet worlds: play, collect, evaluate, compare. The only door to the worlds."""
