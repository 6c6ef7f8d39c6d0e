"""The bundled model's world: scenes of openly licensed emoji art whose every object is known."""
