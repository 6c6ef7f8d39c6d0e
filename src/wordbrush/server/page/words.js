// Words as buttons: each shows its map while it is pointed at, and is chosen by a press.

const find = (id) => document.getElementById(id);
const SAID = { kept: "kept", replaced: "replaced", added: "added", dropped: "dropped" };

// A word without the number that tells it from others like it.
export const spoken = (selector) => selector.replace(/\[\d+\]$/, "");

// `look(word)` shows a map, `look(null)` takes it away.
export function wordButton(word, look, press) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "word";
  button.textContent = spoken(word);
  for (const on of ["pointerenter", "focus"]) button.addEventListener(on, () => look(word));
  for (const off of ["pointerleave", "blur"]) button.addEventListener(off, () => look(null));
  button.addEventListener("click", () => {
    button.focus(); // not every browser does it, and the map is there while the word has the focus
    press(word);
  });
  return button;
}

// The chips of an edit, and the controls of the one that is chosen.
export class Chips {
  constructor(settings, look, changed) {
    Object.assign(this, { settings, look, changed, chips: [], chosen: null });
    find("weight").addEventListener("input", () => this.set(() => (settings.weights[this.chosen] = Number(find("weight").value))));
    find("only-here").addEventListener("input", () =>
      this.set(() => (find("only-here").checked ? settings.regions.add(this.chosen) : settings.regions.delete(this.chosen))),
    );
    for (const id of ["own-window", "own-end"]) find(id).addEventListener("input", () => this.set(() => this.setWindow()));
    find("word-away").addEventListener("click", () => this.choose(null, true));
  }

  setWindow() {
    if (find("own-window").checked) this.settings.windows[this.chosen] = [0, Number(find("own-end").value) / 100];
    else delete this.settings.windows[this.chosen];
  }

  set(change) {
    change();
    this.showWord();
    this.changed();
  }

  show(chips) {
    this.chips = chips;
    const focused = document.activeElement?.dataset?.chip;
    find("chips").replaceChildren(...chips.map((chip) => this.button(chip)));
    if (focused) find("chips").querySelector(`[data-chip="${CSS.escape(focused)}"]`)?.focus();
    if (!chips.some((chip) => chip.selector === this.chosen && chip.kind !== "dropped")) this.chosen = null;
    this.showWord();
  }

  button(chip) {
    const press = chip.kind === "dropped" ? () => {} : () => this.choose(chip.selector === this.chosen ? null : chip.selector);
    const button = wordButton(chip.text, (word) => this.look(word && chip), press);
    const region = this.settings.regions.has(chip.selector) && chip.kind !== "dropped";
    button.classList.add(chip.kind);
    button.classList.toggle("region", region);
    button.dataset.chip = `${chip.kind} ${chip.selector}`;
    const instead = chip.kind === "replaced" ? `${chip.stands_for} →` : "";
    if (instead && this.firstOf(chip)) {
      const old = document.createElement("i");
      old.textContent = `${instead} `;
      button.prepend(old);
    }
    if (chip.weight !== 1) {
      const weight = document.createElement("b");
      weight.textContent = `×${chip.weight}`;
      button.append(weight);
    }
    if (chip.kind === "dropped") button.setAttribute("aria-disabled", "true");
    else button.setAttribute("aria-pressed", chip.selector === this.chosen);
    const said = [SAID[chip.kind], instead && `instead of ${chip.stands_for}`, chip.weight !== 1 && `weight ${chip.weight}`, region && "only its region changes"];
    button.setAttribute("aria-label", `${chip.text}: ${said.filter(Boolean).join(", ")}`);
    return button;
  }

  // The first chip of those that stand for the same words says so.
  firstOf(chip) {
    return this.chips.find((other) => other.kind === "replaced" && other.stands_for === chip.stands_for) === chip;
  }

  choose(selector, back) {
    const before = this.chosen;
    this.chosen = selector;
    this.show(this.chips);
    if (back) find("chips").querySelector(`[data-chip$=" ${CSS.escape(before)}"]`)?.focus();
  }

  showWord() {
    const word = this.chosen;
    find("word").hidden = word === null;
    if (word === null) return;
    const { weights, regions, windows } = this.settings;
    const typed = this.chips.find((chip) => chip.selector === word && chip.kind !== "dropped");
    find("word-name").textContent = typed.text;
    find("weight").value = weights[word] ?? typed.weight;
    find("weight-out").textContent = `×${find("weight").value}`;
    find("only-here").checked = regions.has(word);
    find("own-window").checked = word in windows;
    find("own-window-row").hidden = !(word in windows);
    if (word in windows) find("own-end").value = Math.round(windows[word][1] * 100);
    find("own-end-out").textContent = `${find("own-end").value} %`;
  }
}
