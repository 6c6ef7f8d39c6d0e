"""What a page shows while an edited prompt is typed: its chips, its weights, what the edit would do."""

from dataclasses import asdict
from typing import Any

from wordbrush.editor import Editor
from wordbrush.edits.strength import AUTO
from wordbrush.errors import WordbrushError
from wordbrush.panel.difference import chips
from wordbrush.server import wire
from wordbrush.server.about import reads_weights
from wordbrush.tokens.unknown_words import unknown_word_said
from wordbrush.tokens.web_ui_syntax import web_ui_syntax
from wordbrush.tokens.weighted_text import WeightedText, read_weights


def explain(editor: Editor, asked: wire.WordsRequest) -> dict[str, Any]:
    """The words of an edit, as JSON.

    `text` and `weights` are the target without its weights and what they are, where the model reads them; `does` is
    what the edit would do, `problem` why it cannot run, `hints` what is worth knowing.
    """
    read = read_weights(asked.target) if reads_weights(editor) else WeightedText(asked.target)
    options = wire.given(asked.options)
    weights = {**(options.get("equalizer") or {}), **read.weights}
    does, recipe, problem = _preview(editor, asked, read.text, {**options, "equalizer": weights})
    return {
        "text": read.text,
        "weights": read.weights,
        "chips": [asdict(chip) for chip in chips(asked.prompt, read.text, weights, editor.added_words)],
        "does": does,
        "recipe": recipe,
        "problem": problem,
        "hints": _hints(editor, asked.prompt, read.text),
    }


def _preview(
    editor: Editor, asked: wire.WordsRequest, target: str, options: dict[str, Any]
) -> tuple[list[str], list[str], str | None]:
    try:
        generation = editor.generation_settings(asked.prompt, **wire.given(asked.generation))
        if options.get("strength") == AUTO:
            del options["strength"]  # what a search finds is not known before it
        edit = editor.edit_settings(target, generation, **options)
        return list(editor.preview(generation, edit)[0]), list(edit.describe()), None
    except WordbrushError as error:
        return [], [], str(error)


def _hints(editor: Editor, prompt: str, target: str) -> list[str]:
    hints = [unknown_word_said(*each) for each in editor.unknown_words([prompt, target]).items()]
    said = web_ui_syntax(target)
    return hints if said is None else [said, *hints]
