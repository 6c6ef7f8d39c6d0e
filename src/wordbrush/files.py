"""Reading regular files only, and writing files so that nothing is ever half written."""

import errno
import os
import secrets
import stat
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from wordbrush.errors import OutputError


def expanded(path: str | Path) -> Path:
    """A path with a leading `~` or `~user` replaced by that home folder; unchanged where there is none."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def home() -> Path:
    """The user's home folder; one for temporary files where the system knows of none."""
    try:
        return Path.home()
    except RuntimeError:  # no HOME, and a user without an entry: a container's
        return Path(tempfile.gettempdir())


def is_there(path: Path) -> bool:
    """Whether there is anything of this name; no name is too long or too odd to be asked for."""
    return _yes(path.exists)


def is_file(path: Path) -> bool:
    """Whether there is such a regular file; no name is too long or too odd to be asked for."""
    return _yes(path.is_file)


def is_folder(path: Path) -> bool:
    """Whether there is such a folder; no name is too long or too odd to be asked for."""
    return _yes(path.is_dir)


def _yes(question: Callable[[], bool]) -> bool:
    try:
        return question()
    except (OSError, ValueError):
        return False


def open_regular(path: str | Path) -> BinaryIO:
    """Open a regular file to read its bytes; `~` is expanded. A pipe or device is refused without waiting for it.

    Raises `OSError`, with the reason as its `strerror`.
    """
    try:
        descriptor = os.open(expanded(path), os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0))
    except ValueError as error:  # a zero byte in the name
        raise OSError(errno.EINVAL, str(error)) from None
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "a folder" if stat.S_ISDIR(mode) else "not a regular file")
    return os.fdopen(descriptor, "rb")


def write_atomically(path: Path, content: bytes) -> None:
    """Write next to the destination, then move it there; the folder is made, `~` expanded. Raises `OutputError`."""
    partial = None
    path = expanded(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.parent / f".{path.name}.{secrets.token_hex(4)}"
        with partial.open("xb") as file:  # with the permissions that the user's umask leaves
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError as error:
        raise OutputError(f"'{path}' cannot be written ({error.strerror}); choose another folder") from None
    finally:
        if partial is not None:
            with suppress(OSError):
                partial.unlink(missing_ok=True)


def check_writable(folder: Path) -> None:
    """Make a folder (`~` is expanded) and test it, before any work is done for it. Raises `OutputError`."""
    folder = expanded(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OutputError(
            f"the folder '{folder}' cannot be written to ({error.strerror}); choose another folder"
        ) from None
