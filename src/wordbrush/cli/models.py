"""`wordbrush models`: what can be edited with."""

import typer

from wordbrush.errors import escaped


def models() -> None:
    """List the bundled model, models in the hub's local cache, models that are known to fit, and their families."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from wordbrush.models.catalogue import list_models
    from wordbrush.models.families import FAMILIES

    table = Table("--model", "where", "what", box=None, pad_edge=False)
    for model in list_models():
        # Names of folders: no markup of rich's, and nothing that a terminal obeys.
        said = (model.name or "(none)", model.where, model.problem or model.note)
        table.add_row(*(Text(escaped(text)) for text in said))
    families = Table("pipeline class", "models", box=None, pad_edge=False)
    for name, family in FAMILIES.items():
        families.add_row(name, family.models)
    # Piped into another program, names must not be folded.
    width = None if Console().is_terminal else 200
    console = Console(width=width, soft_wrap=False)
    console.print(table)
    typer.echo("\nA folder that save_pretrained of diffusers wrote can be named too, of one of these classes:\n")
    console.print(families)
