"""Where a search of an edit begins: as it was asked for, and by the other recipe where none was named."""

from typing import cast

from wordbrush.edits.settings import EditOptions, EditSettings, has_windows_of_its_own
from wordbrush.models.load import ModelInfo
from wordbrush.runs.asked import edit_settings
from wordbrush.runs.results import Source
from wordbrush.sampling.adapter import Adapter


def beginnings(
    adapter: Adapter, model: ModelInfo, source: Source, target: str, options: EditOptions
) -> list[EditSettings]:
    """The windows and region asked for or by default, and, if no recipe is named, those of the other one, the paper's
    or the change's; any strength is left out. Raises `SettingsError` for a bad value.
    """
    given = {name: value for name, value in options.items() if name != "strength"}
    asked = edit_settings(adapter, model, target, source, cast(EditOptions, given))
    if has_windows_of_its_own(options) or options.get("recipe") is not None:
        return [asked]
    given["recipe"] = "published" if asked.recipe == "auto" else "auto"
    other = edit_settings(adapter, model, target, source, cast(EditOptions, given))
    return [asked] if asked.controls == other.controls else [asked, other]
