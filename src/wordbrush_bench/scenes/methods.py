"""The rows of the scenes benchmark."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import cast

from wordbrush.editor import Editor
from wordbrush.edits.settings import EditOptions
from wordbrush.edits.shortcuts import FastName
from wordbrush.errors import SettingsError
from wordbrush.inversion.methods import DEFAULT_METHOD, METHODS
from wordbrush_bench.case import Case
from wordbrush_bench.edit_methods import EditMethod, PerfectMethod, PlainMethod, UntouchedMethod
from wordbrush_bench.method import Method
from wordbrush_bench.sources import Sources, SourceSettings

SWEEP = {f"self-{percent}": percent / 100 for percent in (0, 25, 50, 75, 100)}
"""The report's sweep of self-attention injection: rows by name, and the part of the steps of each."""

INVERSIONS = tuple(name for name in METHODS if name != DEFAULT_METHOD)
"""Those that have rows of their own; the default is what all other rows invert with."""

_PUBLISHED_RULE = "edit is 'replace' for prompts of as many words as each other, else 'refine'"

GROUPS = {
    "reference": ("no-edit", "perfect-edit"),
    "main": ("plain", "published", "windows", "windows-blend", "defaults"),
    "ablation": ("self-0", "self-alone", "blend-alone"),
    "sweep": tuple(SWEEP),
    "quick": ("balanced", "fast"),
    "inversions": tuple(f"defaults-{name}" for name in INVERSIONS),
}
"""Rows that go together, by the name of their group; "self-0" is cross-attention alone."""

METHOD_NAMES = tuple(dict.fromkeys(name for names in GROUPS.values() for name in names))

SAID = {
    "no-edit": "the source as it is; of a photograph, what the autoencoder gives back",
    "perfect-edit": "the perfect edit: the most that the meters can say",
    "plain": "the target prompt with the source's seed, without attention control",
    "published": "Prompt-to-Prompt as published (Hertz et al. 2022): Replace or Refine, 50 steps, guidance 7.5, "
    "cross 0.8, self 0.4",
    "windows": "published windows with the model's own steps and guidance",
    "windows-blend": "the same with local blend of the changed words",
    "defaults": "wordbrush with the model's defaults",
    "balanced": "the defaults with fast='balanced'",
    "fast": "the defaults with fast='fast'",
    "self-0": "cross-attention alone: windows with self-attention for 0 % of the steps",
    "self-alone": "self-attention alone: windows without cross-attention",
    "blend-alone": "local blend alone: cross-attention in one step only, no self-attention",
    **{name: f"windows with self-attention for {share:.0%} of the steps" for name, share in SWEEP.items() if share},
    **{f"defaults-{name}": f"the defaults after {name} inversion" for name in INVERSIONS},
}
"""What each row is, in words."""


def scene_methods(editor: Editor, names: Sequence[str] | None = None, steps: int | None = None) -> list[Method]:
    """The rows by name or group, all if none is named, in the order of the table.

    `steps` are those of all rows but the published one, which has its own; None stands for the model's default.

    Raises `SettingsError` for a name that is not there, naming those that are.
    """
    chosen = METHOD_NAMES if names is None else [one for name in names for one in GROUPS.get(name, (name,))]
    for name in chosen:
        if name not in METHOD_NAMES:
            raise SettingsError(
                f"method '{name:.40}' is unknown; give some of {', '.join(METHOD_NAMES)}, or a group of them: "
                f"{', '.join(GROUPS)}"
            )
    sources = Sources(editor)
    own = SourceSettings(num_inference_steps=steps)
    return [_method(name, editor, sources, own) for name in METHOD_NAMES if name in chosen]


def _method(name: str, editor: Editor, sources: Sources, own: SourceSettings) -> Method:
    def edit(
        options: EditOptions,
        source: SourceSettings = own,
        per_case: Callable[[Case], EditOptions] | None = None,
        rule: str = "",
        photographs_only: bool = False,
    ) -> EditMethod:
        return EditMethod(name, sources, editor, source, options, per_case, rule, photographs_only)

    if name in SWEEP:
        return edit({"recipe": "published", "self_replace_steps": SWEEP[name]})
    if name.removeprefix("defaults-") in INVERSIONS:
        return edit({}, replace(own, inversion=name.removeprefix("defaults-")), photographs_only=True)
    match name:
        case "no-edit":
            return UntouchedMethod(name, sources, own)
        case "perfect-edit":
            return PerfectMethod(name)
        case "plain":
            return PlainMethod(name, sources, editor, own)
        case "published":
            options = EditOptions(recipe="published", cross_replace_steps=0.8, self_replace_steps=0.4)
            return edit(options, SourceSettings(50, 7.5), _published_kind, _PUBLISHED_RULE)
        case "windows":
            return edit({"recipe": "published"})
        case "windows-blend":
            return edit({"recipe": "published", "local_blend": "auto"})
        case "balanced" | "fast":
            return edit({"fast": cast(FastName, name)})
        case "self-alone":
            return edit({"recipe": "published", "cross_replace_steps": 0.0})
        case "blend-alone":
            # One step: an edit without any window is refused, as it would be a plain picture.
            return edit(
                {"recipe": "published", "cross_replace_steps": 0.04, "self_replace_steps": 0.0, "local_blend": "auto"}
            )
        case _:
            return edit({})


def _published_kind(case: Case) -> EditOptions:
    same = len(case.source_prompt.split()) == len(case.target_prompt.split())
    return {"edit": "replace" if same else "refine"}
