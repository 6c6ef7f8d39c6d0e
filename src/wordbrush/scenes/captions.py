"""Captions: a small grammar with correct articles, all in lower case."""

from wordbrush.scenes.cast import Cast
from wordbrush.scenes.vocabulary import NOUNS, NUMBERS, PLACES, STYLES


def with_article(words: str) -> str:
    """Put "a" or "an" before words.

    >>> with_article("apple"), with_article("dog")
    ('an apple', 'a dog')
    """
    return ("an " if words[0] in "aeiou" else "a ") + words


def caption(cast: Cast) -> str:
    """Say what a cast does.

    >>> caption(Cast("eating", "panda", "", "orange", place="snow", subject_adjective="small", style="photo"))
    'a photo of a small panda eating an orange in the snow'
    >>> caption(Cast("alone", "dog", "", place="mountain", season="autumn", count=2))
    'two dogs on a mountain in autumn'
    """
    subject = _named(cast.subject, cast.subject_adjective, cast.count, definite="the" in cast.wording)
    words = subject
    if cast.partner is not None:
        words = f"{subject} {_relation(cast)} {_named(cast.partner, cast.partner_adjective)}"
    if cast.place is not None:
        place = PLACES[cast.place] + (f" in {cast.season}" if cast.season else "")
        words = f"{place} {words}" if "place first" in cast.wording else f"{words} {place}"
    if cast.style is not None:
        return f"{STYLES[cast.style]} {words}"
    return f"a picture of {words}" if "picture" in cast.wording else words


def _named(noun: str, adjective: str | None, count: int = 1, *, definite: bool = False) -> str:
    word = NOUNS[noun].plural if count > 1 else noun
    words = f"{adjective} {word}" if adjective else word
    if definite:
        return f"the {words}"
    if count > 1:
        return f"{NUMBERS[count]} {words}"
    return words if NOUNS[noun].bare else with_article(words)


def _relation(cast: Cast) -> str:
    if cast.relation == "next to" and "and" in cast.wording:
        return "and"
    if cast.relation in ("next to", "holding") and "with" in cast.wording:
        return "with"
    if cast.relation in ("eating", "riding on", "holding", "wearing") and "is" in cast.wording:
        return f"is {cast.relation}"
    return cast.relation
