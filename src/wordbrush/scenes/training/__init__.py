"""Training of the bundled model, from the art to a diffusers folder: `python -m wordbrush.scenes.training --help`."""
