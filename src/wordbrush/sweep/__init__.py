"""Sweeps: one edit over a grid of its settings, from one run of the source for each seed.

>>> from wordbrush.sweep import Axis, parse_range
>>> Axis("cross_replace_steps", parse_range("0:1:0.5", "cross"))
Axis(parameter='cross_replace_steps', values=(0.0, 0.5, 1.0), word='')
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wordbrush.sweep.axes import Axis
    from wordbrush.sweep.grid import Sweep, plan_sweep
    from wordbrush.sweep.ranges import parse_range
    from wordbrush.sweep.report import SweepReport
    from wordbrush.sweep.run import Cell, run_sweep
    from wordbrush.sweep.sheet import sweep_sheet

__all__ = ["Axis", "Cell", "Sweep", "SweepReport", "parse_range", "plan_sweep", "run_sweep", "sweep_sheet"]

_HOMES = {
    "Axis": "axes",
    "Cell": "run",
    "Sweep": "grid",
    "SweepReport": "report",
    "parse_range": "ranges",
    "plan_sweep": "grid",
    "run_sweep": "run",
    "sweep_sheet": "sheet",
}


def __getattr__(name: str) -> object:
    """Import on first use: to read a range takes no model library."""
    if name not in _HOMES:
        raise AttributeError(f"module 'wordbrush.sweep' has no attribute '{name}'")
    from importlib import import_module

    return getattr(import_module(f"wordbrush.sweep.{_HOMES[name]}"), name)
