"""Versions of what a result depends on."""

import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version


@cache
def _versions() -> tuple[tuple[str, str], ...]:
    def installed(name: str) -> str:
        try:
            return version(name)
        except PackageNotFoundError:
            return "source"

    names = ("wordbrush", "torch", "diffusers", "transformers")
    return (*((name, installed(name)) for name in names), ("python", platform.python_version()))


def installed_versions() -> dict[str, str]:
    """Versions of what a result depends on."""
    return dict(_versions())
