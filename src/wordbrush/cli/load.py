"""How a command gets its editor: for one run from a name, or again from a record."""

from pathlib import Path
from typing import TYPE_CHECKING

from wordbrush.errors import SettingsError
from wordbrush.files import check_writable

if TYPE_CHECKING:
    from wordbrush.editor import Editor
    from wordbrush.runs.record import RunRecord


def load_editor(
    model: "str | Path | None", device: str | None, dtype: str | None, *, keep_bytes: int = 1 << 30
) -> "Editor":
    """An editor, in a process whose threads are as many as its model gains from."""
    from wordbrush.editor import Editor
    from wordbrush.models.processor import use_threads_for

    editor = Editor.from_pretrained(model, device, dtype, keep_bytes=keep_bytes)
    if editor.model.folder is not None:
        use_threads_for(editor.model.folder)
    return editor


def load_for_one_run(model: str | None, device: str | None, dtype: str | None) -> "Editor":
    """An editor whose sources keep nothing: nothing is edited again in this process."""
    return load_editor(model, device, dtype, keep_bytes=0)


def load_recorded(path: Path, model: str | None, out: Path) -> "tuple[RunRecord, Editor]":
    """A record, and an editor of its model (or of `model`, where that is now), to write into another folder.

    Raises `SettingsError` when `out` is the record's own folder.
    """
    from wordbrush.runs.png import read_record

    recorded = read_record(path)
    if out.resolve() == path.resolve().parent:
        raise SettingsError(f"--out '{out}' is the folder of the record itself; give another, to keep what is there")
    check_writable(out)
    name = model or (None if recorded.model.name == "bundled" else recorded.model.name)
    return recorded, load_for_one_run(name, recorded.model.device, recorded.model.dtype)
