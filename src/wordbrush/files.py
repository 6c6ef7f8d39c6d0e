"""Reading regular files only, and writing files so that nothing is ever half written."""

import errno
import os
import secrets
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from wordbrush.errors import OutputError

_PARTIAL = ".partial"


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
    with written_atomically(path) as file:
        file.write(content)


@contextmanager
def written_atomically(path: Path) -> Iterator[BinaryIO]:
    """A file to write to that becomes `path`, whole and on the disk, when the scope ends, and nothing after an error.

    Raises `OutputError`.
    """
    partial = None
    path = expanded(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = partial_of(path)
        with partial.open("xb") as file:  # with the permissions that the user's umask leaves
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
        sync_folder(path.parent)
    except OSError as error:
        raise OutputError(f"'{path}' cannot be written ({error.strerror or error}); choose another folder") from None
    finally:
        if partial is not None:
            with suppress(OSError):
                partial.unlink(missing_ok=True)


def partial_of(path: Path) -> Path:
    """A name beside `path` that nothing has, for what is not whole yet; `is_partial` knows it again."""
    return path.parent / f".{path.name}.{secrets.token_hex(4)}{_PARTIAL}"


def is_partial(path: Path) -> bool:
    """Whether this is what a write left that was cut short.

    >>> is_partial(partial_of(Path("a.png"))), is_partial(Path("a.png"))
    (True, False)
    """
    return path.name.startswith(".") and path.name.endswith(_PARTIAL)


def sync_folder(folder: Path) -> None:
    """See to it that the names in a folder are on the disk: a file that was moved there is there after a power cut."""
    if os.name == "posix":  # elsewhere a folder cannot be opened
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


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
