"""The names of what fills in an edit's options, apart from the recipes: the command line's help reads it."""

from typing import Literal

RecipeName = Literal["auto", "published"]
"""A recipe for the kind of change, or what is published."""
