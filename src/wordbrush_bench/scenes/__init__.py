"""The scenes benchmark: cases whose truth is known, because they are drawn."""
