"""The program that made the bundled model, from the art to a diffusers folder: `python -m training --help`.

Nothing of the library or its tests imports it, and it is not in the wheel.
"""
