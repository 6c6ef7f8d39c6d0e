"""What a picture of the thing is called while its word is learnt."""

from collections.abc import Collection

_TEMPLATES = (
    "a {}",
    "the {}",
    "a picture of a {}",
    "a photo of a {}",
    "a photo of the {}",
    "a close-up photo of a {}",
    "a rendition of a {}",
    "a good photo of a {}",
    "a cropped photo of the {}",
    "a bright photo of the {}",
)
"""From the templates of Textual Inversion (Gal et al. 2022, arXiv:2208.01618), those that say nothing of a medium."""


def captions_of(word: str, vocabulary: Collection[str] | None) -> tuple[str, ...]:
    """Captions that name a word, in words that the model knows; `vocabulary` are all of those, if they are few.

    >>> captions_of("<toy>", {"a", "the", "picture", "of"})
    ('a <toy>', 'the <toy>', 'a picture of a <toy>')
    """
    known = [
        template
        for template in _TEMPLATES
        if vocabulary is None or set(template.replace("-", " ").split()) - {"{}"} <= set(vocabulary)
    ]
    return tuple(template.format(word) for template in known or ["{}"])
