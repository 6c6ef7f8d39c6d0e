"""A message is one short line, whatever it quotes."""

import pytest

from wordbrush.errors import ModelError, RecordError, SlowDtypeWarning, WordbrushError, cited
from wordbrush.runs.record import RunRecord
from wordbrush.tokens.words import find_words


@pytest.mark.parametrize("kind", [WordbrushError, RecordError, SlowDtypeWarning])
@pytest.mark.parametrize("mark", ["\x1b[31m", "\n", "\u202e", "\x00", "\u2028"])
def test_what_a_terminal_would_obey_is_escaped(kind, mark):
    assert str(kind(f"a{mark}b 猫 é")).isprintable()
    assert "猫 é" in str(kind(f"a{mark}b 猫 é"))


@pytest.mark.parametrize("text", ['{"\\u001b[2J": 1}', '{"schema": "\\u001b[2J"}', '{"schema": 2, "\\u001b[2J": 1}'])
def test_control_characters_of_a_foreign_record_are_shown(text):
    with pytest.raises(RecordError) as caught:
        RunRecord.from_json(text)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("selector", ["dog", "x" * 5000, "cat["])
def test_a_long_prompt_is_cited_in_short(selector):
    with pytest.raises(WordbrushError) as caught:
        find_words("cat " * 5000, selector)
    assert len(str(caught.value)) < 500


def test_a_short_text_is_cited_whole():
    assert cited("a cat") == "a cat"
    assert len(cited("x" * 1000)) < 100
    assert str(ModelError("plain")) == "plain"
