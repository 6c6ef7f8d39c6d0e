// The brush: a mask that is painted on the picture, with the pointer or with the keyboard.

const find = (id) => document.getElementById(id);

export class Brush {
  constructor() {
    this.canvas = find("mask");
    this.strokes = [];
    this.id = null; // of the mask as it was uploaded last; null when it was painted on since
    this.at = null;
    this.canvas.addEventListener("pointerdown", (event) => this.begin(this.place(event)));
    this.canvas.addEventListener("pointermove", (event) => event.buttons && this.go(this.place(event)));
    this.canvas.addEventListener("keydown", (event) => this.key(event));
    find("brush").addEventListener("click", () => this.toggle(find("brush").getAttribute("aria-pressed") !== "true"));
    find("brush-clear").addEventListener("click", () => this.clear());
    find("brush-back").addEventListener("click", () => this.back());
  }

  toggle(on) {
    find("brush").setAttribute("aria-pressed", on);
    this.on = on;
    find("brush-row").hidden = !on;
    this.canvas.tabIndex = on ? 0 : -1;
    this.draw();
  }

  // The picture that is painted on.
  fit(picture) {
    const scale = 512 / Math.max(picture.width, picture.height);
    const [width, height] = [picture.width, picture.height].map((side) => Math.round(side * scale));
    if (width !== this.canvas.width || height !== this.canvas.height) {
      [this.canvas.width, this.canvas.height] = [width, height];
      this.clear();
    }
  }

  get painted() {
    return this.strokes.length > 0 || this.image !== undefined;
  }

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * this.canvas.width, ((event.clientY - box.top) / box.height) * this.canvas.height];
  }

  begin(point) {
    this.at = point;
    this.id = null;
    this.strokes.push({ size: (find("brush-size").value / 100) * this.canvas.width, points: [point] });
    this.draw();
  }

  go(point) {
    this.at = point;
    this.strokes.at(-1)?.points.push(point);
    this.id = null;
    this.draw();
  }

  key(event) {
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const [x, y] = this.at ?? [this.canvas.width / 2, this.canvas.height / 2];
    if (event.key === " ") this.begin([x, y]);
    else if (event.key in moves) {
      const [dx, dy] = moves[event.key];
      this.at = [Math.min(this.canvas.width, Math.max(0, x + 16 * dx)), Math.min(this.canvas.height, Math.max(0, y + 16 * dy))];
      this.draw();
    } else return;
    event.preventDefault();
  }

  back() {
    if (!this.strokes.pop()) this.image = undefined;
    this.id = null;
    this.draw();
  }

  clear() {
    this.strokes = [];
    this.image = undefined;
    this.id = null;
    this.draw();
  }

  // A mask that is on the server already.
  async load(id) {
    this.clear();
    if (!id) return;
    const image = new Image();
    image.src = `/api/pictures/${id}/file`;
    await image.decode();
    this.image = image;
    this.id = id;
    this.draw();
  }

  // White on black, as the server takes it.
  async blob() {
    const canvas = new OffscreenCanvas(this.canvas.width, this.canvas.height);
    const context = canvas.getContext("2d");
    context.fillStyle = "black";
    context.fillRect(0, 0, canvas.width, canvas.height);
    if (this.image) context.drawImage(this.image, 0, 0, canvas.width, canvas.height);
    this.trace(context, "white");
    return canvas.convertToBlob({ type: "image/png" });
  }

  draw() {
    this.canvas.hidden = !(this.on || this.painted);
    this.canvas.style.pointerEvents = this.on ? "auto" : "none";
    const context = this.canvas.getContext("2d");
    const { width, height } = this.canvas;
    context.globalCompositeOperation = "source-over";
    context.clearRect(0, 0, width, height);
    if (this.painted) {
      // What is held is dimmed, less so when the brush is put away; what may change stays clear.
      context.fillStyle = `rgb(23 21 26 / ${this.on ? 55 : 20}%)`;
      context.fillRect(0, 0, width, height);
      context.globalCompositeOperation = "destination-out";
      if (this.image) context.drawImage(lightOf(this.image, width, height), 0, 0);
      this.trace(context, "white");
    }
    if (this.on && this.at && document.activeElement === this.canvas) {
      context.globalCompositeOperation = "source-over";
      context.strokeStyle = "#fff";
      context.lineWidth = 2;
      context.beginPath();
      context.arc(...this.at, (find("brush-size").value / 200) * width, 0, 7);
      context.stroke();
    }
  }

  trace(context, colour) {
    context.strokeStyle = context.fillStyle = colour;
    context.lineCap = context.lineJoin = "round";
    for (const { size, points } of this.strokes) {
      context.lineWidth = size;
      context.beginPath();
      context.moveTo(...points[0]);
      for (const point of points) context.lineTo(...point);
      if (points.length === 1) context.lineTo(points[0][0] + 0.1, points[0][1]);
      context.stroke();
    }
  }
}

// A picture that is opaque where the mask is light.
function lightOf(image, width, height) {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0, width, height);
  const pixels = context.getImageData(0, 0, width, height);
  for (let at = 0; at < pixels.data.length; at += 4) pixels.data[at + 3] = pixels.data[at];
  context.putImageData(pixels, 0, 0);
  return canvas;
}
