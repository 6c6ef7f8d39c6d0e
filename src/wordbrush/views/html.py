"""Pictures, prompts and settings as HTML that a notebook shows where it stands.

There is no script and no style sheet. Colours are translucent over the page's own, so light and dark themes both work,
and a change is told by more than its colour. Prompts may hold anything: each is escaped, and isolated (`<bdi>`).
"""

import html
import re
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from wordbrush.edits.blend import AUTO, LocalBlend
from wordbrush.edits.schedule import DEFAULT, format_window
from wordbrush.edits.settings import PROMPT_TO_PROMPT_MAX_PIXELS, EditSettings
from wordbrush.sampling.settings import GenerationSettings
from wordbrush.tokens.align import align_words
from wordbrush.tokens.prompt_tokens import PromptTokens
from wordbrush.tokens.words import find_all_words

Facts = Sequence[tuple[str, str]]
"""Names and values, as plain text."""

# What HTML cannot hold: control characters and lone surrogates.
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")

_MIN_SIDE, _MAX_WIDTH = 256, 384
_CHIP = "padding:0 .2em;border-radius:.25em"
_INS = f"{_CHIP};background:rgba(46,160,67,.3);text-decoration:underline"
_DEL = f"{_CHIP};background:rgba(248,81,73,.25);text-decoration:line-through"
_FRAME = "height:auto;display:block;margin:0;outline:1px solid rgba(128,128,128,.35)"
_FAINT = "opacity:.8;font-size:.9em"


@dataclass(frozen=True, eq=False)
class Figure:
    """A picture (PNG, width x height pixels), the text that stands for it, and its caption as HTML."""

    png: bytes
    width: int
    height: int
    alt: str
    caption: str


def card(*parts: str) -> str:
    """Pieces of HTML below each other, apart from the page around them: no `$` in them becomes a formula."""
    inner = "".join(f'<div style="margin:.3em 0">{part}</div>' for part in parts if part)
    return f'<div class="tex2jax_ignore mathjax_ignore" style="line-height:1.5">{inner}</div>'


def escaped(text: str) -> str:
    """Text that means itself in HTML, also inside of a quoted attribute.

    >>> escaped('a <b> "cat"')
    'a &lt;b&gt; &quot;cat&quot;'
    """
    return html.escape(_UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text))


def plain_prompt(prompt: str) -> str:
    """A prompt as it stands."""
    return f"<bdi>{escaped(prompt)}</bdi>"


def marked_prompts(source: str, target: str, equalizer: Mapping[str, float]) -> tuple[str, str]:
    """Both prompts, what the source loses and the target gains marked, and the target's weights beside their words.

    >>> before, after = marked_prompts("a dog", "a cat", {"cat": 2})
    >>> "<del" in before, "<ins" in after, "&times;2" in after
    (True, True, True)
    """
    before, after = _words(source), _words(target)
    pairs = align_words(before, after)
    weights = {
        word: factor
        for selector, factor in equalizer.items()
        for words in find_all_words(target, selector)
        for word in words
    }
    kept = [pair.kind == "same" for pair in pairs]
    return (
        _marked(before, [pair.source for pair in pairs], kept, f'<del style="{_DEL}">', "</del>", {}),
        _marked(after, [pair.target for pair in pairs], kept, f'<ins style="{_INS}">', "</ins>", weights),
    )


def gallery(figures: Iterable[Figure]) -> str:
    """Figures side by side, as many as there is room for; small pictures are enlarged."""
    shown = "".join(
        f'<figure style="margin:0;width:{_width(figure)}px;max-width:100%">'
        f"{_img(figure, f'width:100%;{_FRAME}')}"
        f'<figcaption style="margin-top:.3em;overflow-wrap:anywhere">{figure.caption}</figcaption></figure>'
        for figure in figures
    )
    return f'<div style="display:flex;flex-wrap:wrap;gap:.8em;align-items:flex-start">{shown}</div>'


def sheet(figure: Figure) -> str:
    """A sheet of many pictures at its own size, or as wide as there is room for; its caption below."""
    return f'{_img(figure, f"max-width:100%;{_FRAME}")}<div style="{_FAINT}">{figure.caption}</div>'


def facts_line(facts: Facts) -> str:
    """Facts in one small line."""
    shown = " &middot; ".join(f"{escaped(name)}&nbsp;<bdi>{escaped(value)}</bdi>" for name, value in facts)
    return f'<div style="{_FAINT}">{shown}</div>'


def acted_lines(acted: Sequence[str], controlled_calls: int) -> str:
    """What an edit did, in words, and that it did."""
    lines = ", ".join(f"<bdi>{escaped(line)}</bdi>" for line in acted)
    calls = f"{controlled_calls} attention calls controlled"
    return f'<div style="{_FAINT}">acted: {lines + " &middot; " if lines else ""}{calls}</div>'


def warnings(lines: Iterable[str]) -> str:
    """What to know of a result or of a setting, a line each."""
    return "<br>".join(f"&#9888; <bdi>{escaped(line)}</bdi>" for line in lines)


def table(rows: Iterable[tuple[str, str]]) -> str:
    """Rows of a name (text) and a value (HTML)."""
    cells = "".join(
        f'<tr><th scope="row" style="text-align:left;vertical-align:top;padding:.1em 1em .1em 0">{escaped(name)}</th>'
        f'<td style="text-align:left;padding:.1em 0;overflow-wrap:anywhere">{value}</td></tr>'
        for name, value in rows
    )
    return f'<table style="border-collapse:collapse">{cells}</table>'


def folded(summary: str, inner: str) -> str:
    """HTML that opens on a click."""
    return f"<details><summary>{escaped(summary)}</summary>{inner}</details>"


def code_block(code: str) -> str:
    """Code that one click selects whole, to be copied."""
    style = "user-select:all;white-space:pre-wrap;margin:0;padding:.5em;background:rgba(128,128,128,.12)"
    return f'<pre tabindex="0" aria-label="Python code" style="{style}">{escaped(code)}</pre>'


def generation_facts(settings: GenerationSettings) -> Facts:
    """What a picture was made with, besides its prompt."""
    facts = [
        ("seed", str(settings.seed)),
        ("steps", str(settings.num_inference_steps)),
        ("guidance", f"{settings.guidance_scale:g}"),
        ("size", f"{settings.height} x {settings.width}"),
    ]
    return [*facts, ("negative prompt", settings.negative_prompt)] if settings.negative_prompt else facts


def edit_facts(settings: EditSettings) -> Facts:
    """How an edit was done, besides its prompts and weights; what stands at its default is left out."""
    facts: list[tuple[str, str]] = []
    if settings.edit != "auto":
        facts.append(("kind", settings.edit))
    facts.append(("cross", format_window(settings.cross_replace_steps[DEFAULT])))
    own = {word: window for word, window in settings.cross_replace_steps.items() if word != DEFAULT}
    facts += [(f"cross of '{word}'", format_window(window)) for word, window in own.items()]
    facts.append(("self", format_window(settings.self_replace_steps)))
    if settings.self_replace_max_pixels != PROMPT_TO_PROMPT_MAX_PIXELS:
        facts.append(("self up to", f"{settings.self_replace_max_pixels} pixels"))
    if settings.mutual_self_attention is not None:
        window = settings.mutual_self_attention.window
        facts.append(("mutual self-attention", format_window((window.start, window.end))))
    if settings.plug_and_play is not None:
        pnp = settings.plug_and_play
        facts.append(
            ("Plug-and-Play", f"{pnp.feature_replace_steps:g} features, {pnp.attention_replace_steps:g} maps")
        )
    return facts if settings.local_blend is None else [*facts, ("only in", _region(settings.local_blend))]


def _img(figure: Figure, style: str) -> str:
    return (
        f'<img src="data:image/png;base64,{b64encode(figure.png).decode()}" alt="{escaped(figure.alt)}" '
        f'width="{figure.width}" height="{figure.height}" style="{style}">'
    )


def _words(prompt: str) -> PromptTokens:
    return PromptTokens.from_offsets(prompt, [], begin=0, length=0)  # words alone: no model is asked


def _marked(
    prompt: PromptTokens,
    phrases: Sequence[range],
    kept: Sequence[bool],
    opening: str,
    closing: str,
    weights: Mapping[int, float],
) -> str:
    """A prompt whose phrases (ranges of its words, in order) stand between the tags where they are not kept."""
    parts, done = [], 0
    for phrase, is_kept in zip(phrases, kept, strict=True):
        inner = []
        for place in phrase:
            word = prompt.words[place]
            inner.append(escaped(prompt.text[done : word.start]))
            inner.append(_weighted(word.text, weights.get(place)))
            done = word.end
        if inner:
            parts.append(inner[0] + (opening if not is_kept else ""))
            parts += [*inner[1:], closing if not is_kept else ""]
    return f"<bdi>{''.join(parts)}{escaped(prompt.text[done:])}</bdi>"


def _weighted(word: str, factor: float | None) -> str:
    return escaped(word) if factor is None else f"<b>{escaped(word)}</b><small>&nbsp;&times;{factor:g}</small>"


def _width(figure: Figure) -> int:
    """Whole factors, so that small pictures stay regular; large ones shrink."""
    factor = max(1, _MIN_SIDE // min(figure.width, figure.height))
    return min(figure.width * factor, _MAX_WIDTH)


def _region(blend: LocalBlend) -> str:
    """What a local blend lets change, in words."""
    by_prompt = [*(blend.source_words or ()), *(word for words in blend.target_words or () for word in words)]
    words = list(dict.fromkeys("what changes" if word == AUTO else word for word in (*blend.words, *by_prompt)))
    return " and ".join([*([", ".join(words)] if words else []), *(["a mask"] if blend.mask else [])])
