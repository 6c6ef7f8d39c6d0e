"""Marks in a prompt that web UIs read as instructions, and that are words like others here."""

import re

_MARKS = {
    r"<(?:lora|lyco|hypernet):[^<>]+>": "a network to load: load it with --lora FILE:SCALE (Editor.load_lora)",
    r"\[[^\[\]|]+:[^\[\]|]*:\s*\d*\.?\d+\s*\]": "a word at some steps: give the word a time of its own "
    "(cross_replace_steps; on the page, press it)",
    r"[(\[][^()\[\]]+:\s*-?\d*\.?\d+\s*[)\]]": "a weight: give it as equalizer (--weight WORD=K)",
    r"\(\([^()]+\)\)|\[\[[^\[\]]+\]\]": "a weight: give it as equalizer (--weight WORD=K)",
    r"\bBREAK\b": "a new part of a long prompt: leave it out",
}
"""What each is, and the option that does it here."""


def web_ui_syntax(prompt: str) -> str | None:
    """What to say of the first such mark of a prompt; None where there is none.

    >>> web_ui_syntax("a (smiling:1.3) bear")
    "'(smiling:1.3)' is read as it stands and is not a weight: give it as equalizer (--weight WORD=K)"
    >>> web_ui_syntax("a bear (smiling), 3:2") is None
    True
    """
    for pattern, meaning in _MARKS.items():
        if (match := re.search(pattern, prompt)) is not None:
            return f"'{match.group()[:60]}' is read as it stands and is not {meaning}"
    return None
