"""What an edit does inside an attention layer: pure functions on queries, keys and values."""
