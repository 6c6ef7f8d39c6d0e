"""Models whose first step is noise alone (zero terminal signal-to-noise ratio, Lin et al. 2024)."""

import numpy as np
import pytest
from diffusers import DDIMScheduler
from PIL import Image

from wordbrush.editor import Editor
from wordbrush_bench.tiny.stable_diffusion import tiny_pipeline

METHODS = ("virtual", "direct", "edit-friendly", "ddim")


@pytest.fixture(scope="module")
def editor() -> Editor:
    pipeline = tiny_pipeline()
    pipeline.scheduler = DDIMScheduler.from_config(
        pipeline.scheduler.config,
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
        prediction_type="v_prediction",
    )
    return Editor.from_pipeline(pipeline)


@pytest.mark.parametrize("method", METHODS)
def test_a_photograph_is_edited_where_the_first_step_has_no_signal(editor: Editor, method: str) -> None:
    photo = Image.fromarray(np.random.default_rng(1).integers(0, 256, (32, 32, 3), np.uint8))
    source = editor.invert(photo, "a dog eating an apple", method=method, num_inference_steps=4)
    edited = editor.edit(source, "a cat eating an apple")
    assert bool(source.latents.isfinite().all())
    assert bool(edited.latents.isfinite().all())
    assert edited.image.tobytes() != source.image.tobytes()
