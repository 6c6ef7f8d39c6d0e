"""Writing files so that nothing is ever half written."""

import os
import tempfile
from pathlib import Path

from wordbrush.errors import OutputError


def write_atomically(path: Path, content: bytes) -> None:
    """Write beside the place, then put it there; the folder is made. Raises `OutputError`."""
    partial = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(partial).chmod(0o644)
        os.replace(partial, path)
    except OSError as error:
        raise OutputError(f"'{path}' cannot be written ({error.strerror}); choose another folder") from None
    finally:
        if partial is not None:
            Path(partial).unlink(missing_ok=True)


def check_writable(folder: Path) -> None:
    """Make a folder and try it, before any work is done for it. Raises `OutputError`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OutputError(
            f"the folder '{folder}' cannot be written to ({error.strerror}); choose another folder"
        ) from None
