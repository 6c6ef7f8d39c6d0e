"""`wordbrush bench`: measurements that anyone can make again."""

import typer

from wordbrush.cli_bench_speed import speed

bench = typer.Typer(
    help="Measure how good edits are, and what they cost.", no_args_is_help=True, rich_markup_mode=None
)
bench.command()(speed)


@bench.callback()
def _bench() -> None:
    """Measure how good edits are, and what they cost."""
