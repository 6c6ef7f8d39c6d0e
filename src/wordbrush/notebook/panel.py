"""The panel: a thin view of a `PanelState`, made of ipywidgets."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from threading import Event, Thread
from typing import Any, Unpack

import ipywidgets as widgets

from wordbrush.editor import Editor
from wordbrush.edits.settings import EditOptions
from wordbrush.maps.attention_maps import AttentionMaps
from wordbrush.notebook.word_controls import WordControls
from wordbrush.panel.session import EditSession, RunView
from wordbrush.panel.state import PanelState
from wordbrush.pictures.save import plain_png_bytes
from wordbrush.runs.results import EditResult, Source
from wordbrush.views.notebook import ShownPicture, code_html, marks_html, problem_html, sheet_html
from wordbrush.views.prompts import marked_prompts, unmarked

_MAX_SEED = 2**53 - 1  # the largest whole number up to which a browser holds all exactly
_WIDE = {"width": "100%", "max_width": "780px"}
_LABEL = {"description_width": "7em"}
_WINDOWS = ("cross_replace_steps", "self_replace_steps")


class EditPanel:
    """Edit a picture in a notebook: change words, weigh them, choose windows, look.

    The last expression of a cell shows it. `state` is what its controls say, `code` the Python that does the same,
    `source` and `result` are the latest pictures, for the cells below. A run has a thread of its own, so that the
    notebook stays alive and Cancel works.

    >>> panel = EditPanel(Editor.from_pretrained(), "a dog eating an apple", num_inference_steps=2)
    >>> panel.target.value = "a cat eating an apple"  # or type it
    >>> panel.edit()
    >>> panel.wait()
    >>> panel.result.record.acted
    (("'dog' -> 'cat'",),)
    """

    def __init__(
        self,
        editor: Editor,
        prompt: str,
        target: str | None = None,
        *,
        seed: int = 0,
        num_inference_steps: int | None = None,
        guidance_scale: float | None = None,
        **options: Unpack[EditOptions],
    ) -> None:
        """Stand at `prompt`, and at the model's own settings where none are given; nothing runs yet.

        - `options`: further ones of an edit, as `Editor.edit` takes them. A window sets its slider; all others act in
          every edit, and stand above the words' own controls.

        Raises `SettingsError` for an option that an edit does not have, or a bad value.
        """
        made = editor.generation_settings(prompt)
        editor.edit_settings(target or prompt, made, **options)  # raises here, and not at the first edit
        windows = {name: options.pop(name) for name in _WINDOWS if _is_window(options.get(name))}  # type: ignore[misc]
        defaults = editor.model.defaults
        self.state = PanelState(
            prompt,
            prompt if target is None else target,
            seed,
            defaults.num_inference_steps if num_inference_steps is None else num_inference_steps,
            defaults.guidance_scale if guidance_scale is None else guidance_scale,
            _window(windows.get("cross_replace_steps", defaults.cross_replace_steps)),
            _window(windows.get("self_replace_steps", defaults.self_replace_steps)),
            more=options,
        )
        self._session = EditSession(editor)
        self._stop = Event()
        self._worker: Thread | None = None
        self._make_inputs()
        self._make_outputs()
        self.widget = widgets.VBox(
            [
                self.prompt,
                self.target,
                self.marks,
                self.words.widget,
                self.cross_window,
                self.self_window,
                self.blend_threshold,
                _row(self.seed, self.steps, self.guidance),
                _row(self.edit_button, self.maps_button, self.cancel_button, self.bar),
                self.problem,
                self.pictures,
                self.maps,
                self.python,
            ]
        )
        self._refresh()

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        return self.widget._repr_mimebundle_(**kwargs)

    @property
    def source(self) -> Source | None:
        """The latest source."""
        return self._session.source

    @property
    def result(self) -> EditResult | None:
        """The latest edit."""
        return self._session.result

    @property
    def code(self) -> str:
        """Python that makes the pictures that the controls stand at."""
        return self.state.code(self._session.model, self._session.adapters, self._session.guides)

    def edit(self) -> None:
        """Make what the controls say, in the background; while a run is on, do nothing."""
        self._start(partial(self._session.edit, self.state))

    def look(self) -> None:
        """Show what each word of the latest picture looks at, in the background; while a run is on, do nothing."""
        self._start(self._session.look)

    def cancel(self) -> None:
        """Stop the run after the step that it is at; the pictures stay those from before."""
        self._stop.set()

    def wait(self) -> None:
        """Return when no run is on."""
        if self._worker is not None:
            self._worker.join()

    def progress(self, what: str, done: int, total: int) -> None:
        """Show how far a run is."""
        self.bar.description = what
        self.bar.max = total
        self.bar.value = done

    def show(self, made: Source | EditResult) -> None:
        """Show what was made; maps of what was there before go."""
        self.pictures.value = made._repr_html_()
        self.maps.value = ""

    def show_maps(self, maps: AttentionMaps, made: Source | EditResult) -> None:
        """Show attention maps, laid over their picture."""
        drawn = maps.sheet(made.canvas, overlays=True)
        words = ", ".join(maps.words)
        alt = f"attention maps of {words}"
        shown = ShownPicture(plain_png_bytes(drawn), *drawn.size, alt, unmarked(maps.aggregation))
        self.maps.value = sheet_html(shown)

    def tell(self, problem: str) -> None:
        """Show why a run ended early."""
        self.problem.value = problem_html(problem)

    def _start(self, run: Callable[[RunView, Event], None]) -> None:
        if self._worker is not None and self._worker.is_alive():
            return
        self._stop = stop = Event()
        self.problem.value = ""
        self._set_running(True)

        def work() -> None:
            run(self, stop)
            self._set_running(False)

        self._worker = Thread(target=work, daemon=True)
        self._worker.start()

    def _set_running(self, running: bool) -> None:
        self.edit_button.disabled = self.maps_button.disabled = running
        self.cancel_button.disabled = not running
        self.bar.value = 0
        self.bar.layout.visibility = "visible" if running else "hidden"

    def _make_inputs(self) -> None:
        self.prompt = self._bound(widgets.Text, "prompt", "source", layout=_WIDE)
        self.target = self._bound(widgets.Text, "target", "target", layout=_WIDE)
        self.words = WordControls(self._words_changed)
        window = partial(self._bound, widgets.FloatRangeSlider, min=0, max=1, step=0.05, layout=_WIDE)
        self.cross_window = window(
            "cross_replace_steps", "cross", tooltip="the steps in which words keep the source's maps: more holds more"
        )
        self.self_window = window(
            "self_replace_steps", "self", tooltip="the steps in which the source's self-attention is kept: shapes"
        )
        self.blend_threshold = self._bound(
            widgets.FloatSlider,
            "blend_threshold",
            "only here >",
            min=0,
            max=0.95,
            step=0.05,
            tooltip="how strongly a place must listen to a word that changes 'only here'; more is a smaller region",
            layout=_WIDE,
        )
        number = {"width": "12em"}
        self.seed = self._bound(widgets.BoundedIntText, "seed", "seed", min=0, max=_MAX_SEED, layout=number)
        self.steps = self._bound(
            widgets.BoundedIntText, "num_inference_steps", "steps", min=1, max=1000, layout=number
        )
        self.guidance = self._bound(
            widgets.BoundedFloatText, "guidance_scale", "guidance", min=0, max=100, step=0.5, layout=number
        )
        self.edit_button = widgets.Button(description="Edit", button_style="primary", icon="paint-brush")
        self.edit_button.on_click(lambda _: self.edit())
        self.maps_button = widgets.Button(
            description="Maps", icon="eye", tooltip="show what each word of the latest picture looks at"
        )
        self.maps_button.on_click(lambda _: self.look())
        self.cancel_button = widgets.Button(description="Cancel", icon="stop", disabled=True)
        self.cancel_button.on_click(lambda _: self.cancel())

    def _make_outputs(self) -> None:
        self.marks = widgets.HTML()
        self.bar = widgets.IntProgress(layout=widgets.Layout(visibility="hidden"))
        self.problem = widgets.HTML()
        self.pictures = widgets.HTML()
        self.maps = widgets.HTML()
        self.python = widgets.HTML()

    def _bound(self, kind: Callable[..., Any], field: str, label: str, **traits: Any) -> Any:
        """A control that stands at a field of the state, and sets it."""
        control = kind(value=getattr(self.state, field), description=label, style=_LABEL, **traits)

        def changed(change: Any) -> None:
            self.state = replace(self.state, **{field: change["new"]})
            self._refresh()

        control.observe(changed, names="value")
        return control

    def _words_changed(self) -> None:
        self.state = replace(self.state, weights=self.words.weights, blend=self.words.blend)
        self._refresh()

    def _refresh(self) -> None:
        """Show what follows from the state: how the prompts correspond, the words, the code."""
        state = self.state = replace(self.state, added=self._session.added_words)
        before, after = marked_prompts(state.prompt, state.target, state.equalizer(), state.added)
        self.marks.value = marks_html(before, after, self._session.hints(state))
        self.words.show(state.words())
        self.blend_threshold.layout.display = "flex" if state.local_blend() else "none"
        self.python.value = code_html(self.code)


def _is_window(value: object) -> bool:
    return isinstance(value, int | float | tuple | list)


def _window(value: Any) -> tuple[float, float]:
    start, end = value if isinstance(value, tuple | list) else (0.0, value)
    return (float(start), float(end))


def _row(*parts: Any) -> Any:
    return widgets.HBox(list(parts), layout=widgets.Layout(flex_flow="row wrap"))
