"""HTML from templates: autoescape is always on, so every text means itself, wherever it came from.

A template stands in the folder `templates` of the package that shows something. It may extend `page.html`, the one
head of all pages.
"""

import re
from base64 import b64encode
from functools import cache
from typing import TYPE_CHECKING

from wordbrush.views.facts import edit_facts, generation_facts, inversion_facts

if TYPE_CHECKING:
    from jinja2 import Environment

# What HTML cannot hold: control characters and lone surrogates.
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


@cache
def environment(package: str) -> "Environment":
    """The templates of a package, and those of `wordbrush.views` for them to build on.

    Args:
        package: a package with a folder `templates`, such as "wordbrush.figures".
    """
    # Imported here: most commands show no HTML.
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    loader = ChoiceLoader([PackageLoader(package), PackageLoader("wordbrush.views")])
    made = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_printable,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters |= {
        "base64": lambda data: b64encode(data).decode(),
        "edit_facts": edit_facts,
        "generation_facts": generation_facts,
        "inversion_facts": inversion_facts,
    }
    return made


def render(package: str, template: str, **values: object) -> str:
    """Fill in a template.

    Args:
        package: whose template it is, such as "wordbrush.figures".
        template: its file name.
        values: its variables. A missing one is an error (`jinja2.UndefinedError`).

    >>> page = render("wordbrush.views", "page.html", title="<b> & 'cat'", about=[])
    >>> "<title>&lt;b&gt; &amp; &#39;cat&#39;</title>" in page
    True
    """
    return environment(package).get_template(template).render(**values)


def _printable(value: object) -> object:
    """Text with a mark in place of each character that HTML cannot hold; what a template already made stays."""
    if isinstance(value, str) and not hasattr(value, "__html__"):
        return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", value)
    return value
