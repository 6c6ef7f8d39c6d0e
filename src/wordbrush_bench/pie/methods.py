"""Ways to edit the photographs of PIE-Bench: the published Prompt-to-Prompt settings, and wordbrush's own."""

from collections.abc import Sequence

from wordbrush.editor import Editor
from wordbrush.edits.blend import LocalBlend
from wordbrush.edits.settings import NULL_TEXT_MAX_PIXELS, EditOptions
from wordbrush.errors import SettingsError
from wordbrush.inversion.methods import METHODS
from wordbrush_bench.case import Case
from wordbrush_bench.edit_methods import EditMethod
from wordbrush_bench.method import Method
from wordbrush_bench.pie.blend_words import occurrences
from wordbrush_bench.pie.fitted import FittedMethod
from wordbrush_bench.sources import Sources, SourceSettings

PUBLISHED = ("ddim", "null-text", "negative-prompt", "direct")
"""Inversions that the published table has with Prompt-to-Prompt, and wordbrush too."""

METHOD_NAMES = (
    *(f"{inversion}+p2p" for inversion in PUBLISHED),
    *(f"{inversion}+wordbrush{blend}" for inversion in METHODS for blend in ("", "-blend")),
)
"""Every method by name: `INVERSION+p2p` has the published settings, `INVERSION+wordbrush` the model's defaults, and
`-blend` the local blend of the case's words too."""

DEFAULT_METHODS = ("direct+p2p", "direct+wordbrush", "direct+wordbrush-blend")

_PUBLISHED_OPTIONS: EditOptions = {
    "edit": "refine",
    "cross_replace_steps": 0.4,
    "self_replace_steps": 0.6,
    "self_replace_max_pixels": NULL_TEXT_MAX_PIXELS,
}
_PUBLISHED_RULE = "where the case has blend words: local blend of all their occurrences, double weight on the target's"
_BLEND_RULE = "local blend of all occurrences of the case's blend words, or of the changed words where it has none"


def pie_methods(
    editor: Editor, names: Sequence[str] = DEFAULT_METHODS, num_inference_steps: int | None = None
) -> list[Method]:
    """Methods by name; `num_inference_steps` stands in for their own number of steps, for a quick look.

    `INVERSION+p2p` is Prompt-to-Prompt as PIE-Bench's runs have it (Ju et al. 2024, arXiv 2310.01506): 50 steps,
    guidance 7.5, refine, cross 0.4, self 0.6 in layers of up to 32 x 32, local blend and double weight on blend words.

    Raises `SettingsError` for an unknown name, naming those that are there.
    """
    sources = Sources(editor)
    height, width = editor.model.native_size
    made: list[Method] = []
    for name in names:
        if name not in METHOD_NAMES:
            raise SettingsError(f"there is no method '{name:.60}'; give some of {', '.join(METHOD_NAMES)}")
        made.append(FittedMethod(_method(name, editor, sources, num_inference_steps), (width, height)))
    return made


def _method(name: str, editor: Editor, sources: Sources, steps: int | None) -> EditMethod:
    inversion, _, edit = name.partition("+")
    if edit == "p2p":
        source = SourceSettings(steps or 50, 7.5, inversion)
        return EditMethod(name, sources, editor, source, _PUBLISHED_OPTIONS, published_words, _PUBLISHED_RULE)
    source = SourceSettings(steps, None, inversion)
    if edit == "wordbrush-blend":
        return EditMethod(name, sources, editor, source, {}, _blended, _BLEND_RULE)
    return EditMethod(name, sources, editor, source)


def published_words(case: Case) -> EditOptions:
    """The part of the published settings that hangs on a case's blend words: nothing where it has none."""
    region = _region(case)
    if region is None:
        return {}
    weighted = occurrences(case.target_prompt, case.target_words)
    return {"local_blend": region, "equalizer": dict.fromkeys(weighted, 2.0)}


def _blended(case: Case) -> EditOptions:
    return {"local_blend": _region(case) or LocalBlend()}


def _region(case: Case) -> LocalBlend | None:
    source = occurrences(case.source_prompt, case.source_words)
    target = occurrences(case.target_prompt, case.target_words)
    return LocalBlend(words=(), source_words=source, target_words=(target,)) if source or target else None
