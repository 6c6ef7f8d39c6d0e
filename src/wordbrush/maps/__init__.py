"""Attention maps as a product: asked for by words, seen during a run, typed, drawn and saved."""
