"""A model's adapter alone, for tests below the editor."""

from wordbrush.models.load import ModelInfo, load_pipeline
from wordbrush.sampling.adapter import Adapter


def load_model(model, device=None, dtype=None, **options) -> tuple[Adapter, ModelInfo]:
    loaded, info = load_pipeline(model, device, dtype, **options)
    return loaded.adapter, info
