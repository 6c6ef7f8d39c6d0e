"""Prompts as words, words as tokens, and how two prompts correspond (no torch here)."""
