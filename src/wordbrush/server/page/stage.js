// The picture: before and after with a divider between them, and the map of a word laid over it.

import { fileOf } from "./api.js";
import { spoken } from "./words.js";

const find = (id) => document.getElementById(id);

export class Stage {
  constructor(colours) {
    this.colours = colours.map((hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)));
    this.box = find("stage");
    this.compare = find("compare");
    this.compare.addEventListener("input", () => this.divide());
    this.box.addEventListener("pointerdown", (event) => this.drag(event));
    this.box.addEventListener("pointermove", (event) => event.buttons && this.drag(event));
  }

  show(source, result) {
    this.set("before", source, source && `Before: ${promptOf(source)}`);
    this.set("after", result, result && `After: ${promptOf(result)}`);
    find("empty").hidden = Boolean(source);
    this.compareWith(Boolean(result));
    if (source) this.box.style.aspectRatio = `${source.width} / ${source.height}`;
    this.divide();
  }

  // A picture that is not finished yet: of an edit beside its source, otherwise alone.
  preview(address, isEdit) {
    if (isEdit) this.compareWith(true);
    else {
      find("after").hidden = true;
      this.compareWith(false);
    }
    const image = find(isEdit ? "after" : "before");
    image.src = address;
    image.alt = "A picture that is being made";
    image.hidden = false;
    find("empty").hidden = true;
    if (!this.mapped) this.divide();
  }

  set(id, picture, alt) {
    const image = find(id);
    image.hidden = !picture;
    if (picture) {
      image.src = fileOf(picture.id);
      image.alt = alt;
    }
  }

  compareWith(isEdit) {
    find("compare-row").hidden = !isEdit;
    find("divider").hidden = !isEdit || this.mapped;
    this.box.classList.toggle("comparing", isEdit);
  }

  get comparing() {
    return this.box.classList.contains("comparing");
  }

  get mapped() {
    return this.box.classList.contains("mapped");
  }

  divide() {
    const percent = this.compare.value;
    find("after").style.clipPath = `inset(0 0 0 ${percent}%)`;
    find("divider").style.left = `${percent}%`;
  }

  drag(event) {
    if (!this.comparing || event.target.id === "mask") return;
    const box = this.box.getBoundingClientRect();
    this.compare.value = Math.round((100 * (event.clientX - box.left)) / box.width);
    this.divide();
  }

  // Lay a word's map over one of the two pictures, which is then shown whole; null takes it away.
  showMap(values, word, overAfter) {
    const heat = find("heat");
    const shown = Boolean(values);
    heat.hidden = find("map-of").hidden = !shown;
    this.box.classList.toggle("mapped", shown);
    find("divider").hidden = shown || !this.comparing;
    if (!shown) {
      this.divide();
      return;
    }
    find("after").style.clipPath = overAfter ? "none" : "inset(0 0 0 100%)";
    find("map-of").textContent = spoken(word);
    paint(heat, values, this.colours);
  }
}

// The prompt that a picture shows: of an edit the edited one.
export function promptOf(picture) {
  const { edit, generate, invert } = picture.request;
  return edit ? edit.target : (generate || invert).prompt;
}

function paint(canvas, values, colours) {
  const height = values.length;
  const width = values[0].length;
  const all = values.flat();
  const low = Math.min(...all);
  const span = Math.max(...all) - low || 1;
  const small = new OffscreenCanvas(width, height);
  const context = small.getContext("2d");
  const pixels = context.createImageData(width, height);
  all.forEach((value, at) => {
    const unit = (value - low) / span;
    pixels.data.set([...colours[Math.round(unit * 255)], Math.round(255 * (0.15 + 0.63 * unit))], at * 4);
  });
  context.putImageData(pixels, 0, 0);
  [canvas.width, canvas.height] = [width * 16, height * 16];
  const large = canvas.getContext("2d");
  large.imageSmoothingQuality = "high";
  large.drawImage(small, 0, 0, canvas.width, canvas.height);
}
