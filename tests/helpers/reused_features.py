"""The law of re-used deep features, for each family and whatever guides it."""

import torch

from wordbrush.attention.batch import BatchLayout
from wordbrush.sampling.adapter import Adapter
from wordbrush.sampling.deep_features import DeepFeatures


def assert_reused_features_are_what_is_computed(adapter: Adapter, prompt: str, size: tuple[int, int]) -> None:
    """What is taken instead is what would have been computed, follows the latents, and leaves nothing behind."""
    text, noise = adapter.encode(prompt), adapter.noise(1, *size)
    timestep, deep = adapter.solver(4, *size).timesteps[1], DeepFeatures()
    layout = BatchLayout.of([1], guided=False)
    plain, _ = adapter.predict(noise, timestep, text, None, 1.0)
    deep.begin(layout, reuses=False)
    kept, _ = adapter.predict(noise, timestep, text, None, 1.0, deep)
    deep.begin(layout, reuses=True)
    reused, _ = adapter.predict(noise, timestep, text, None, 1.0, deep)
    assert torch.equal(kept, plain)
    assert (reused - plain).abs().max() < 1e-5
    moved, _ = adapter.predict(noise + 0.1, timestep, text, None, 1.0, deep)
    assert not torch.equal(moved, reused)
    assert torch.equal(adapter.predict(noise, timestep, text, None, 1.0)[0], plain)
