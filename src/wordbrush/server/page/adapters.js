// LoRAs and words that the server was started with: how strongly each acts in the picture, and in the edit.

const find = (id) => document.getElementById(id);

export class Adapters {
  // `changed` is called when the edit's are moved.
  constructor(adapters, changed) {
    this.loaded = adapters.filter(({ kind }) => kind === "lora");
    this.words = adapters.filter(({ kind }) => kind === "concept").map(({ name }) => name);
    this.rows = this.loaded.map((lora, at) => this.row(lora, at, changed));
    for (const id of ["source-loras", "target-loras"]) find(id).hidden = !this.loaded.length;
    for (const id of ["prompt", "target"]) this.offerWords(id);
    this.restoreSource();
    this.restoreTarget();
  }

  row({ name, scale }, at, changed) {
    const source = slider(`source-lora-${at}`, name, "in the picture");
    const target = slider(`target-lora-${at}`, name, "in the edit");
    const [start, end] = ["from", "to"].map((bound) => percentOf(`${bound}, LoRA ${name}, in percent of the steps`));
    const window = Object.assign(document.createElement("div"), { className: "pair" });
    window.append(Object.assign(document.createElement("span"), { className: "quiet", textContent: "from / to (% of the steps)" }), start, end);
    find("source-loras").append(source.box);
    find("target-loras").append(target.box, window);
    const row = { name, scale, source, target, start, end, moved: false };
    // Who draws with a LoRA wants it in the edit too, until it is moved there.
    source.input.addEventListener("input", () => {
      source.say();
      if (!row.moved) target.set(source.input.value);
      changed();
    });
    for (const input of [target.input, start, end])
      input.addEventListener("input", () => {
        row.moved = true;
        target.say();
        changed();
      });
    return row;
  }

  // A press writes one of the own words where the prompt is being written.
  offerWords(id) {
    const box = find(`${id}-own-words`);
    box.hidden = !this.words.length;
    for (const word of this.words) {
      const button = Object.assign(document.createElement("button"), { type: "button", className: "word", textContent: word });
      button.setAttribute("aria-label", `Write ${word}`);
      button.addEventListener("click", () => {
        const text = find(id);
        text.setRangeText(word, text.selectionStart, text.selectionEnd, "end");
        text.dispatchEvent(new Event("input", { bubbles: true }));
        text.focus();
      });
      box.append(button);
    }
  }

  // As the API takes them; undefined where all act as they were loaded.
  source() {
    if (this.rows.every(({ source, scale }) => Number(source.input.value) === scale)) return undefined;
    return this.rows.map(({ name, source }) => ({ name, scale: Number(source.input.value) }));
  }

  target() {
    const windows = this.rows.map(({ name, target, start, end }) => ({ name, scale: Number(target.input.value), start: start.value / 100, end: end.value / 100 }));
    const asLoaded = windows.every(({ scale, start, end }, at) => scale === this.rows[at].scale && start === 0 && end === 1);
    return asLoaded ? undefined : windows;
  }

  restoreSource(option) {
    for (const row of this.rows) row.source.set(ofOption(option, row).scale);
  }

  restoreTarget(option) {
    for (const row of this.rows) {
      const { scale, start = 0, end = 1 } = ofOption(option, row);
      row.moved = option !== undefined;
      row.target.set(scale);
      [row.start.value, row.end.value] = [start, end].map((part) => Math.round(part * 100));
    }
  }

  // What the edit begins with: what its source has.
  followSource(option) {
    this.restoreTarget(option);
    for (const row of this.rows) row.moved = false;
  }
}

// What an option of the API says of a LoRA: as loaded where there is none, and nothing where it is not named.
function ofOption(option, { name, scale }) {
  if (option === undefined || option === null) return { scale };
  if (!Array.isArray(option)) return { scale: option[name] ?? 0 };
  return option.find((window) => window.name === name) ?? { scale: 0 };
}

function slider(id, name, where) {
  const box = document.createElement("div");
  const label = Object.assign(document.createElement("label"), { htmlFor: id });
  const said = Object.assign(document.createElement("output"), { htmlFor: id });
  const input = Object.assign(document.createElement("input"), { id, type: "range", min: -1, max: 2, step: 0.05 });
  const say = () => (said.textContent = `×${Number(input.value)}`);
  label.append(`${name} `, Object.assign(document.createElement("span"), { className: "unseen", textContent: where }), said);
  box.append(label, input);
  const set = (value) => {
    input.value = value;
    say();
  };
  return { box, input, say, set };
}

function percentOf(label) {
  const input = Object.assign(document.createElement("input"), { type: "number", min: 0, max: 100, step: 5 });
  input.setAttribute("aria-label", label);
  return input;
}
