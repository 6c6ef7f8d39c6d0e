"""The edits of a run beside what the model draws without wordbrush, as in figure 3.1."""

from collections.abc import Sequence

from PIL.Image import Image

from wordbrush.editor import Editor
from wordbrush.runs.counter import RunCounter
from wordbrush.runs.results import EditResult
from wordbrush.sampling.loop import OnStep
from wordbrush.views.sheets import comparison


def beside_plain(editor: Editor, results: Sequence[EditResult], *, on_step: OnStep | None = None) -> Image:
    """A sheet with a row for each edit: its source, the edit, and the plain picture of its prompt and noise.

    - `results`: the edits of one run.
    - `on_step`: counts the steps of all plain pictures.

    >>> editor = Editor.from_pretrained()
    >>> edits = editor.generate_and_edit("a dog", ["a cat"], num_inference_steps=2)
    >>> beside_plain(editor, edits).width > 3 * 256
    True
    """
    source = results[0].source
    count = RunCounter(on_step, len(results))
    rows = []
    for result in results:
        plain = editor.regenerate(source, result.target, edit=result.record.edit, on_step=count.next())
        row = [
            *([] if source.photo is None else [("the photograph", source.photo)]),
            (f"source: {source.prompt}", source.image),
            (f"wordbrush: {result.target}", result.image),
            ("same prompt and noise, without wordbrush", plain.image),
            *([] if result.blend_mask is None else [("white may change", result.blend_mask)]),
        ]
        rows.append([(caption, _at_most(image, max(source.canvas.size))) for caption, image in row])
    return comparison(rows)


def _at_most(image: Image, side: int) -> Image:
    """A picture no larger than a sheet needs: photographs may have any size."""
    if max(image.size) <= side:
        return image
    small = image.copy()
    small.thumbnail((side, side))
    return small
