"""`wordbrush models`: what can be edited with."""

import typer


def models() -> None:
    """List the bundled model, models in the hub's local cache, and models that are known to fit."""
    from rich.console import Console
    from rich.table import Table

    from wordbrush.models.catalogue import list_models

    table = Table("--model", "where", "what", box=None, pad_edge=False)
    for model in list_models():
        table.add_row(model.name or "(none)", model.where, model.problem or model.note)
    # Piped into another program, names must not be folded.
    width = None if Console().is_terminal else 200
    Console(width=width, soft_wrap=False).print(table)
    typer.echo("A folder that save_pretrained of diffusers wrote can be named too.")
