"""Another project's code, loaded at run time from a folder that the user names. Loading it executes it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from warnings import catch_warnings, simplefilter

from wordbrush.errors import ModelError


def load_file(checkout: Path, project: str, file: str, needs: Sequence[str]) -> ModuleType:
    """Execute one file of a checkout as a module.

    Raises `ModelError` when the folder has no such file, or it cannot be executed, or lacks one of the names `needs`.
    """
    path = _existing(checkout, project, file)
    spec = spec_from_file_location(f"wordbrush_peer_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    with _told(path, project):
        spec.loader.exec_module(module)
    return _checked(module, path, project, needs)


@contextmanager
def quiet() -> Iterator[None]:
    """Old code warns of what it uses: that is its matter, and no failure of a run."""
    with catch_warnings():
        simplefilter("ignore")
        yield


def _existing(checkout: Path, project: str, file: str) -> Path:
    path = checkout / file
    if not path.is_file():
        raise ModelError(
            f"'{checkout}' is no checkout of {project}: it has no {file}; clone {project}, give its folder"
        )
    return path


@contextmanager
def _told(path: Path, project: str) -> Iterator[None]:
    try:
        with quiet():
            yield
    except Exception as error:
        reason = str(error).strip().splitlines()[:1]
        said = f"{type(error).__name__}{': ' if reason else ''}{''.join(reason):.160}"
        raise ModelError(f"'{path}' of {project} cannot be executed ({said}); give another version of it") from error


def _checked(module: ModuleType, path: Path, project: str, needs: Sequence[str]) -> ModuleType:
    lacking = [name for name in needs if not hasattr(module, name)]
    if lacking:
        raise ModelError(f"'{path}' has no {lacking[0]}, so it is not {project}'s file; give a checkout of {project}")
    return module
