"""Death of a child at a chosen write, fsync, rename or unlink, and at a chosen moment."""

import io
import os
import signal
import threading
import traceback
from collections.abc import Callable
from typing import Any


def child_that_dies(work: Callable[[], object], at: int) -> bool:
    """Run work in a child that kills itself at its operation number `at`, counted from 1; whether it got there.

    A write is cut in its middle: half of it is on the disk.
    """
    return _in_child(lambda: (_die_at(at), work()))


def child_that_is_killed(work: Callable[[], object], after: float) -> bool:
    """Run work in a child that is killed after so many seconds; whether that was before it ended."""

    def timed() -> None:
        timer = threading.Timer(after, _die)
        timer.daemon = True
        timer.start()
        work()

    return _in_child(timed)


def _in_child(work: Callable[[], object]) -> bool:
    child = os.fork()
    if not child:
        try:
            work()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return True
    assert os.waitstatus_to_exitcode(status) == 0, "the work of a child failed: see its traceback"
    return False


def _die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _die_at(at: int) -> None:
    done = 0

    def step() -> bool:
        nonlocal done
        done += 1
        return done == at

    def dying(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            if step():
                _die()
            return real(*arguments, **named)

        return call

    class Written:
        """A file whose writes may be the last."""

        def __init__(self, file: Any) -> None:
            self._file = file

        def write(self, content: Any) -> int:
            if step():
                self._file.write(content[: len(content) // 2])
                self._file.flush()
                _die()
            return self._file.write(content)

        def __enter__(self) -> "Written":
            return self

        def __exit__(self, *_: object) -> None:
            self._file.close()

        def __getattr__(self, name: str) -> Any:
            return getattr(self._file, name)

    really_open = io.open

    def opened(file: Any, mode: str = "r", *arguments: Any, **named: Any) -> Any:
        made = really_open(file, mode, *arguments, **named)
        return Written(made) if set(mode) & set("wxa") and not str(file).endswith(".lock") else made

    io.open = opened  # what `Path.open` calls
    for name in ("fsync", "replace", "unlink"):
        setattr(os, name, dying(getattr(os, name)))
