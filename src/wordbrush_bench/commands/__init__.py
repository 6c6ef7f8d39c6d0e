"""The commands of `wordbrush bench`."""
