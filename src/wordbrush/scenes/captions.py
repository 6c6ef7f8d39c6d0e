"""Captions: a small grammar with correct articles, all in lower case."""

from wordbrush.scenes.vocabulary import PLACES


def with_article(words: str) -> str:
    """Put "a" or "an" before words.

    >>> with_article("apple"), with_article("dog")
    ('an apple', 'a dog')
    """
    return ("an " if words[0] in "aeiou" else "a ") + words


def caption(
    relation: str, subject: str, partner: str | None, place: str | None, adjective: str | None, *, photo: bool
) -> str:
    """Say what a scene shows.

    >>> caption("eating", "panda", "orange", "snow", "small", photo=True)
    'a photo of a small panda eating an orange in the snow'
    """
    words = with_article(f"{adjective} {subject}" if adjective else subject)
    if partner is not None:
        words += f" {relation} {with_article(partner)}"
    if place is not None:
        words += f" {PLACES[place]}"
    return f"a photo of {words}" if photo else words
