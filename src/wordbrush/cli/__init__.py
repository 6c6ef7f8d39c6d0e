"""The command line: parse, call the editor, write."""
