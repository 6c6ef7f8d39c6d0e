"""What commands share that make several edits and rank them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from wordbrush.cli.command import flag
from wordbrush.cli.flags import RUN
from wordbrush.cli.output import say, say_written
from wordbrush.errors import SettingsError

if TYPE_CHECKING:
    from wordbrush.edits.settings import EditOptions
    from wordbrush.search.ranking import Ranking

Clip = Annotated[Path | None, flag("--clip", help="Folder of a CLIP model that helps to score.", group=RUN)]


def searching(options: "EditOptions", clip: Path | None, candidates: int | None) -> "EditOptions":
    """The options of an edit, whose search for a strength asks CLIP too. Raises `SettingsError` where it scores
    nothing.
    """
    if clip is None or candidates is not None:
        return options
    if not needs_search(options):
        raise SettingsError("--clip does nothing alone; add --strength auto or --candidates N")
    from wordbrush.edits.strength import StrengthSearch

    return {**options, "strength": StrengthSearch(clip=str(clip))}


def needs_search(options: "EditOptions") -> bool:
    """Whether the strength is searched for."""
    from wordbrush.edits.strength import StrengthSearch

    return StrengthSearch.asked(options.get("strength")) is not None


def write_ranking(ranked: "Ranking", out: Path, quiet: bool) -> None:
    """Write a ranking, and say it."""
    written = ranked.save(out)
    for rank, one in enumerate(ranked, start=1):
        say(f"{rank}. {one.label}: {one.score}", quiet)
    say_written(written, quiet)
