"""The names of what fills in an edit's options, in a light module of their own for the command line's help."""

from typing import Literal

RecipeName = Literal["auto", "published"]
"""A recipe for the kind of change, or the published values."""
