"""Several runs in one batch are those runs."""

import torch

from wordbrush.editor import Editor
from wordbrush.edits.plug_and_play import PlugAndPlay
from wordbrush.runs.run import run_seeds, run_together


def test_runs_side_by_side_are_the_runs_alone(tiny_folder):
    editor = Editor.from_pretrained(tiny_folder, "cpu", "float32")
    made = editor.generation_settings("a dog on a mat", num_inference_steps=4)
    for options in ({}, {"local_blend": "auto"}, {"plug_and_play": PlugAndPlay()}):
        edit = editor.edit_settings(["a cat on a mat", "a red dog on a mat"], made, **options)
        together = run_seeds(editor._adapter, made, [5, 2], edit)
        for seed, (kept, run) in zip((5, 2), together, strict=True):
            own = editor.generation_settings("a dog on a mat", num_inference_steps=4, seed=seed)
            kept_alone, alone = run_together(editor._adapter, own, edit)
            torch.testing.assert_close(kept.latents[-1], kept_alone.latents[-1], atol=1e-4, rtol=1e-4)
            torch.testing.assert_close(run.latents, alone.latents, atol=1e-3, rtol=1e-3)
            assert run.controlled_calls == alone.controlled_calls
            assert run.acted == alone.acted
        assert not torch.allclose(together[0][1].latents, together[1][1].latents, atol=0.1)
