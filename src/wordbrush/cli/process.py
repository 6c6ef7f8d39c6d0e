"""The process around a command: output that cannot be written loses no work, an interruption is quiet."""

import errno
import os
import signal
import sys
import warnings
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

from wordbrush.errors import WordbrushError, WordbrushWarning, escaped

INTERRUPTED = 130
"""The exit code after an interruption, as shells have it."""


class Output:
    """A stream whose failure stops nothing: `problem` is the first error, and what follows it is dropped.

    What the stream's encoding has not is escaped.
    """

    def __init__(self, stream: Any) -> None:
        """Stand before a stream; None is one that was closed before the start."""
        self._stream = stream
        self.problem: OSError | None = None if stream is not None else OSError(errno.EPIPE, "closed")
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")

    def write(self, text: str) -> int:
        """Write, unless it failed before."""
        self._try(lambda: self._stream.write(text))
        return len(text)

    def flush(self) -> None:
        """Flush, unless it failed before."""
        self._try(lambda: self._stream.flush())

    def __getattr__(self, name: str) -> Any:
        """Whatever else the stream has."""
        return getattr(self._stream, name)

    def _try(self, action: Callable[[], object]) -> None:
        if self.problem is not None:
            return
        try:
            action()
        except OSError as error:
            self.problem = error
            # Python flushes once more when it ends: what is left in the stream goes nowhere then.
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())


class Interruptions:
    """Ctrl-C as usual, remembered: a library that is being imported may turn it into another error, or drop it."""

    def __init__(self) -> None:
        """Have seen none."""
        self.seen = False

    def listen(self) -> None:
        """Listen from now on, unless somebody else does."""
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            with suppress(ValueError):  # only the main thread may
                signal.signal(signal.SIGINT, self._interrupt)

    def check(self) -> None:
        """Raise `KeyboardInterrupt` if there was one: a long command asks between its steps."""
        if self.seen:
            raise KeyboardInterrupt

    def stop(self) -> None:
        """Listen no more, and forget."""
        self.seen = False
        if signal.getsignal(signal.SIGINT) == self._interrupt:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        self.seen = True
        raise KeyboardInterrupt


interruptions = Interruptions()
"""Those of this process; it listens while a command runs."""


def run(command: Callable[[], object]) -> int:
    """Run a command line, and return its exit code: 2 after one line that names the bad input and its remedy."""
    before = sys.stdout, sys.stderr
    out, err = Output(sys.stdout), Output(sys.stderr)
    sys.stdout, sys.stderr = out, err
    interruptions.listen()
    try:
        code = _code(command)
        out.flush()
        if out.problem is not None and out.problem.errno not in (errno.EPIPE, errno.EINVAL):
            print(
                f"error: the output cannot be written ({out.problem.strerror}); the files that were made are kept",
                file=err,
            )
            code = code or 2
        err.flush()
        return code
    finally:
        interruptions.stop()
        sys.stdout, sys.stderr = before


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    print(f"warning: {escaped(str(message))}", file=sys.stderr)


def _code(command: Callable[[], object]) -> int:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", WordbrushWarning)
            warnings.showwarning = _show_warning
            command()
    except WordbrushError as error:
        if interruptions.seen:
            return INTERRUPTED
        print(f"error: {error}", file=sys.stderr)
        return 2
    except SystemExit as end:
        return INTERRUPTED if interruptions.seen else end.code if isinstance(end.code, int) else int(bool(end.code))
    except BaseException:
        if interruptions.seen:
            return INTERRUPTED
        raise
    return 0
