"""Learning: episodes to batches, batches to losses, losses to a bundle."""
