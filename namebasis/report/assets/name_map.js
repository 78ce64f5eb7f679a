"use strict";
// One map of names: dots by bokeh, labels above them that give way to each other, pointer and keys.

function unpack(text, Kind) {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  return new Kind(bytes.buffer);
}

// Codes of texts that are kept once each.
const codesOf = (packed) => unpack(packed.codes, { u1: Uint8Array, u2: Uint16Array, u4: Uint32Array }[packed.kind]);

const isDark = () => matchMedia("(prefers-color-scheme: dark)").matches;
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

class NameMap {
  constructor(names, raw, key, holder) {
    Object.assign(this, raw, { names, key, holder, focus: [], zoomed: 1 });
    this.x = unpack(raw.x, Float32Array);
    this.y = unpack(raw.y, Float32Array);
    this.cluster = unpack(raw.cluster, Int32Array);
    this.belongs = unpack(raw.belongs, Uint8Array);
    this.near = unpack(raw.near, Uint32Array);
    this.cosine = unpack(raw.cosine, Int16Array);
    this.nNear = names.length ? this.near.length / names.length : 0;
    this.layer = holder.querySelector(".labels");
    this.pen = document.createElement("canvas").getContext("2d");
    this.widths = new Map();
    this.drawn = [];
    this.whenPicked = this.whenCluster = this.whenPointed = this.whenSelected = () => {};
  }

  model(name) { return Bokeh.documents[0].get_model_by_name(name ? `${this.key} ${name}` : this.key); }
  isReady() {
    if (!Bokeh.documents.length) return false;
    this.plot = this.model("");
    return Boolean(this.plot && this.plot.inner_width);
  }

  start() {
    for (const range of [this.plot.x_range, this.plot.y_range]) range.change.connect(() => this.relabel());
    this.plot.properties.inner_width.change.connect(() => this.look(this.seen, false));
    this.listen();
    this.ink();
    this.look(this.box, false);
  }

  // Neighbours of a row with their cosines.
  neighbours(row) {
    const found = [];
    for (let i = row * this.nNear; i < (row + 1) * this.nNear; i++) found.push([this.near[i], this.cosine[i] / 1000]);
    return found;
  }

  // Draw every dot: colour(row) gives its colour, or null for the grey ground.
  paint(color) {
    const grey = css("--dot"), back = { x: [], y: [], color: [] }, front = { x: [], y: [], color: [] };
    for (let i = 0; i < this.x.length; i++) {
      const c = color(i), into = c === null ? back : front;
      into.x.push(this.x[i]); into.y.push(this.y[i]); into.color.push(c === null ? grey : c);
    }
    this.model("back data").data = back;
    this.model("front data").data = front;
  }

  ring(layer, rows) {
    this.model(`${layer} data`).data = { x: rows.map((i) => this.x[i]), y: rows.map((i) => this.y[i]) };
  }

  ink() {
    for (const [layer, color] of [["near", "--ink"], ["found", "--warm"], ["pointed", "--warm"]])
      this.model(layer).glyph.line_color = { value: css(color) };
  }

  // Show a box of the map, at least so much that dots do not run apart.
  look(box, moving = true) {
    this.seen = box;
    const least = this.span / 400, [x0, x1, y0, y1] = box;
    const width = Math.max(x1 - x0, least), height = Math.max(y1 - y0, least);
    const cx = (x0 + x1) / 2, cy = (y0 + y1) / 2;
    const ratio = this.plot.inner_width / this.plot.inner_height || 1;
    const half = Math.max(width / ratio, height) / 2;
    const goal = [cx - half * ratio, cx + half * ratio, cy - half, cy + half];
    const from = this.view(), calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    cancelAnimationFrame(this.flight);
    if (!moving || calm || document.hidden) return this.set(goal);
    const begun = performance.now();
    const step = () => {
      const t = Math.min((performance.now() - begun) / 280, 1), eased = 1 - (1 - t) ** 3;
      this.set(goal.map((value, i) => from[i] + eased * (value - from[i])));
      if (t < 1) this.flight = requestAnimationFrame(step);
    };
    step();
  }

  view() { const { x_range: x, y_range: y } = this.plot; return [x.start, x.end, y.start, y.end]; }

  set([x0, x1, y0, y1]) {
    this.plot.x_range.setv({ start: x0, end: x1 });
    this.plot.y_range.setv({ start: y0, end: y1 });
    this.relabel();
  }

  around(row) {
    const half = this.span / 26, x = this.x[row], y = this.y[row];
    this.look([x - half, x + half, y - half, y + half]);
  }

  zoom(factor) {
    const [x0, x1, y0, y1] = this.view(), cx = (x0 + x1) / 2, cy = (y0 + y1) / 2;
    const half = [(x1 - x0) / 2 / factor, (y1 - y0) / 2 / factor];
    this.look([cx - half[0], cx + half[0], cy - half[1], cy + half[1]]);
  }

  move(dx, dy) {
    const [x0, x1, y0, y1] = this.view(), sx = (x1 - x0) * dx, sy = (y1 - y0) * dy;
    this.look([x0 + sx, x1 + sx, y0 + sy, y1 + sy]);
  }

  pixel(x, y) {
    const [x0, x1, y0, y1] = this.view(), w = this.plot.inner_width, h = this.plot.inner_height;
    return [((x - x0) / (x1 - x0)) * w, ((y1 - y) / (y1 - y0)) * h];
  }

  // The dot nearest to a point of the map in pixels, if it is within reach.
  at(px, py, reach = 9) {
    const [x0, x1, y0, y1] = this.view();
    const sx = this.plot.inner_width / (x1 - x0), sy = this.plot.inner_height / (y1 - y0);
    let best = -1, least = reach * reach;
    for (let i = 0; i < this.x.length; i++) {
      const dx = (this.x[i] - x0) * sx - px, dy = (y1 - this.y[i]) * sy - py, d = dx * dx + dy * dy;
      if (d < least) { least = d; best = i; }
    }
    return best;
  }

  // The dots in a frame in pixels; of a frame without area the dot under it.
  within(left, right, top, bottom) {
    if (right - left < 4 && bottom - top < 4) {
      const row = this.at(left, top);
      return row < 0 ? [] : [row];
    }
    const [x0, x1, y0, y1] = this.view();
    const sx = this.plot.inner_width / (x1 - x0), sy = this.plot.inner_height / (y1 - y0), rows = [];
    for (let i = 0; i < this.x.length; i++) {
      const px = (this.x[i] - x0) * sx, py = (y1 - this.y[i]) * sy;
      if (px >= left && px <= right && py >= top && py <= bottom) rows.push(i);
    }
    return rows;
  }

  listen() {
    let down = null, waiting = 0;
    const where = (event) => {
      const box = this.holder.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    const onMap = (event) => !event.target.closest || !event.target.closest("button");
    // With Shift a drag draws a frame around names instead of moving the map, a click adds one.
    let frame = null;
    const stretch = (e) => {
      const [px, py] = where(e), [x, y] = down;
      frame.style.cssText = `left:${Math.min(x, px)}px;top:${Math.min(y, py)}px;width:${Math.abs(px - x)}px;height:${Math.abs(py - y)}px`;
    };
    this.holder.addEventListener("pointerdown", (e) => {
      down = onMap(e) ? where(e) : null;
      if (!down || !e.shiftKey) return;
      e.stopPropagation();
      e.preventDefault();
      frame = document.createElement("div");
      frame.className = "select";
      this.holder.append(frame);
      stretch(e);
    }, true);
    window.addEventListener("pointermove", (e) => { if (frame) stretch(e); });
    window.addEventListener("pointerup", (e) => {
      if (!frame) return;
      const [px, py] = where(e), [x, y] = down;
      frame.remove();
      frame = null;
      this.whenSelected(this.within(Math.min(x, px), Math.max(x, px), Math.min(y, py), Math.max(y, py)));
    });
    this.holder.addEventListener("pointerup", (e) => {
      if (frame) return;
      const [px, py] = where(e);
      if (!down || Math.hypot(px - down[0], py - down[1]) > 4) return;
      const label = this.drawn.find((b) => px > b.left && px < b.right && py > b.top && py < b.bottom);
      if (label && label.cluster !== undefined) return this.whenCluster(label.cluster);
      const row = label ? label.row : this.at(px, py, e.pointerType === "touch" ? 18 : 9);
      if (row >= 0) this.whenPicked(row);
    }, true);
    this.holder.addEventListener("pointermove", (e) => {
      if (e.buttons || waiting) return;
      const [px, py] = where(e), inside = onMap(e);
      waiting = requestAnimationFrame(() => {
        waiting = 0;
        this.whenPointed(inside ? this.at(px, py) : -1, px, py);
      });
    }, true);
    this.holder.addEventListener("pointerleave", () => this.whenPointed(-1, 0, 0));
    this.holder.addEventListener("keydown", (e) => {
      const keys = {
        ArrowLeft: () => this.move(-0.15, 0), ArrowRight: () => this.move(0.15, 0),
        ArrowUp: () => this.move(0, 0.15), ArrowDown: () => this.move(0, -0.15),
        "+": () => this.zoom(1.6), "=": () => this.zoom(1.6), "-": () => this.zoom(1 / 1.6),
        0: () => this.look(this.box),
      };
      if (!keys[e.key] || e.ctrlKey || e.metaKey || e.altKey) return;
      e.preventDefault();
      keys[e.key]();
    });
  }

  relabel() {
    if (!this.waiting) this.waiting = requestAnimationFrame(() => { this.waiting = 0; this.label(); });
  }

  width(text, font) {
    const key = font + text;
    if (!this.widths.has(key)) {
      this.pen.font = font + css("--font");
      this.widths.set(key, this.pen.measureText(text).width);
    }
    return this.widths.get(key);
  }

  // Clusters first, the largest first; then exemplars of clusters; then single names, as one comes
  // nearer. A label is drawn only where it covers none drawn before it.
  label() {
    const w = this.plot.inner_width, h = this.plot.inner_height, dark = isDark() ? 1 : 0;
    const [x0, x1, y0, y1] = this.view();
    const zoom = (this.box[1] - this.box[0]) / (x1 - x0);
    const drawn = [{ left: w - 190, right: w, top: 0, bottom: 44, text: "", kind: "buttons" }];
    const inside = (x, y) => x > x0 && x < x1 && y > y0 && y < y1;

    const place = (item, x, y, font, height, below, room, shift = 0) => {
      if (!inside(x, y)) return false;
      const [middle, py] = this.pixel(x, y), half = this.width(item.text, font) / 2 + 3;
      // At the frame a cluster's label moves in; a name's would leave its dot.
      const px = item.kind === "cluster" ? Math.max(half + 3, Math.min(middle, w - half - 3)) : middle;
      const top = (below ? py + below : py - height / 2) + shift;
      const box = { left: px - half, right: px + half, top, bottom: top + height };
      if (box.left < 2 || box.right > w - 2 || box.top < 2 || box.bottom > h - 2) return false;
      for (const b of drawn)
        if (box.left - room < b.right && box.right + room > b.left && box.top - room < b.bottom && box.bottom + room > b.top)
          return false;
      drawn.push(Object.assign(box, item, { px, font, height }));
      return true;
    };
    const name = (row, kind, room) => place(
      { text: short(this.names[row], 34), kind, row }, this.x[row], this.y[row],
      kind === "focus" ? "600 12.5px " : "500 11px ", kind === "focus" ? 18 : 15, 5, room);

    for (const row of this.focus) name(row, "focus", 0);
    let left = Math.max(8, (w * h) / 15000) * Math.min(Math.max(zoom, 1), 2);
    for (let c = 0; c < this.clusters.length && left > 0; c++) {
      const it = this.clusters[c], large = it.size / this.names.length;
      const px = large > 0.02 ? 14 : large > 0.005 ? 12.5 : 11.5;
      const item = { text: short(it.label, 40), kind: "cluster", cluster: c, ink: it.ink[dark] };
      // Where another label stands already, a little below or above its middle will do.
      if ([0, px + 8, -px - 8].some((shift) => place(item, it.x, it.y, `650 ${px}px `, px + 6, 0, 2, shift))) left--;
    }
    if (zoom > 1.7) {
      let more = (w * h) / 9000;
      for (let rank = 0; rank < 8 && more > 0; rank++)
        for (const c of this.clusters)
          if (rank < c.central.length && more > 0 && name(c.central[rank], "exemplar", 6)) more--;
    }
    if (zoom > 2.5 || this.names.length <= 400) {
      const near = [];
      for (let i = 0; i < this.x.length && near.length <= 1500; i++) if (inside(this.x[i], this.y[i])) near.push(i);
      if (near.length <= 1500) {
        near.sort((a, b) => this.belongs[b] - this.belongs[a]);
        let more = (w * h) / 4500;
        for (const row of near) if (more > 0 && name(row, "name", 2)) more--;
      }
    }
    drawn.shift(); // the buttons' own place
    this.drawn = drawn;
    this.holder.querySelector(".hint").hidden = zoom > 1.05;
    this.layer.replaceChildren(...drawn.map((b) => {
      const node = document.createElement("bdi");
      node.textContent = b.text;
      node.className = b.kind;
      node.style.cssText = `left:${b.px}px;top:${b.top}px;font-size:${/[\d.]+(?=px)/.exec(b.font)[0]}px;line-height:${b.height}px`;
      if (b.ink && !this.neutral) node.style.color = b.ink;
      return node;
    }));
    const grown = Math.min(Math.max(Math.sqrt(zoom), 1), 2.4);
    if (Math.abs(grown - this.grown || 9) > 0.02) {
      this.grown = grown;
      this.model("back").glyph.size = { value: this.size * 0.85 * grown };
      this.model("front").glyph.size = { value: this.size * grown };
    }
  }
}

// Cut between whole characters as readers see them, not between their parts.
function short(text, length) {
  if (text.length <= length) return text;
  const whole = Intl.Segmenter ? [...new Intl.Segmenter().segment(text)].map((s) => s.segment) : [...text];
  return whole.length <= length ? text : whole.slice(0, length - 1).join("") + "…";
}
