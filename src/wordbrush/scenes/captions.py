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
    """What a cast does, in words.

    >>> caption(Cast("eating", "panda", "", "orange", place="snow", subject_adjective="small", style="photo"))
    'a photo of a small panda eating an orange in the snow'
    >>> caption(Cast("alone", "dog", "", place="mountain", season="autumn", count=2))
    'two dogs on a mountain in autumn'
    """
    subject = _named(
        called(cast, cast.subject),
        cast.subject_adjective,
        cast.count,
        bare=NOUNS[cast.subject].bare,
        definite="the" in cast.wording,
    )
    words = subject
    if cast.partner is not None:
        partner = _named(cast.partner, cast.partner_adjective, bare=NOUNS[cast.partner].bare)
        words = f"{subject} {_relation(cast)} {partner}"
    if cast.place is not None:
        place = PLACES[cast.place] + (f" in {cast.season}" if cast.season else "")
        words = f"{place} {words}" if "place first" in cast.wording else f"{words} {place}"
    if cast.style is not None:
        return f"{STYLES[cast.style]} {words}"
    return f"a picture of {words}" if "picture" in cast.wording else words


def called(cast: Cast, noun: str) -> str:
    """How the caption calls one of the cast's nouns.

    >>> called(Cast("alone", "mouse", "", count=2), "mouse")
    'mice'
    """
    return NOUNS[noun].plural if noun == cast.subject and cast.count > 1 else noun


def _named(word: str, adjective: str | None, count: int = 1, *, bare: bool = False, definite: bool = False) -> str:
    words = f"{adjective} {word}" if adjective else word
    if definite:
        return f"the {words}"
    if count > 1:
        return f"{NUMBERS[count]} {words}"
    return words if bare else with_article(words)


def _relation(cast: Cast) -> str:
    if cast.relation == "next to" and "and" in cast.wording:
        return "and"
    if cast.relation in ("next to", "holding") and "with" in cast.wording:
        return "with"
    if cast.relation in ("eating", "riding on", "holding", "wearing") and "is" in cast.wording:
        return f"is {cast.relation}"
    return cast.relation
