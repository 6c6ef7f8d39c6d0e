// The session's pictures in the order in which they were made, which of them is shown, and which are removed.

import { ask, fileOf } from "./api.js";
import { promptOf } from "./stage.js";

const find = (id) => document.getElementById(id);

export class History {
  // `chosen(picture)` is called for the one to show, null where none is left; `removed(ids)` for those that are gone,
  // `failed(problem)` where the server did not do it.
  constructor(chosen, removed, failed) {
    this.entries = [];
    this.at = -1;
    this.chosen = chosen;
    this.removed = removed;
    find("undo").addEventListener("click", () => this.go(this.at - 1));
    find("redo").addEventListener("click", () => this.go(this.at + 1));
    document.addEventListener("keydown", (event) => {
      const typing = event.target.matches("input:not([type=range], [type=checkbox]), textarea");
      if (typing || !(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z") return;
      event.preventDefault();
      this.go(this.at + (event.shiftKey ? 1 : -1));
    });
    find("name-form").addEventListener("submit", (event) => event.submitter?.value === "save" && this.saveName().catch(failed));
    find("remove-form").addEventListener("submit", (event) => event.submitter?.value === "remove" && this.remove(this.removing).catch(failed));
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
    const tools = document.createElement("p");
    const said = saidOf(entry);
    button.type = "button";
    button.className = "entry";
    button.setAttribute("aria-current", place === this.at);
    button.addEventListener("click", () => this.go(place));
    button.addEventListener("keydown", (event) => event.key === "Delete" && this.askRemove(entry));
    image.src = fileOf(entry.id);
    image.alt = `${entry.kind === "edit" ? "Edit from here" : "Picture"}: ${said}`;
    caption.className = "caption";
    caption.textContent = said;
    tools.className = "entry-tools";
    tools.append(small("Name", said, () => this.askName(entry)), small("Remove", said, () => this.askRemove(entry)));
    button.append(image);
    item.append(button, caption, tools);
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

  askRemove(entry) {
    this.removing = entry;
    const edits = this.withEdits(entry).size - 1;
    find("remove-picture").src = fileOf(entry.id);
    find("remove-said").textContent = `“${saidOf(entry)}”`;
    find("remove-edits").hidden = edits === 0;
    find("remove-edits").textContent = edits === 1 ? "The edit that was made of it goes too." : `The ${edits} edits that were made of it go too.`;
    find("remove-dialog").showModal();
  }

  // The ids of a picture and of what was made of it, which come after it.
  withEdits(entry) {
    const ids = new Set([entry.id]);
    for (const other of this.entries) if (ids.has(other.source)) ids.add(other.id);
    return ids;
  }

  async remove(entry) {
    const gone = this.withEdits(entry);
    await ask("DELETE", `/api/pictures/${this.photoOf(entry) ?? entry.id}`);
    const shown = this.current;
    this.entries = this.entries.filter(({ id }) => !gone.has(id));
    this.removed(gone);
    if (gone.has(shown.id)) {
      this.at = Math.min(this.at, this.entries.length - 1);
      this.draw();
      this.chosen(this.current);
    } else {
      this.at = this.entries.indexOf(shown);
      this.draw();
    }
    (find("strip").querySelector("[aria-current=true]") ?? find("prompt")).focus();
  }

  // The photograph that a picture was made of, where no other picture is: nothing else shows that it is there.
  photoOf(entry) {
    const photo = entry.request.invert?.picture;
    const others = this.entries.filter((other) => other !== entry && other.request.invert?.picture === photo);
    return others.length ? undefined : photo;
  }
}

const saidOf = (entry) => entry.name || promptOf(entry);

function small(does, said, press) {
  const button = Object.assign(document.createElement("button"), { type: "button", className: `${does.toLowerCase()} plain`, textContent: does });
  button.setAttribute("aria-label", `${does}: ${said}`);
  button.addEventListener("click", press);
  return button;
}
