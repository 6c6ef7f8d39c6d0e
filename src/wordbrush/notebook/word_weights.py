"""Words as chips, and a weight slider for each chosen one."""

from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets as widgets

from wordbrush.notebook.state import PanelWord

MIN_WEIGHT, MAX_WEIGHT = -2.0, 10.0


class WordWeights:
    """Chips of a prompt's words; a pressed chip has a slider. `changed` is called when a weight changes."""

    def __init__(self, changed: Callable[[], None]) -> None:
        """Show no words yet."""
        self._changed = changed
        self._words: Sequence[PanelWord] = ()
        # Kept by selector, also while a word is being typed and is not there: its weight comes back with it.
        self._sliders: dict[str, widgets.FloatSlider] = {}
        self.chips = widgets.HBox(layout=widgets.Layout(flex_flow="row wrap"))
        self.sliders = widgets.VBox()
        self.widget = widgets.VBox([self.chips, self.sliders])

    @property
    def weights(self) -> dict[str, float]:
        """The weight of each word that has a slider, by selector."""
        return {selector: slider.value for selector, slider in self._sliders.items()}

    def show(self, words: Sequence[PanelWord]) -> None:
        """Show the chips of these words."""
        if words != self._words:
            self._words = words
            self.chips.children = [self._chip(word) for word in words]
            self._show_sliders()

    def _chip(self, word: PanelWord) -> widgets.ToggleButton:
        origin = {"same": "as in the source", "swapped": f"instead of '{word.stands_for}'"}.get(word.kind, "new")
        chip = widgets.ToggleButton(
            value=word.selector in self._sliders,
            description=word.text,
            tooltip=f"{origin}; press to weigh '{word.selector}'",
            button_style="" if word.kind == "same" else "success",
            layout=widgets.Layout(width="auto"),
        )

        def pressed(change: Any) -> None:
            if change["new"]:
                self._sliders[word.selector] = self._slider(word.selector)
            else:
                del self._sliders[word.selector]
            self._show_sliders()
            self._changed()

        chip.observe(pressed, names="value")
        return chip

    def _slider(self, selector: str) -> widgets.FloatSlider:
        slider = widgets.FloatSlider(
            value=1,
            min=MIN_WEIGHT,
            max=MAX_WEIGHT,
            step=0.25,
            description=f"{selector} \N{MULTIPLICATION SIGN}",
            tooltip="2 is stronger, 0 none, below 0 the opposite",
            style={"description_width": "7em"},
            layout=widgets.Layout(width="100%", max_width="780px"),
        )
        slider.observe(lambda _: self._changed(), names="value")
        return slider

    def _show_sliders(self) -> None:
        self.sliders.children = [
            self._sliders[word.selector] for word in self._words if word.selector in self._sliders
        ]
