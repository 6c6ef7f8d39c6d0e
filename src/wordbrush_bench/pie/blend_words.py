"""The words of a case as its prompts have them, each time that they occur, as published."""

from wordbrush.tokens.words import find_all_words


def occurrences(prompt: str, words: tuple[str, ...]) -> tuple[str, ...]:
    """Selectors for every occurrence of words in a prompt; a word that is not there has none.

    >>> occurrences("a cat and a cat on a mat", ("cat", "mat", "dog"))
    ('cat[0]', 'cat[1]', 'mat')
    """
    found: list[str] = []
    for word in words:
        count = len(find_all_words(prompt, word))
        found += [word] if count == 1 else [f"{word}[{index}]" for index in range(count)]
    return tuple(found)
