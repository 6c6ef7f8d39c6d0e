"""A classifier of scenes: which things, which place and which style a picture shows."""
