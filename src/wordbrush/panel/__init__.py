"""One user's session of edits, without any widget: for a notebook or a page."""
