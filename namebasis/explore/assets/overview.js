// What stands over the map: labels that follow its colours, and the whole of it in a corner.
import { element } from "/assets/dom.js";

const CELLS = 28;
const MOST = 12_000; // points of the overview; more would be the same picture

// Where most names of a colour stand among few of others; `key(row)` is -1 for what has no label.
export function labelPlaces(x, y, key, texts, isIn) {
  const box = bounds(x, y), cells = CELLS * CELLS;
  const own = texts.map(() => new Float64Array(cells)), all = new Float64Array(cells);
  const sums = texts.map(() => new Float64Array(2 * cells));
  for (let row = 0; row < x.length; row++) {
    if (Number.isNaN(x[row]) || !isIn(row)) continue;
    const column = Math.min(CELLS - 1, Math.floor(((x[row] - box.left) / box.width) * CELLS));
    const line = Math.min(CELLS - 1, Math.floor(((y[row] - box.low) / box.height) * CELLS));
    const cell = line * CELLS + column, which = key(row);
    all[cell]++;
    if (which < 0) continue;
    own[which][cell]++;
    sums[which][2 * cell] += x[row];
    sums[which][2 * cell + 1] += y[row];
  }
  return texts.flatMap(([color, text], which) => {
    let best = -1, most = 0;
    own[which].forEach((count, cell) => {
      const score = count * (count / all[cell]);
      if (count && score > most) [best, most] = [cell, score];
    });
    if (best < 0) return [];
    const count = own[which][best];
    return [{ x: sums[which][2 * best] / count, y: sums[which][2 * best + 1] / count, text, color, weight: most }];
  }).sort((one, other) => other.weight - one.weight);
}

function bounds(x, y) {
  let [left, right, low, high] = [Infinity, -Infinity, Infinity, -Infinity];
  for (let row = 0; row < x.length; row++) {
    if (x[row] < left) left = x[row];
    if (x[row] > right) right = x[row];
    if (y[row] < low) low = y[row];
    if (y[row] > high) high = y[row];
  }
  return { left, low, width: right - left || 1, height: high - low || 1 };
}

// The whole map in a corner: where the selection lies, and what of the map is in view.
export class Overview {
  constructor(map, frame) {
    this.map = map;
    this.rows = [];
    this.canvas = element("canvas", { class: "mini", width: 320, height: 220, hidden: true, role: "img", "aria-label": "The whole map, with the selection and what is in view" });
    this.canvas.addEventListener("pointerdown", (event) => this._go(event));
    this.canvas.addEventListener("pointermove", (event) => event.buttons && this._go(event));
    frame.append(this.canvas);
    this.base = null;
  }

  select(rows) {
    this.rows = rows;
    this.draw();
  }

  _place(x, y) {
    const { box } = this.map, { width, height } = this.canvas;
    const scale = 0.92 * Math.min(width / box.width, height / box.height);
    return [width / 2 + (x - box.left - box.width / 2) * scale, height / 2 - (y - box.low - box.height / 2) * scale, scale];
  }

  _go(event) {
    const { box } = this.map, frame = this.canvas.getBoundingClientRect();
    const scale = this._place(0, 0)[2], ratio = this.canvas.width / frame.width;
    this.map.center = [
      box.left + box.width / 2 + ((event.clientX - frame.left) * ratio - this.canvas.width / 2) / scale,
      box.low + box.height / 2 - ((event.clientY - frame.top) * ratio - this.canvas.height / 2) / scale,
    ];
    this.map.draw();
  }

  draw() {
    const { map, canvas } = this;
    canvas.hidden = !(map.zoom > 1.3 || this.rows.length);
    if (canvas.hidden) return;
    const pen = canvas.getContext("2d"), style = getComputedStyle(canvas);
    if (!this.base || this.ground !== style.color) {
      this.ground = style.color;
      this.base = document.createElement("canvas");
      [this.base.width, this.base.height] = [canvas.width, canvas.height];
      const under = this.base.getContext("2d");
      under.fillStyle = style.color;
      under.globalAlpha = 0.28;
      const step = Math.max(1, Math.floor(map.x.length / MOST));
      for (let row = 0; row < map.x.length; row += step) {
        const [left, top] = this._place(map.x[row], map.y[row]);
        under.fillRect(left - 0.8, top - 0.8, 1.6, 1.6);
      }
    }
    pen.clearRect(0, 0, canvas.width, canvas.height);
    pen.drawImage(this.base, 0, 0);
    pen.fillStyle = style.accentColor;
    const step = Math.max(1, Math.floor(this.rows.length / MOST)), size = this.rows.length > 500 ? 3 : 7;
    for (let at = 0; at < this.rows.length; at += step) {
      const [left, top] = this._place(map.x[this.rows[at]], map.y[this.rows[at]]);
      pen.fillRect(left - size / 2, top - size / 2, size, size);
    }
    const [left, top] = this._place(...map.toMap(0, 0));
    const [right, bottom] = this._place(...map.toMap(map.canvas.clientWidth, map.canvas.clientHeight));
    pen.strokeStyle = style.color;
    pen.lineWidth = 2;
    pen.strokeRect(left, top, right - left, bottom - top);
  }
}
