"""What a page must know of the model before anything is made."""

from dataclasses import asdict
from typing import Any

from wordbrush.editor import Editor
from wordbrush.inversion.methods import FLOW_METHODS, METHODS
from wordbrush.panel.python_source import BUNDLED
from wordbrush.views.colour import colour_table

_EXAMPLE = ("a dog on a farm", "a lion on a farm", 5)


def model_facts(editor: Editor) -> dict[str, Any]:
    """Its name, size and defaults; the ways to invert; the colours of maps; the LoRAs and concepts beside it; an
    example that it draws well.
    """
    model = editor.model
    source, target, seed = _EXAMPLE
    return {
        "name": model.name,
        "bundled": model.name == BUNDLED,
        "device": model.device,
        "height": model.native_size[0],
        "width": model.native_size[1],
        "defaults": asdict(model.defaults),
        "reads_weights": reads_weights(editor),
        "methods": [*(FLOW_METHODS if model.defaults.inversion in FLOW_METHODS else METHODS)],
        "method": model.defaults.inversion,
        "colours": ["#" + bytes(colour).hex() for colour in colour_table().tolist()],
        "adapters": [{"kind": one.kind, "name": one.name, "scale": one.scale} for one in model.adapters],
        "example": {"prompt": source, "target": target, "seed": seed},
    }


def reads_weights(editor: Editor) -> bool:
    """Whether brackets in a prompt are weights: models whose text and picture share an axis read plain language."""
    return editor.model.defaults.edit != "own"
