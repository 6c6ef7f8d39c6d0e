"""The tokenizer of the bundled model."""

import pytest

from training.tokenizer import MAX_LENGTH, build_tokenizer
from wordbrush.scenes.vocabulary import known_words


def test_each_known_word_is_one_token() -> None:
    tokenizer = build_tokenizer(known_words())
    for word in sorted(known_words()):
        assert tokenizer.tokenize(word) == [word + "</w>"]
    assert len({tokenizer(word).input_ids[1] for word in known_words()}) == len(known_words())


@pytest.mark.parametrize("text", ["zebra", "größe", "x1!", "狗"])
def test_unknown_words_fall_back_to_their_bytes(text: str) -> None:
    tokenizer = build_tokenizer(known_words())
    ids = tokenizer(text, add_special_tokens=False).input_ids
    assert len(ids) > 1
    assert tokenizer.unk_token_id not in ids
    assert tokenizer.decode(ids).replace(" ", "") == text


def test_prompts_are_padded_to_the_models_length() -> None:
    tokenizer = build_tokenizer(known_words())
    batch = tokenizer(["a dog", ""], padding="max_length", return_tensors="pt").input_ids
    assert batch.shape == (2, MAX_LENGTH)
