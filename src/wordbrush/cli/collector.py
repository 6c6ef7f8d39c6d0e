"""Python's garbage collector while a command starts: it waits until the model is loaded.

Imports make hundreds of thousands of objects that stay. The collector looks through them again and again as they come,
finds next to nothing, and takes a good part of the time (docs/cost.md). Waiting acts on the whole process, so that a
program asks for it and a library does not.
"""

import gc

_MANY = 1_000_000
"""More objects than starting makes; what never calls `resume_collecting` still collects."""
_USUAL = gc.get_threshold()


def postpone_collecting() -> None:
    """Collect nothing while a command starts."""
    gc.set_threshold(_MANY)


def resume_collecting() -> None:
    """Collect as usual from now on, but leave out what is there already; nothing, if it was not postponed."""
    if gc.get_threshold()[0] == _MANY:
        gc.freeze()
        gc.set_threshold(*_USUAL)
