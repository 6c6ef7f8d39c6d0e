"""Metrics that need a trained network, whose weights are read from a folder of the user's."""
