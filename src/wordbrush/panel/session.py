"""Runs what the panel stands at, and keeps the source, so that another weight or window costs only the edit."""

from collections.abc import Callable
from threading import Event
from typing import Protocol

from wordbrush.editor import Editor
from wordbrush.errors import SettingsError, WordbrushError
from wordbrush.maps.attention_maps import AttentionMaps
from wordbrush.models.adapter_file import AdapterFile
from wordbrush.models.guides import GuidesRecord
from wordbrush.models.load import ModelInfo
from wordbrush.panel.state import PanelState
from wordbrush.runs.results import EditResult, Source
from wordbrush.tokens.unknown_words import unknown_word_said


class RunView(Protocol):
    """Where a run is seen."""

    def progress(self, what: str, done: int, total: int, /) -> None:
        """So many of the steps of `what` are done."""
        ...

    def show(self, made: Source | EditResult, /) -> None:
        """A picture is there."""
        ...

    def show_maps(self, maps: AttentionMaps, made: Source | EditResult, /) -> None:
        """The attention maps of a picture are there."""
        ...

    def tell(self, problem: str, /) -> None:
        """The run ended early, and why."""
        ...


class Cancelled(Exception):
    """The user stopped the run."""


class EditSession:
    """An editor at work for one panel; `source` and `result` are the latest that were made."""

    def __init__(self, editor: Editor) -> None:
        """Nothing runs before it is asked for."""
        self._editor = editor
        self.source: Source | None = None
        self.result: EditResult | None = None

    @property
    def model(self) -> str:
        """The model's name, as it was given."""
        return self._editor.model.name

    @property
    def adapters(self) -> tuple[AdapterFile, ...]:
        """The LoRAs and concepts that are loaded beside it, as they are now."""
        return self._editor.model.adapters

    @property
    def guides(self) -> GuidesRecord | None:
        """The pictures that guide it, as they are now."""
        return self._editor.model.guides

    @property
    def added_words(self) -> frozenset[str]:
        """The words that were added to the model."""
        return self._editor.added_words

    def hints(self, state: PanelState) -> list[str]:
        """What is worth saying before a run: the words that the model does not know."""
        unknown = self._editor.unknown_words([state.prompt, state.target])
        return [unknown_word_said(*each) for each in unknown.items()]

    def edit(self, state: PanelState, view: RunView, stop: Event) -> None:
        """Make the source, unless it is there, and the edit. Every end is told to the view, and nothing is raised."""

        def work() -> None:
            if self.source is None or not _is_of(self.source, state, self._editor.model):
                self.source = self._editor.generate(
                    state.prompt, **state.generate_arguments(), on_step=_reporting("source", view, stop)
                )
                self.result = None
                view.show(self.source)
            self.result = self._editor.edit(
                self.source, state.target, **state.edit_arguments(), on_step=_reporting("edit", view, stop)
            )
            view.show(self.result)

        _told(work, view)

    def look(self, view: RunView, stop: Event) -> None:
        """Show what each word of the latest picture looks at. Every end is told to the view, and nothing is raised."""

        def work() -> None:
            made = self.result or self.source
            if made is None:
                raise SettingsError("there is no picture to show the maps of; press Edit first")
            view.show_maps(self._editor.maps(made, on_step=_reporting("maps", view, stop)), made)

        _told(work, view)


def _reporting(what: str, view: RunView, stop: Event) -> Callable[[int, int], None]:
    def on_step(done: int, total: int) -> None:
        if stop.is_set():
            raise Cancelled
        view.progress(what, done, total)

    return on_step


def _told(work: Callable[[], None], view: RunView) -> None:
    try:
        work()
    except Cancelled:
        view.tell("cancelled; what is shown was finished before")
    except WordbrushError as error:
        view.tell(str(error))
    except Exception as error:  # what is not foreseen must be told as well: no one reads a thread's traceback
        view.tell(f"{type(error).__name__}: {error}")


def _is_of(source: Source, state: PanelState, model: ModelInfo) -> bool:
    made, made_with = source.settings, source.record.model
    if (made_with.adapters, made_with.guides) != (model.adapters, model.guides):
        return False
    return (made.prompt, made.seed, made.num_inference_steps, made.guidance_scale) == (
        state.prompt,
        state.seed,
        state.num_inference_steps,
        state.guidance_scale,
    )
