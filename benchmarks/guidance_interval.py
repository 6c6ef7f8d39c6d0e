"""Does a picture lose anything where guidance acts in a part of the steps only, and what does that save?

    python benchmarks/guidance_interval.py [--pictures 100] [--steps N] [--intervals 0..1,0..0.8,...]

Random captions of scenes, each drawn with the same seed in every interval; the judge, a classifier trained on
rendered scenes alone, says whether all that the caption names is there. Rows are those of the model's calls, as a
share of those with guidance everywhere. Sharpness is that of `picture_quality.py`, as a share of the first row's.
"""

import argparse

import numpy as np
from picture_quality import Tally, count_answers, edges

from wordbrush import Editor
from wordbrush.cli.values import window
from wordbrush.scenes.captions import caption
from wordbrush.scenes.cast import Cast
from wordbrush.scenes.judge.judge import Judge
from wordbrush.scenes.sample_cast import sample_cast

INTERVALS = "0..1,0..0.8,0..0.6,0..0.4,0.2..1,0.2..0.8"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=100)
    parser.add_argument("--steps", type=int, help="denoising steps; the model's own if not given")
    parser.add_argument("--intervals", default=INTERVALS)
    options = parser.parse_args()
    rng = np.random.default_rng(7)
    casts = [sample_cast(rng) for _ in range(options.pictures)]
    editor, judge = Editor.from_pretrained(), Judge.load()
    print(f"{options.pictures} captions\n")
    print("| guided | rows | one object | both of two objects | place | style | sharpness |")
    print("|---|---|---|---|---|---|---|", flush=True)
    sharpest = 0.0
    for text in options.intervals.split(","):
        found, rows = drawn(editor, judge, casts, text, options.steps)
        sharpest = sharpest or float(np.mean(found.drawn or [1.0]))
        shares = [
            f"{100 * found.right[name] / max(found.asked[name], 1):.0f} % of {found.asked[name]}"
            for name in ("one object", "both of two objects", "place", "style")
        ]
        sharp = float(np.mean(found.drawn or [0.0])) / sharpest
        print(f"| {text} | {rows:.2f} | {' | '.join(shares)} | {100 * sharp:.0f} % |", flush=True)


def drawn(editor: Editor, judge: Judge, casts: list[Cast], interval: str, steps: int | None) -> tuple[Tally, float]:
    """What the judge says of a picture of each cast, and the rows of the model's calls as a share."""
    found, rows = Tally(), 1.0
    for seed, cast in enumerate(casts):
        source = editor.generate(
            caption(cast), seed=seed, num_inference_steps=steps, guidance_interval=window("--intervals", interval)
        )
        count = source.settings.num_inference_steps
        rows = (count + len(source.settings.guided.steps(count))) / (2 * count)
        verdict = judge(source.image)
        count_answers(found, verdict, cast)
        found.drawn += edges(source.image, verdict, cast)
    return found, rows


if __name__ == "__main__":
    main()
