"""Build the table of sizes, `src/wordbrush/sizes/sizes.csv`.

    python tools/build_sizes.py size_fixed.csv

`size_fixed.csv` is from THINGSplus (Stoinski, Perkuhn & Hebart 2023, doi 10.3758/s13428-023-02110-8; CC0 1.0): people
rated the size of 1,854 things on a scale that runs from small to large things. A line through 32 things of known
length gives metres: log10(metres) = 0.0112 x rating - 3.260 (r = .984; at worst 2.3 times off).
`tools/sizes/corrections.csv` overrides it: nouns that it lacks, rates in another sense, or rates far
from what everyone knows.
"""

import csv
import sys
from pathlib import Path

HERE = Path(__file__).parent / "sizes"
SIZES = Path(__file__).parents[1] / "src/wordbrush/sizes"
FIELDS = ("noun", "category", "metres", "source")


def metres(rating: float) -> float:
    """A rating in metres, to two digits: more would say more than is known."""
    return float(f"{10 ** (0.0112 * rating - 3.260):.2g}")


def categories() -> dict[str, str]:
    """The category of each noun that `categories.txt` lists."""
    lines = (line for line in (HERE / "categories.txt").read_text("utf-8").splitlines() if not line.startswith("#"))
    listed = (line.split(":") for line in lines)
    return {noun.strip(): category for category, nouns in listed for noun in nouns.split(",")}


def rated(path: Path) -> dict[str, dict[str, str]]:
    """THINGSplus's nouns that have one sense."""
    with path.open(encoding="utf-8", newline="") as file:
        things = [(row["word"].strip(), float(row["meanSize"])) for row in csv.DictReader(file, delimiter=";")]
    nouns = [noun for noun, _ in things]
    known = categories()
    if unused := known.keys() - set(nouns):
        raise SystemExit(f"categories.txt names what THINGSplus does not have: {', '.join(sorted(unused))}")
    return {
        noun: dict(zip(FIELDS, (noun, known.get(noun, "object"), f"{metres(rating):g}", "THINGSplus"), strict=True))
        for noun, rating in things
        if nouns.count(noun) == 1
    }


def main(path: Path) -> None:
    """Write the table."""
    with (HERE / "corrections.csv").open(encoding="utf-8", newline="") as file:
        corrected = {row["noun"]: row for row in csv.DictReader(file)}
    with (SIZES / "kinds.csv").open(encoding="utf-8", newline="") as file:
        elsewhere = {row["word"] for row in csv.DictReader(file)}
    table = {noun: row for noun, row in rated(path).items() if noun not in elsewhere} | corrected
    with (SIZES / "sizes.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(table[noun] for noun in sorted(table))
    print(f"{len(table)} nouns, {len(corrected)} of them set right by hand")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
