"""Silence for what diffusers and transformers print while they load."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quietly() -> Iterator[None]:
    """Show no bars and only errors while a model is loaded or imported, for a command line of few lines."""
    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging as transformers_logging

    bars = (diffusers_logging, transformers_logging)
    shown, verbosity = transformers_logging.is_progress_bar_enabled(), transformers_logging.get_verbosity()
    for bar in bars:
        bar.disable_progress_bar()
    transformers_logging.set_verbosity_error()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(verbosity)
        if shown:
            for bar in bars:
                bar.enable_progress_bar()


@contextmanager
def unlogged() -> Iterator[None]:
    """Without diffusers' log, for a loader of which what it says there is checked and raised by its caller."""
    from diffusers.utils import logging

    shown = logging.get_verbosity()
    logging.set_verbosity(logging.CRITICAL)
    try:
        yield
    finally:
        logging.set_verbosity(shown)
