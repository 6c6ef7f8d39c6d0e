"""What was done to one picture, as the calls that do it again: in Python, and as a command."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

from wordbrush.edits.blend import LocalBlend
from wordbrush.edits.lora_window import LoraWindow, parse_loras
from wordbrush.edits.settings import EditOptions
from wordbrush.edits.window import DEFAULT
from wordbrush.inversion.settings import Setting
from wordbrush.models.adapter_file import AdapterFile
from wordbrush.models.guides import GuidesRecord
from wordbrush.panel.python_source import BUNDLED, adapter_lines, call, guide_lines, literal, load_lines
from wordbrush.sampling.settings import GenerationOptions

_BLEND_FLAGS = ("words", "subtract_words", "threshold", "start_blend", "fill_steps", "hold_pixels")
"""What of a local blend the command line takes."""


@dataclass(frozen=True)
class Inverted:
    """A photograph's `file`, and how it was inverted."""

    file: str
    method: str
    settings: Mapping[str, Setting] = field(default_factory=dict)


@dataclass(frozen=True)
class Edited:
    """An edit into `target`; the mask of its `options`, if there is one, is the path of a file."""

    target: str
    options: EditOptions = field(default_factory=EditOptions)


@dataclass(frozen=True)
class Program:
    """A picture of `prompt`, drawn or inverted, and its edits, each of the one before; `model`, `adapters` and
    `guides` are what `ModelInfo` has.
    """

    model: str
    prompt: str
    generation: GenerationOptions
    photo: Inverted | None = None
    edits: tuple[Edited, ...] = ()
    adapters: tuple[AdapterFile, ...] = ()
    guides: GuidesRecord | None = None

    def python(self) -> str:
        """Python that makes the picture.

        >>> edits = (Edited("a cat", {"mask": "mask.png"}), Edited("a red cat"))
        >>> print(Program("bundled", "a dog", {"seed": 7}, None, edits).python())
        import wordbrush
        <BLANKLINE>
        editor = wordbrush.Editor.from_pretrained()
        source = editor.generate("a dog", seed=7)
        edit_1 = editor.edit(source, "a cat", mask="mask.png")
        result = editor.edit(edit_1, "a red cat")
        """
        photo = self.photo
        if photo is None:
            made = call("source", "editor.generate", [literal(self.prompt)], self.generation)
        else:
            options = {"method": photo.method, **self.generation, **photo.settings}
            made = call("source", "editor.invert", [literal(photo.file), literal(self.prompt)], options)
        lines = [*load_lines(self.model), *adapter_lines(self.adapters), *guide_lines(self.guides), made]
        before = "source"
        for number, edit in enumerate(self.edits, start=1):
            name = "result" if edit is self.edits[-1] else f"edit_{number}"
            lines.append(call(name, "editor.edit", [before, literal(edit.target)], edit.options))
            before = name
        return "\n".join(lines)

    def command(self) -> str | None:
        """The command that makes the picture; None where only Python has what it takes, as for edits of edits and for
        pictures that guide, whose files are not known here.

        >>> edit = Edited("a cat", {"cross_replace_steps": (0.0, 0.5)})
        >>> Program("bundled", "a dog", {"seed": 7}, None, (edit,)).command()
        "wordbrush edit 'a dog' 'a cat' --seed 7 --cross-replace-steps 0.0..0.5 --source-first"
        """
        target = self.edits[0].target if self.edits else None
        edit = _edit_flags(self.edits[0].options) if self.edits else []
        adapters = self._adapter_flags()
        if edit is None or adapters is None or len(self.edits) > 1 or self.guides is not None:
            return None
        first = [] if target is None else ["--source-first"]  # one batch rounds differently
        model = [] if self.model == BUNDLED else ["--model", self.model]
        generation = {name: value for name, value in self.generation.items() if name != "source_adapters"}
        flags = [*_flags(generation), *edit, *first, *model, *adapters]
        if self.photo is None:
            arguments = ["generate", self.prompt] if target is None else ["edit", self.prompt, target]
        else:
            settings = [
                part for name, value in self.photo.settings.items() for part in ("--setting", f"{name}={value}")
            ]
            flags = ["--prompt", self.prompt, "--method", self.photo.method, *settings, *flags]
            arguments = ["invert", self.photo.file] if target is None else ["edit", target]
            if target is not None:
                flags = ["--photo", self.photo.file, *flags]
        return shlex.join(["wordbrush", *arguments, *flags])

    def _adapter_flags(self) -> list[str] | None:
        """The files beside the model, and which LoRA acts where; None for a photograph that is inverted with LoRAs
        which the command line would load for one branch alone.
        """
        edit = self.edits[0].options if self.edits else EditOptions()
        of_source = parse_loras(self.generation.get("source_adapters"), "source_adapters")
        of_target = parse_loras(edit.get("target_adapters"), "target_adapters")
        apart = of_source is not None or of_target is not None
        loras = [one for one in self.adapters if one.kind == "lora"]
        if apart and self.photo is not None and any(one.scale for one in loras):
            return None
        loaded = tuple(LoraWindow(one.name, one.scale) for one in loras)
        branches: dict[str, Sequence[LoraWindow]] = {}
        if apart and self.photo is None:
            branches["--source-lora"] = loaded if of_source is None else of_source
        if apart and self.edits:
            branches["--target-lora"] = loaded if of_target is None else of_target
        named = {window.name for windows in branches.values() for window in windows}
        flags: list[str] = []
        for one in self.adapters:
            if one.kind == "concept":
                flags += ["--concept", f"{one.name}={one.file}"]
            else:
                flags += ["--lora", one.file if one.name in named else f"{one.file}:{one.scale}"]
        for option, windows in branches.items():
            said = [f"{one.name}:{one.scale}@{one.start}..{one.end}" for one in windows] or ["none"]
            flags += [part for each in said for part in (option, each)]
        return flags


def _edit_flags(options: EditOptions) -> list[str] | None:
    found: list[str] = []
    for name, value in options.items():
        flags = _edit_flag(name, value)
        if flags is None:
            return None
        found += flags
    return found


def _edit_flag(name: str, value: Any) -> list[str] | None:
    if name == "target_adapters":
        return []  # said with the source's, see `Program`
    flag = _flag(name)
    if name == "cross_replace_steps" and isinstance(value, Mapping):
        # Words that are not named keep the source's maps all the time here, and the model's own time there.
        own = [
            part
            for word, window in value.items()
            if word != DEFAULT
            for part in (f"{flag}-for", f"{word}={_window(window)}")
        ]
        return [flag, _window(value.get(DEFAULT, 1.0)), *own]
    if name in ("cross_replace_steps", "self_replace_steps"):
        return [flag, _window(value)]
    if name == "equalizer":
        return [part for word, factor in value.items() for part in (flag, f"{word}={factor}")]
    if name == "local_blend":
        return _blend_flags(value)
    if is_dataclass(value):
        return [flag, *_flags(_changed(value), f"{name}_")]
    return _flags({name: value})


def _blend_flags(value: Any) -> list[str] | None:
    blend = value if isinstance(value, LocalBlend) else LocalBlend(value)
    changed = _changed(blend)
    words = [*blend.words, *changed.get("subtract_words", ())]
    if set(changed) - set(_BLEND_FLAGS) or any("," in word for word in words):
        return None
    named = ["--local-blend", ",".join(blend.words)] if blend.words else []
    return [*named, *_flags({n: v for n, v in changed.items() if n != "words"}, "local_blend_")]


def _changed(value: Any) -> dict[str, Any]:
    """The fields of a dataclass that are not as they are by default."""
    return {f.name: getattr(value, f.name) for f in fields(value) if getattr(value, f.name) != f.default}


def _flags(options: Mapping[str, Any], prefix: str = "") -> list[str]:
    return [part for name, value in options.items() for part in _flag_of(f"{prefix}{name}", value)]


def _flag_of(name: str, value: Any) -> Iterator[str]:
    """An option on the command line, whose long names are those of the API."""
    if value is not False:
        yield _flag(name)
    if name == "size":
        yield "x".join(map(str, value))
    elif isinstance(value, tuple | list):
        yield ",".join(value)
    elif not isinstance(value, bool):
        yield str(value)


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _window(value: float | tuple[float, float]) -> str:
    return "..".join(map(str, value)) if isinstance(value, tuple | list) else str(value)
