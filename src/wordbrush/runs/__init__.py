"""Runs packed with their records: what is made, kept and written."""
