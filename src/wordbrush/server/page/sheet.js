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
    if (!made.length) this.dialog.close();
    return made;
  }
}

function cell(label) {
  const button = document.createElement("button");
  const image = document.createElement("img");
  button.type = "button";
  button.disabled = true;
  image.alt = "";
  button.append(image, label);
  return button;
}
