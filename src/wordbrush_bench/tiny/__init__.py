"""Real pipelines of every family with random weights, seeded, tiny unless told otherwise, built offline."""
