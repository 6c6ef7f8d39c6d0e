"""Which models a set is made with, told from their files, without loading them."""

from collections.abc import Collection, Sequence
from pathlib import Path

from wordbrush.errors import ModelError, SettingsError
from wordbrush.files import expanded, is_file
from wordbrush.models.adapter_file import AdapterFile, file_sha256
from wordbrush.models.concept_file import concept_word
from wordbrush.models.folder import check_folder, resolve_folder
from wordbrush.models.folder_fingerprint import folder_fingerprint
from wordbrush.models.load import choose_device
from wordbrush.models.loras import lora_name
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
        if "controlnet" in check_folder(folder, None).parts:
            raise ModelError(
                f"'{folder}' has a ControlNet, and pairs are made with models that prompts alone guide; give its "
                "model without the ControlNet"
            )
    device, dtype = choose_device(device, dtype, weight_bytes(folder))
    return ModelChoice(name, folder_fingerprint(folder), device, dtype, threads)


def choose_adapters(
    loras: Sequence[tuple[Path, float | None]], concepts: Sequence[tuple[Path, str | None]], named: Collection[str]
) -> tuple[AdapterFile, ...]:
    """What is loaded beside a model: concepts with the words that they are given, LoRAs with their scales.

    A LoRA that is `named`, as one that acts in sources or in targets, acts there alone. Raises `ModelError` for a file
    that cannot be read, `SettingsError` for a scale that is said twice.
    """
    found = [
        AdapterFile("concept", (word or concept_word(file)).lower(), str(file), _sha256(file, "concept"))
        for file, word in concepts
    ]
    names: list[str] = []
    for file, scale in loras:
        name = lora_name(file, names)
        names.append(name)
        if name in named and scale is not None:
            raise SettingsError(
                f"--lora says the scale of '{name}', and so does the option that names it; write --lora {file}"
            )
        acts = 0.0 if name in named else 1.0 if scale is None else scale
        found.append(AdapterFile("lora", name, str(file), _sha256(file, "LoRA"), acts))
    return tuple(found)


def _sha256(file: Path, what: str) -> str:
    digest = file_sha256(file)
    if digest is None:
        raise ModelError(f"the {what} '{file}' cannot be read; give a .safetensors file")
    return digest


def clip_fingerprint(folder: Path) -> str:
    """A hash of the files of a CLIP folder."""
    from wordbrush.pairs.formats import sha256_of

    return "" if (found := sha256_of(folder)) is None else found
