// The session's pictures in the order in which they were made, and which of them is shown.

import { ask, fileOf } from "./api.js";
import { promptOf } from "./stage.js";

const find = (id) => document.getElementById(id);

export class History {
  constructor(chosen) {
    this.entries = [];
    this.at = -1;
    this.chosen = chosen;
    find("undo").addEventListener("click", () => this.go(this.at - 1));
    find("redo").addEventListener("click", () => this.go(this.at + 1));
    document.addEventListener("keydown", (event) => {
      const typing = event.target.matches("input:not([type=range], [type=checkbox]), textarea");
      if (typing || !(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z") return;
      event.preventDefault();
      this.go(this.at + (event.shiftKey ? 1 : -1));
    });
    find("name-form").addEventListener("submit", (event) => event.submitter?.value === "save" && this.saveName());
  }

  get current() {
    return this.entries[this.at] ?? null;
  }

  find(id) {
    return this.entries.find((entry) => entry.id === id) ?? null;
  }

  add(picture) {
    this.entries.push(picture);
    this.at = this.entries.length - 1;
    this.draw();
  }

  go(place) {
    if (place < 0 || place >= this.entries.length) return;
    this.at = place;
    this.draw();
    this.chosen(this.current);
  }

  draw() {
    find("history").hidden = this.entries.length === 0;
    find("undo").disabled = this.at <= 0;
    find("redo").disabled = this.at >= this.entries.length - 1;
    find("strip").replaceChildren(...this.entries.map((entry, place) => this.item(entry, place)));
    const shown = find("strip").children[this.at];
    if (shown) find("strip").scrollLeft = shown.offsetLeft - find("strip").clientWidth / 2;
  }

  item(entry, place) {
    const item = document.createElement("li");
    const button = document.createElement("button");
    const image = document.createElement("img");
    const caption = document.createElement("p");
    const rename = document.createElement("button");
    const said = entry.name || promptOf(entry);
    button.type = rename.type = "button";
    button.className = "entry";
    button.setAttribute("aria-current", place === this.at);
    button.addEventListener("click", () => this.go(place));
    image.src = fileOf(entry.id);
    image.alt = `${entry.kind === "edit" ? "Edit from here" : "Picture"}: ${said}`;
    caption.className = "caption";
    caption.textContent = said;
    rename.className = "rename plain";
    rename.textContent = "Name";
    rename.setAttribute("aria-label", `Name: ${said}`);
    rename.addEventListener("click", () => this.askName(entry));
    button.append(image);
    item.append(button, caption, rename);
    return item;
  }

  askName(entry) {
    this.naming = entry;
    find("name").value = entry.name;
    find("name-dialog").showModal();
  }

  async saveName() {
    Object.assign(this.naming, await ask("PATCH", `/api/pictures/${this.naming.id}`, { name: find("name").value }));
    this.draw();
  }
}
