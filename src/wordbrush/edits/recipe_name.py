"""The names of what fills in an edit's options. They are apart from the recipes so that the command line's help is
fast.
"""

from typing import Literal

RecipeName = Literal["auto", "published"]
"""A recipe for the kind of change, or the published values."""
