"""The sampling loop and its guidance."""
