"""A progress bar on a terminal, a line at the start and at the end elsewhere."""

import sys
import time
from types import TracebackType
from typing import Self

from wordbrush.cli.process import interruptions


class Progress:
    """Shows steps as they are done: a context manager to be given as `on_step`."""

    def __init__(self, label: str, quiet: bool) -> None:
        """Show nothing when `quiet`."""
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        console = Console(stderr=True)
        self._label = label
        self._quiet = quiet
        self._started = time.monotonic()
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=quiet or not console.is_terminal,
        )
        self._terminal = console.is_terminal
        self._task = self._bar.add_task(label, total=None)

    def __enter__(self) -> Self:
        """Start the bar."""
        self._bar.start()
        return self

    def __call__(self, done: int, total: int) -> None:
        """Show how many steps are done; where there is no bar, say once that they have begun."""
        interruptions.check()
        if done == 1 and not self._quiet and not self._terminal:
            print(f"{self._label} ...", file=sys.stderr)
        self._bar.update(self._task, completed=done, total=total)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop the bar; where there is none, say how long it took."""
        self._bar.stop()
        if kind is None and not self._quiet and not self._terminal:
            print(f"{self._label}: done in {time.monotonic() - self._started:.1f} s", file=sys.stderr)
