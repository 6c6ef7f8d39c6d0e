"""The result of an earlier run, made again to be edited further."""

from pathlib import Path
from typing import TYPE_CHECKING

from wordbrush.cli.flags import RunFlags
from wordbrush.cli.load import load_recorded
from wordbrush.cli.progress import Progress
from wordbrush.errors import SettingsError

if TYPE_CHECKING:
    from wordbrush.editor import Editor
    from wordbrush.runs.results import Source


def result_again(file: Path, photo: Path | None, run: RunFlags) -> "tuple[Editor, Source]":
    """What a file shows, as a source, and an editor of its model. `photo` is the photograph of a record that has one.

    Raises `SettingsError` for the record of several edits, which does not say which is meant.
    """
    from wordbrush.runs.png import shown_edit

    recorded = load_recorded(file, run)
    index, edit = shown_edit(file), recorded.record.edit
    if file.suffix == ".json" and edit is not None:
        if len(edit.targets) > 1:
            raise SettingsError(f"'{file}' is the record of {len(edit.targets)} edits; give the PNG of one of them")
        index = 0
    with Progress("making it again", run.quiet) as progress:
        made = recorded.editor.replay(recorded.record, photo=photo, on_step=progress)
    if not isinstance(made, list):
        return recorded.editor, made
    if index is None:
        return recorded.editor, made[0].source
    with Progress("as a source", run.quiet) as progress:
        return recorded.editor, recorded.editor.as_source(made[index], on_step=progress)
