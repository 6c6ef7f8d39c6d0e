"""Looking for the edit that succeeds and holds: a score from what the model itself knows, and searches that use it."""
