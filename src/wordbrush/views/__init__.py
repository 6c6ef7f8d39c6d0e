"""How things are shown: sheets of pictures, HTML, colours."""
