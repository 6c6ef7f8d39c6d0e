"""Editing inside of a notebook: a panel of words, weights and windows.

`EditPanel` needs ipywidgets, the extra `notebook`; nothing else of wordbrush does.
"""

from typing import TYPE_CHECKING

from wordbrush.errors import MissingPackageError

if TYPE_CHECKING:
    from wordbrush.notebook.panel import EditPanel

__all__ = ["EditPanel"]


def __getattr__(name: str) -> object:
    """Import the widgets on first use."""
    if name != "EditPanel":
        raise AttributeError(f"module 'wordbrush.notebook' has no attribute '{name}'")
    try:
        import ipywidgets  # noqa: F401
    except ImportError:
        raise MissingPackageError(
            "the notebook panel needs ipywidgets, which is not installed; pip install 'wordbrush[notebook]', "
            "then restart the notebook's kernel"
        ) from None
    from wordbrush.notebook.panel import EditPanel

    return EditPanel
