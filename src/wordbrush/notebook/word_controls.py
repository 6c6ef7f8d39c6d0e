"""Words as chips; a pressed chip has a weight, and may be one of those whose region alone changes."""

from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets as widgets

from wordbrush.panel.state import PanelWord

MIN_WEIGHT, MAX_WEIGHT = -2.0, 10.0


class WordControls:
    """Chips of a prompt's words, and the controls of each pressed one. `changed` is called when one changes."""

    def __init__(self, changed: Callable[[], None]) -> None:
        """Show no words yet."""
        self._changed = changed
        self._words: Sequence[PanelWord] = ()
        # Kept by selector, also while a word is being typed and is not there: they come back with it.
        self._rows: dict[str, WordRow] = {}
        self.chips = widgets.HBox(layout=widgets.Layout(flex_flow="row wrap"))
        self.rows = widgets.VBox()
        self.widget = widgets.VBox([self.chips, self.rows])

    @property
    def weights(self) -> dict[str, float]:
        """The weight of each pressed word, by selector."""
        return {selector: row.weight.value for selector, row in self._rows.items()}

    @property
    def blend(self) -> tuple[str, ...]:
        """The selectors of the words whose region alone may change."""
        return tuple(selector for selector, row in self._rows.items() if row.only_here.value)

    def show(self, words: Sequence[PanelWord]) -> None:
        """Show the chips of these words."""
        if words != self._words:
            self._words = words
            self.chips.children = [self._chip(word) for word in words]
            self._show_rows()

    def _chip(self, word: PanelWord) -> widgets.ToggleButton:
        origin = {"same": "as in the source", "swapped": f"instead of '{word.stands_for}'"}.get(word.kind, "new")
        chip = widgets.ToggleButton(
            value=word.selector in self._rows,
            description=word.text,
            tooltip=f"{origin}; press for the controls of '{word.selector}'",
            button_style="" if word.kind == "same" else "success",
            layout=widgets.Layout(width="auto"),
        )

        def pressed(change: Any) -> None:
            if change["new"]:
                self._rows[word.selector] = WordRow(word.selector, self._changed)
            else:
                del self._rows[word.selector]
            self._show_rows()
            self._changed()

        chip.observe(pressed, names="value")
        return chip

    def _show_rows(self) -> None:
        self.rows.children = [self._rows[w.selector].widget for w in self._words if w.selector in self._rows]


class WordRow:
    """The controls of one word: its weight, and whether only the region of such words may change."""

    def __init__(self, selector: str, changed: Callable[[], None]) -> None:
        """Stand at what changes nothing."""
        self.weight = widgets.FloatSlider(
            value=1,
            min=MIN_WEIGHT,
            max=MAX_WEIGHT,
            step=0.25,
            description=f"{selector} \N{MULTIPLICATION SIGN}",
            tooltip="2 is stronger, 0 none, below 0 the opposite",
            style={"description_width": "7em"},
            layout=widgets.Layout(width="100%", max_width="640px"),
        )
        self.only_here = widgets.ToggleButton(
            description="only here",
            tooltip="only the region of such words may change; the rest stays the source's",
            layout=widgets.Layout(width="auto"),
        )
        for control in (self.weight, self.only_here):
            control.observe(lambda _: changed(), names="value")
        self.widget = widgets.HBox([self.weight, self.only_here], layout=widgets.Layout(flex_flow="row wrap"))
