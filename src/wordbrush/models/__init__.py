"""The one seam to diffusers and transformers: a model family behind a small interface."""
