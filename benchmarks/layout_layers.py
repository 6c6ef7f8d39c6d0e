"""Whether the layers that a probe chose for the layout hold it: edits that take the source's self-attention there.

    python benchmarks/layout_layers.py [--layers docs/probe/bundled.json] [--edits 4] [--seeds 1] [--steps N]

Each edit changes one word and takes nothing of the source but queries and keys of some self-attention layers, for the
first 60 % of the steps. Likeness is SSIM to the source: all layers, the chosen ones, and all others alone; without any
it is another picture of the same seed. The prompts are the probe's own, the seeds are not.
"""

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import mean

from wordbrush.editor import Editor
from wordbrush.metrics.likeness import ssim
from wordbrush.runs.results import Source

EDITS = (
    ("a dog on the beach", "a cat on the beach"),
    ("a cat and a red ball in the snow", "a fox and a red ball in the snow"),
    ("a tree next to a house", "a tree next to a tent"),
    ("a bear riding a bicycle in the city", "a lion riding a bicycle in the city"),
)
FIRST_SEED = 5
PROBE = Path(__file__).parents[1] / "docs" / "probe" / "bundled.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layers", type=Path, default=PROBE, help="what wordbrush probe wrote of the model")
    parser.add_argument("--model", help="a folder; the bundled model if not given")
    parser.add_argument("--edits", type=int, default=len(EDITS), help=f"how many of {len(EDITS)}")
    parser.add_argument("--seeds", type=int, default=1, help="of each")
    parser.add_argument("--steps", type=int, help="denoising steps; the model's own if not given")
    options = parser.parse_args()
    probe = json.loads(options.layers.read_text())
    every = [layer for block in probe["blocks"] for layer in block["image_layers"]]
    chosen = probe["layers"]["layout"]
    editor = Editor.from_pretrained(options.model)
    seeds = range(FIRST_SEED, FIRST_SEED + options.seeds)
    edits = EDITS[: options.edits]
    sources = [
        (editor.generate(prompt, seed=seed, num_inference_steps=options.steps), target)
        for prompt, target in edits
        for seed in seeds
    ]
    plain = [ssim(s.canvas, editor.generate(t, **_same(s)).canvas) for s, t in sources]
    print(f"| {len(sources)} edits, self-attention of | layers | SSIM to the source |\n|---|---|---|")
    print(f"| none | 0 | {mean(plain):.3f} |")
    for name, layers in (("all", every), ("chosen", chosen), ("all others", sorted(set(every) - set(chosen)))):
        print(f"| {name} | {len(layers)} | {mean(_held(editor, sources, layers)):.3f} |")


def _same(source: Source) -> dict[str, int]:
    return {"seed": source.settings.seed, "num_inference_steps": source.settings.num_inference_steps}


def _held(editor: Editor, sources: Sequence[tuple[Source, str]], layers: Sequence[str]) -> list[float]:
    """How like their sources edits are that take their layout in `layers`."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "layers.json"
        file.write_text(json.dumps({"layers": {"layout": list(layers)}}))
        editor.load_layers(file)
    taken = {"edit": "own", "cross_replace_steps": 0.0, "self_replace_steps": 0.6}
    return [ssim(source.canvas, editor.edit(source, target, **taken).canvas) for source, target in sources]


if __name__ == "__main__":
    main()
