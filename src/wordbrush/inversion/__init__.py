"""Photographs: from a picture that no model made to a source whose edits start at noise."""
