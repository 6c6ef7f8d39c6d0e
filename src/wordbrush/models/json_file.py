"""A model's JSON files."""

import json
from pathlib import Path
from typing import Any, cast

from wordbrush.errors import ModelError


def read_json(path: Path, missing: str) -> dict[str, Any]:
    """A file's JSON object. Raises `ModelError`, with the text `missing` when there is no such file."""
    try:
        content = json.loads(path.read_text())
    except (FileNotFoundError, NotADirectoryError):
        raise ModelError(missing) from None
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"'{path}' cannot be read ({error}); download or save the model again") from None
    if not isinstance(content, dict):
        raise ModelError(f"'{path}' is not a JSON object; download or save the model again")
    return cast(dict[str, Any], content)
