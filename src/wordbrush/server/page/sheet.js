// Several pictures to choose from, each seen while it is made.

const find = (id) => document.getElementById(id);

export class Sheet {
  // `chosen(picture)` is called for a picture that is pressed, `closed()` when the sheet is put away.
  constructor(chosen, closed) {
    this.dialog = find("sheet");
    this.chosen = chosen;
    this.dialog.addEventListener("close", closed);
  }

  // `makers` are pairs of a label and of what makes a picture, given where to show its previews. One after the other,
  // as long as the sheet is open; gives those that were made.
  async fill(makers) {
    const cells = makers.map(([label]) => cell(label));
    hint("Closing this sheet makes no more of them.");
    find("sheet-pictures").replaceChildren(...cells);
    this.dialog.showModal();
    const made = [];
    for (const [at, [, make]] of makers.entries()) {
      const image = cells[at].querySelector("img");
      const picture = this.dialog.open ? await make((address) => (image.src = address)) : null;
      if (!picture) {
        for (const rest of cells.slice(at)) rest.remove();
        break;
      }
      made.push(picture);
      image.src = `/api/pictures/${picture.id}/file`;
      cells[at].disabled = false;
      cells[at].addEventListener("click", () => {
        this.dialog.close();
        this.chosen(picture);
      });
    }
    hint("");
    if (!made.length) this.dialog.close();
    return made;
  }

  // What a search tries. `run(seen)` makes the picture that it finds, and tells `seen` of its job; a press on one that
  // was tried makes it with `again(candidate)`.
  async search(run, again) {
    const cells = [];
    hint("Trying strengths. Closing this sheet ends the search.");
    find("sheet-pictures").replaceChildren();
    this.dialog.showModal();
    const picture = await run(({ candidates, previews = {}, preview }) => {
      for (const candidate of candidates.slice(cells.length)) cells.push(this.tried(candidate, again));
      for (const [at, cell] of cells.entries()) say(cell, candidates[at], previews[at]);
      if (preview && cells.length) best(cells).button.querySelector("img").src = preview;
    });
    if (!picture) {
      this.dialog.close();
      return null;
    }
    hint("The best is shown already. Press another to have that one.");
    for (const cell of cells) cell.button.disabled = false;
    const { button, label } = best(cells);
    button.querySelector("img").src = `/api/pictures/${picture.id}/file`;
    button.setAttribute("aria-current", "true");
    label.textContent = `best: ${label.textContent}`;
    button.onclick = () => this.dialog.close();
    button.focus();
    return picture;
  }

  tried(candidate, again) {
    const button = cell("");
    const label = document.createElement("span");
    button.append(label);
    button.onclick = () => {
      this.dialog.close();
      again(candidate);
    };
    find("sheet-pictures").append(button);
    return { button, label, score: null };
  }
}

function say(cell, { strength, recipe, score }, preview) {
  cell.score = score;
  const kind = recipe === "auto" ? "" : ", as published";
  cell.label.textContent = `strength ${Math.round(strength * 100)} %${kind}${score === null ? "" : `\nscore ${score.toFixed(2)}`}`;
  if (preview) cell.button.querySelector("img").src = preview;
}

const hint = (said) => (find("sheet-hint").textContent = said);
const best = (cells) => cells.reduce((one, other) => (other.score > one.score ? other : one));

function cell(label) {
  const button = document.createElement("button");
  const image = document.createElement("img");
  button.type = "button";
  button.disabled = true;
  image.alt = "";
  button.append(image, label);
  return button;
}
