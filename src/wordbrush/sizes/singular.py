"""The singular of a noun, found by rule."""

from collections.abc import Iterator

IRREGULAR = {
    "men": "man",
    "women": "woman",
    "children": "child",
    "people": "person",
    "mice": "mouse",
    "geese": "goose",
    "feet": "foot",
    "teeth": "tooth",
    "oxen": "ox",
    "dice": "dice",
    "cacti": "cactus",
    "ladies": "lady",
    "octopi": "octopus",
}
"""Plurals that no rule gives."""


def singulars(noun: str) -> Iterator[str]:
    """What the singular of a noun, in small letters, may be: itself first, then by rule, the likeliest first.

    Only the last word of several changes, and its compounds follow it (snowmen, snowman).

    >>> list(singulars("foxes"))
    ['foxes', 'fox', 'foxe']
    >>> list(singulars("polar bears"))
    ['polar bears', 'polar bear']
    >>> "snowman" in singulars("snowmen"), "wolf" in singulars("wolves"), "cherry" in singulars("cherries")
    (True, True, True)
    """
    yield noun
    for plural, singular in IRREGULAR.items():
        if noun.endswith(plural):
            yield noun.removesuffix(plural) + singular
    if noun.endswith("ies"):
        yield noun[:-3] + "y"
    if noun.endswith("ves"):
        yield noun[:-3] + "f"
        yield noun[:-3] + "fe"
    if noun.endswith(("ses", "xes", "zes", "ches", "shes", "oes")):
        yield noun[:-2]
    if noun.endswith("s") and not noun.endswith("ss"):
        yield noun[:-1]


def same_noun(one: str, other: str) -> bool:
    """Whether two nouns in small letters are one, in the singular or in the plural.

    >>> same_noun("potatoes", "potato"), same_noun("knife", "knives"), same_noun("bus", "buses")
    (True, True, True)
    >>> same_noun("cat", "cap"), same_noun("glass", "glasses")
    (False, True)
    """
    return not set(singulars(one)).isdisjoint(singulars(other))
