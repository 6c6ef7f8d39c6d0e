"""Edit an image by editing its prompt."""
