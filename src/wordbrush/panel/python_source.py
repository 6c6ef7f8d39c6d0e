"""Python that makes what a panel shows, as a person would write it."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path

import PIL.Image

from wordbrush.edits.blend import LatentMask
from wordbrush.models.adapter_file import AdapterFile
from wordbrush.models.guides import GuidesRecord

BUNDLED = "bundled"
"""What the bundled model is called in records."""
_WIDTH = 88


def load_lines(model: str) -> list[str]:
    """The lines that load a model, by the name that `ModelInfo` has."""
    named = "" if model == BUNDLED else literal(model)
    return ["import wordbrush", "", f"editor = wordbrush.Editor.from_pretrained({named})"]


def adapter_lines(adapters: Sequence[AdapterFile]) -> list[str]:
    """The lines that load what was loaded beside a model."""
    encoder = next((f", {literal(one.file)}" for one in adapters if one.kind == "image-encoder"), "")
    lines = []
    for one in adapters:
        if one.kind == "concept":
            lines.append(f"editor.load_concept({literal(one.file)}, {literal(one.name)})")
        elif one.kind == "lora":
            lines.append(f"editor.load_lora({literal(one.file)}, {one.scale}, {literal(one.name)})")
        elif one.kind == "ip-adapter":
            lines.append(f"editor.load_ip_adapter({literal(one.file)}{encoder})")
    return lines


def guide_lines(guides: GuidesRecord | None) -> list[str]:
    """The line that loads the pictures that guide a model, which are the user's own variables."""
    if guides is None:
        return []
    given: list[str] = []
    if guides.control_image_sha256:
        scales = list(guides.controlnet_conditioning_scale)
        given += ["control_image=control_image", f"controlnet_conditioning_scale={literal(scales)}"]
        for name in ("control_guidance_start", "control_guidance_end"):
            given += [f"{name}={literal(list(value))}"] if (value := getattr(guides, name)) else []
    if guides.ip_adapter_image_sha256 is not None:
        given += ["ip_adapter_image=ip_adapter_image", f"ip_adapter_scale={literal(guides.ip_adapter_scale)}"]
    return [f"editor.load_guides({', '.join(given)})"]


def call(name: str, function: str, positional: list[str], keywords: Mapping[str, object]) -> str:
    """An assignment of a call, in one line where it is short enough to read."""
    arguments = positional + [f"{keyword}={literal(value)}" for keyword, value in keywords.items()]
    line = f"{name} = {function}({', '.join(arguments)})"
    if len(line) <= _WIDTH:
        return line
    return "\n    ".join([f"{name} = {function}(", *(f"{argument}," for argument in arguments)]) + "\n)"


def literal(value: object) -> str:
    """Python source of a value, its texts in double quotes as far as they can be."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{literal(key)}: {literal(item)}" for key, item in value.items()) + "}"
    if isinstance(value, PIL.Image.Image | LatentMask):
        return "mask"  # a picture has no source text: the user's own variable
    if is_dataclass(value):
        given = [(f.name, getattr(value, f.name)) for f in fields(value) if getattr(value, f.name) != f.default]
        return f"wordbrush.{type(value).__name__}({', '.join(f'{name}={literal(item)}' for name, item in given)})"
    if isinstance(value, Path):
        return literal(str(value))
    if isinstance(value, tuple | list):
        inner = ", ".join(map(literal, value))
        return f"[{inner}]" if isinstance(value, list) else f"({inner}{',' if len(value) == 1 else ''})"
    if isinstance(value, str) and repr(value) == f"'{value}'" and '"' not in value:
        return f'"{value}"'
    return repr(value)
