// Which setting differs between the pictures of a sheet, and over which values.

const find = (id) => document.getElementById(id);

// A setting that can differ: its name, where it begins and ends unless told otherwise, its bounds, how a value is said.
const setting = (name, from, to, low, high, step, said) => ({ name, from, to, low, high, step, said });

export class Sweep {
  // `chips()` are the words of the edit, `begin(what, values)` makes the sheet; what is a setting with its `kind`.
  constructor(chips, begin) {
    this.chips = chips;
    find("sweep-what").addEventListener("input", () => this.choose());
    find("sweep-form").addEventListener("submit", (event) => {
      if (event.submitter?.value === "make") begin(this.what, this.values().map((value) => [this.what.said(value), value]));
    });
  }

  // `drawn` says whether the source was drawn, so that other seeds have one too; `seed` is its own.
  ask(drawn, seed, region) {
    const words = this.chips().filter((chip) => chip.kind !== "dropped");
    this.settings = [
      { kind: "hold", ...setting("How much of the picture is kept (%)", 10, 100, 5, 100, 1, (value) => `keep ${value} %`) },
      ...words.map((chip) => ({ kind: "weight", word: chip.selector, ...setting(`Weight of “${chip.text}”`, 0, 3, -2, 8, 0.05, (value) => `${chip.text} × ${value}`) })),
      ...(region ? [{ kind: "threshold", ...setting("Where the region begins (%)", 10, 60, 0, 95, 1, (value) => `from ${value} %`) }] : []),
      ...(drawn ? [{ kind: "seed", ...setting("Seed", seed + 1, seed + 6, 0, Number.MAX_SAFE_INTEGER, 1, (value) => `seed ${value}`) }] : []),
    ];
    find("sweep-what").replaceChildren(...this.settings.map(({ name }, at) => new Option(name, at)));
    this.choose();
    find("sweep-dialog").showModal();
  }

  get what() {
    return this.settings[find("sweep-what").value];
  }

  choose() {
    const { from, to, low, high, step } = this.what;
    for (const [id, value] of [["sweep-from", from], ["sweep-to", to]]) Object.assign(find(id), { min: low, max: high, step, value });
  }

  // Evenly from one end to the other, in the setting's own steps; no value twice.
  values() {
    const [from, to, count] = ["sweep-from", "sweep-to", "sweep-count"].map((id) => Number(find(id).value));
    const { step } = this.what;
    const even = Array.from({ length: count }, (_, at) => from + ((to - from) * at) / (count - 1));
    return [...new Set(even.map((value) => Number((Math.round(value / step) * step).toFixed(2))))];
  }
}
