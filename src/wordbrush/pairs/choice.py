"""Which models a set is made with, told from their files, without loading them."""

from pathlib import Path

from wordbrush.files import expanded, is_file
from wordbrush.models.folder import check_folder, resolve_folder
from wordbrush.models.folder_fingerprint import folder_fingerprint
from wordbrush.models.load import choose_device
from wordbrush.models.processor import weight_bytes
from wordbrush.pairs.making import ModelChoice


def choose_model(name: str | None, device: str | None, dtype: str | None, threads: int) -> ModelChoice:
    """The model of a name, on the best device there is. Raises `ModelError`, `SettingsError`.

    >>> choose_model(None, "cpu", None, 1).dtype
    'float32'
    """
    if name is not None and is_file(path := expanded(name)):
        folder = path
    else:
        folder = resolve_folder(name, None, None)
        check_folder(folder, None)
    device, dtype = choose_device(device, dtype, weight_bytes(folder))
    return ModelChoice(name, folder_fingerprint(folder), device, dtype, threads)


def clip_fingerprint(folder: Path) -> str:
    """A hash of the files of a CLIP folder."""
    from wordbrush.pairs.formats import sha256_of

    return "" if (found := sha256_of(folder)) is None else found
