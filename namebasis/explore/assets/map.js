// All names as points: WebGL 2, or a canvas where there is none.
const VERTEX = `#version 300 es
in vec2 place; in vec4 tint;
uniform vec2 scale, shift; uniform float size;
out vec4 color;
void main() {
  gl_Position = vec4(place * scale + shift, 0.0, 1.0);
  gl_PointSize = size * (0.5 + tint.a);
  color = tint;
}`;
const FRAGMENT = `#version 300 es
precision mediump float;
in vec4 color; out vec4 drawn;
void main() {
  float edge = length(gl_PointCoord - 0.5) * 2.0;
  float cover = 1.0 - smoothstep(0.8, 1.0, edge);
  if (cover <= 0.0) discard;
  drawn = vec4(color.rgb, color.a * cover);
}`;
const CELLS = 96;
const BUDGET = 100000; // points of the first frame while moving; as many as a card draws later
const LEAST = 15000;

// Rows in an order of chance, the same each time.
function shuffled(n) {
  const order = Uint32Array.from({ length: n }, (_, at) => at);
  for (let at = n - 1, seed = 1; at > 0; at--) {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    const other = Math.floor((seed / 4294967296) * (at + 1));
    [order[at], order[other]] = [order[other], order[at]];
  }
  return order;
}

export class PointMap {
  // x, y: Float32Array; act: { hover(row), click(row, event), select(rows) }
  constructor(canvas, x, y, act) {
    this.canvas = canvas;
    this.act = act;
    this.x = x;
    this.y = y;
    this.tints = new Uint8Array(4 * x.length).fill(200);
    this.marked = [];
    this.pointed = -1;
    this.labels = [];
    this.lasso = null;
    this.frame = 0;
    this._bounds();
    this._grid();
    this.gl = canvas.getContext("webgl2", { antialias: true, alpha: true, premultipliedAlpha: false });
    this.order = shuffled(x.length);
    this.budget = BUDGET;
    if (this.gl) this._prepare();
    else this.flat = canvas.getContext("2d");
    this.overlay = document.createElement("canvas");
    this.overlay.className = "overlay";
    this.overlay.setAttribute("aria-hidden", "true");
    canvas.after(this.overlay);
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(canvas);
    this._listen();
    this.home();
  }

  get isFlat() { return !this.gl; }

  destroy() {
    this.observer.disconnect();
    cancelAnimationFrame(this.frame);
    clearTimeout(this.rest);
    this.overlay.remove();
    this.gl?.getExtension("WEBGL_lose_context")?.loseContext();
  }

  _bounds() {
    let [left, right, low, high] = [Infinity, -Infinity, Infinity, -Infinity];
    for (let row = 0; row < this.x.length; row++) {
      const x = this.x[row], y = this.y[row];
      if (x < left) left = x;
      if (x > right) right = x;
      if (y < low) low = y;
      if (y > high) high = y;
    }
    this.box = { left, low, width: right - left || 1, height: high - low || 1 };
  }

  // Rows by cell, so that what lies under the pointer is found without looking at all.
  _grid() {
    const cells = new Int32Array(CELLS * CELLS + 1);
    const cell = new Int32Array(this.x.length);
    for (let row = 0; row < this.x.length; row++) {
      cell[row] = Number.isNaN(this.x[row]) ? -1 : this._cell(this.x[row], this.y[row]);
      if (cell[row] >= 0) cells[cell[row] + 1]++;
    }
    for (let at = 0; at < CELLS * CELLS; at++) cells[at + 1] += cells[at];
    const next = cells.slice();
    this.rows = new Int32Array(cells[CELLS * CELLS]);
    for (let row = 0; row < this.x.length; row++) if (cell[row] >= 0) this.rows[next[cell[row]]++] = row;
    this.cells = cells;
  }

  _cell(x, y) {
    const column = Math.min(CELLS - 1, Math.max(0, Math.floor(((x - this.box.left) / this.box.width) * CELLS)));
    const line = Math.min(CELLS - 1, Math.max(0, Math.floor(((y - this.box.low) / this.box.height) * CELLS)));
    return line * CELLS + column;
  }

  _prepare() {
    const gl = this.gl;
    const program = gl.createProgram();
    for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    gl.useProgram(program);
    this.uniform = Object.fromEntries(["scale", "shift", "size"].map((name) => [name, gl.getUniformLocation(program, name)]));
    // In an order of chance: any first part of them is a fair sample, for frames while moving.
    const places = new Float32Array(2 * this.x.length);
    for (let row = 0; row < this.x.length; row++) {
      const from = this.order[row];
      places[2 * row] = Number.isNaN(this.x[from]) ? 1e9 : this.x[from];
      places[2 * row + 1] = Number.isNaN(this.y[from]) ? 1e9 : this.y[from];
    }
    this._buffer(program, "place", places, 2, gl.FLOAT, false);
    this.tintBuffer = this._buffer(program, "tint", this.tints, 4, gl.UNSIGNED_BYTE, true);
    gl.enable(gl.BLEND);
    gl.blendFuncSeparate(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA, gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    gl.clearColor(0, 0, 0, 0);
  }

  _buffer(program, name, data, size, kind, isNormal) {
    const gl = this.gl, buffer = gl.createBuffer(), at = gl.getAttribLocation(program, name);
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.bufferData(gl.ARRAY_BUFFER, data, gl.STATIC_DRAW);
    gl.enableVertexAttribArray(at);
    gl.vertexAttribPointer(at, size, kind, isNormal, 0, 0);
    return buffer;
  }

  // colors: a [r, g, b] for each row by `of`; rows that `isIn` refuses stand back, others a little.
  paint(of, isIn, isPaler = () => false) {
    for (let row = 0; row < this.x.length; row++) {
      const [red, green, blue] = of(row);
      const at = 4 * row;
      this.tints[at] = red;
      this.tints[at + 1] = green;
      this.tints[at + 2] = blue;
      this.tints[at + 3] = !isIn(row) ? 22 : isPaler(row) ? 100 : 205;
    }
    if (this.gl) {
      const from = new Uint32Array(this.tints.buffer), tints = from.map((_, at) => from[this.order[at]]);
      this.gl.bindBuffer(this.gl.ARRAY_BUFFER, this.tintBuffer);
      this.gl.bufferData(this.gl.ARRAY_BUFFER, tints, this.gl.STATIC_DRAW);
    }
    this.draw();
  }

  mark(rows, label) {
    this.marked = rows;
    this.label = label;
    this.draw();
  }

  home() {
    this.zoom = 1;
    this.center = [this.box.left + this.box.width / 2, this.box.low + this.box.height / 2];
    this.draw();
  }

  goTo(row, zoom = 6) {
    if (Number.isNaN(this.x[row])) return;
    this.zoom = Math.max(this.zoom, zoom);
    this.center = [this.x[row], this.y[row]];
    this.draw();
  }

  resize() {
    const ratio = devicePixelRatio || 1;
    for (const one of [this.canvas, this.overlay]) {
      one.width = Math.max(1, Math.round(this.canvas.clientWidth * ratio));
      one.height = Math.max(1, Math.round(this.canvas.clientHeight * ratio));
    }
    this.draw();
  }

  // Pixels of the page for one unit of the map.
  get unit() {
    const fit = Math.min(this.canvas.clientWidth / this.box.width, this.canvas.clientHeight / this.box.height);
    return 0.94 * fit * this.zoom;
  }

  toScreen(x, y) {
    return [
      this.canvas.clientWidth / 2 + (x - this.center[0]) * this.unit,
      this.canvas.clientHeight / 2 - (y - this.center[1]) * this.unit,
    ];
  }

  toMap(left, top) {
    return [
      this.center[0] + (left - this.canvas.clientWidth / 2) / this.unit,
      this.center[1] - (top - this.canvas.clientHeight / 2) / this.unit,
    ];
  }

  // While the map moves, only as many points are drawn as the machine draws in time.
  move() {
    this.isMoving = true;
    clearTimeout(this.rest);
    this.rest = setTimeout(() => {
      this.isMoving = false;
      this.draw();
    }, 180);
    this.draw();
  }

  _count() {
    return this.isMoving ? Math.min(this.x.length, Math.round(this.budget)) : this.x.length;
  }

  // From the start of a frame to when the next could begin.
  _adapt(took) {
    if (took > 60) this.budget = Math.max(LEAST, this.budget / 2);
    else if (took < 25) this.budget = Math.min(Math.max(BUDGET, this.x.length), this.budget * 1.5);
  }

  draw() {
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => this._draw());
  }

  get pointSize() {
    const density = Math.sqrt(24000 / Math.max(this.x.length, 400));
    return Math.min(14, Math.max(1.6, 2.6 * density * Math.pow(this.zoom, 0.45)));
  }

  _draw() {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (!width || !height) return;
    const ratio = devicePixelRatio || 1, began = performance.now();
    if (this.isMoving) requestAnimationFrame(() => this._adapt(performance.now() - began));
    if (this.gl) {
      const gl = this.gl;
      const scale = [(2 * this.unit) / width, (2 * this.unit) / height];
      gl.viewport(0, 0, this.canvas.width, this.canvas.height);
      gl.clear(gl.COLOR_BUFFER_BIT);
      gl.uniform2fv(this.uniform.scale, scale);
      gl.uniform2f(this.uniform.shift, -this.center[0] * scale[0], -this.center[1] * scale[1]);
      gl.uniform1f(this.uniform.size, this.pointSize * ratio);
      gl.drawArrays(gl.POINTS, 0, this._count());
    } else {
      this._drawFlat(ratio);
    }
    this._drawOverlay(ratio);
    if (!this.isDrawn) performance.mark("map drawn");
    this.isDrawn = true;
    this.act.moved?.();
  }

  _drawFlat(ratio) {
    const flat = this.flat, size = this.pointSize;
    flat.setTransform(ratio, 0, 0, ratio, 0, 0);
    flat.clearRect(0, 0, this.canvas.clientWidth, this.canvas.clientHeight);
    let last = -1;
    const tints = new Uint32Array(this.tints.buffer), count = this._count();
    for (let turn = 0; turn < count; turn++) {
      const row = this.order[turn];
      const [left, top] = this.toScreen(this.x[row], this.y[row]);
      if (!(left > -9 && top > -9 && left < this.canvas.clientWidth + 9 && top < this.canvas.clientHeight + 9)) continue;
      const at = 4 * row;
      if (tints[row] !== last) flat.fillStyle = `rgba(${this.tints[at]},${this.tints[at + 1]},${this.tints[at + 2]},${this.tints[at + 3] / 255})`;
      last = tints[row];
      flat.fillRect(left - size / 2, top - size / 2, size, size);
    }
  }

  _drawOverlay(ratio) {
    const pen = this.overlay.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, this.overlay.clientWidth, this.overlay.clientHeight);
    const style = getComputedStyle(this.canvas);
    const ink = style.color, ground = getComputedStyle(document.body).backgroundColor;
    pen.lineWidth = 2;
    pen.strokeStyle = ink;
    for (const row of this.marked) {
      const [left, top] = this.toScreen(this.x[row], this.y[row]);
      pen.beginPath();
      pen.arc(left, top, this.pointSize / 2 + 3, 0, 7);
      pen.stroke();
    }
    if (this.pointed >= 0) {
      const [left, top] = this.toScreen(this.x[this.pointed], this.y[this.pointed]);
      pen.beginPath();
      pen.arc(left, top, this.pointSize / 2 + 6, 0, 7);
      pen.stroke();
    }
    pen.font = "12px system-ui, sans-serif";
    pen.lineJoin = "round";
    pen.fillStyle = ink;
    pen.strokeStyle = ground;
    pen.lineWidth = 4;
    const taken = this._drawLabels(pen, ink, ground);
    for (const row of this.marked.slice(0, 40)) {
      const text = this.label?.(row);
      if (!text) continue;
      const [left, top] = this.toScreen(this.x[row], this.y[row]);
      const box = [left + 7, top - 8, pen.measureText(text).width, 16];
      if (taken.some((other) => box[0] < other[0] + other[2] && other[0] < box[0] + box[2]
        && box[1] < other[1] + other[3] && other[1] < box[1] + box[3])) continue;
      taken.push(box);
      pen.strokeText(text, box[0], top + 4);
      pen.fillText(text, box[0], top + 4);
    }
    if (this.lasso?.length > 1) {
      pen.strokeStyle = ink;
      pen.lineWidth = 1.5;
      pen.setLineDash([5, 4]);
      pen.beginPath();
      for (const [left, top] of this.lasso) pen.lineTo(left, top);
      pen.closePath();
      pen.stroke();
      pen.setLineDash([]);
    }
  }

  // A label whose place is in view is seen whole: its middle, moved off the edge.
  _within(middle, half) {
    const end = this.canvas.clientWidth;
    return middle < 0 || middle > end ? middle : Math.max(half, Math.min(middle, end - half));
  }

  // What colours stand for, where most of each stands: { x, y, text, color }.
  _drawLabels(pen, ink, ground) {
    const taken = [];
    pen.textAlign = "center";
    pen.font = "600 14px system-ui, sans-serif";
    for (const { x, y, text, color } of this.labels) {
      const [middle, top] = this.toScreen(x, y), width = pen.measureText(text).width;
      const left = this._within(middle, width / 2 + 4);
      const box = [left - width / 2 - 3, top - 10, width + 6, 20];
      if (taken.some((other) => box[0] < other[0] + other[2] && other[0] < box[0] + box[2]
        && box[1] < other[1] + other[3] && other[1] < box[1] + box[3])) continue;
      taken.push(box);
      pen.strokeStyle = ground;
      pen.lineWidth = 5;
      pen.strokeText(text, left, top + 5);
      pen.fillStyle = ink;
      pen.fillText(text, left, top + 5);
      // A line in the hue: letters of every hue are not read on every ground.
      pen.fillStyle = color;
      pen.fillRect(left - width / 2, top + 9, width, 3);
    }
    pen.textAlign = "start";
    pen.font = "12px system-ui, sans-serif";
    pen.fillStyle = ink;
    pen.strokeStyle = ground;
    pen.lineWidth = 4;
    return taken;
  }

  // The nearest row within some pixels of a place of the page.
  at(left, top, reach = 10) {
    const [x, y] = this.toMap(left, top), far = reach / this.unit;
    const from = this._cell(x - far, y - far), to = this._cell(x + far, y + far);
    let best = -1, nearest = far * far;
    for (let line = Math.floor(from / CELLS); line <= Math.floor(to / CELLS); line++)
      for (let column = from % CELLS; column <= to % CELLS; column++) {
        const cell = line * CELLS + column;
        for (let at = this.cells[cell]; at < this.cells[cell + 1]; at++) {
          const row = this.rows[at];
          if (this.tints[4 * row + 3] < 100) continue;
          const distance = (this.x[row] - x) ** 2 + (this.y[row] - y) ** 2;
          if (distance < nearest) [best, nearest] = [row, distance];
        }
      }
    return best;
  }

  // Rows in a polygon of places on the map.
  inside(corners) {
    const found = [];
    for (const row of this.rows) {
      if (this.tints[4 * row + 3] < 100) continue;
      const x = this.x[row], y = this.y[row];
      let isIn = false;
      for (let i = 0, j = corners.length - 1; i < corners.length; j = i++) {
        const [x1, y1] = corners[i], [x2, y2] = corners[j];
        if (y1 > y !== y2 > y && x < ((x2 - x1) * (y - y1)) / (y2 - y1) + x1) isIn = !isIn;
      }
      if (isIn) found.push(row);
    }
    return found.sort((a, b) => a - b);
  }

  _listen() {
    const canvas = this.canvas, pointers = new Map();
    let moved = 0, spread = 0;
    const place = (event) => {
      const box = canvas.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      pointers.set(event.pointerId, place(event));
      moved = 0;
      if (event.shiftKey || this.isSelecting) this.lasso = [place(event)];
    });
    canvas.addEventListener("pointermove", (event) => {
      const now = place(event), before = pointers.get(event.pointerId);
      if (!before) {
        this.act.hover(this.at(...now), now);
        return;
      }
      moved += Math.hypot(now[0] - before[0], now[1] - before[1]);
      if (this.lasso) {
        this.lasso.push(now);
      } else if (pointers.size === 1) {
        this.center[0] -= (now[0] - before[0]) / this.unit;
        this.center[1] += (now[1] - before[1]) / this.unit;
      }
      pointers.set(event.pointerId, now);
      if (pointers.size === 2) {
        const [one, two] = [...pointers.values()];
        const wide = Math.hypot(one[0] - two[0], one[1] - two[1]);
        if (spread) this._zoomAt((one[0] + two[0]) / 2, (one[1] + two[1]) / 2, wide / spread);
        spread = wide;
      }
      this.move();
    });
    const up = (event) => {
      const now = place(event);
      const had = pointers.delete(event.pointerId);
      spread = 0;
      if (this.lasso) {
        const polygon = this.lasso;
        this.lasso = null;
        const corners = polygon.map(([left, top]) => this.toMap(left, top));
        if (polygon.length > 3) this.act.select(this.inside(corners), corners);
      } else if (had && moved < 5 && event.type === "pointerup") {
        const row = this.at(...now);
        if (row >= 0) this.act.click(row, event);
      }
      this.draw();
    };
    canvas.addEventListener("pointerup", up);
    canvas.addEventListener("pointercancel", up);
    canvas.addEventListener("pointerleave", () => this.act.hover(-1));
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this._zoomAt(...place(event), Math.exp(-event.deltaY / 400));
    }, { passive: false });
    canvas.addEventListener("keydown", (event) => {
      const step = 60 / this.unit;
      const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] };
      if (moves[event.key]) {
        this.center[0] += moves[event.key][0];
        this.center[1] += moves[event.key][1];
      } else if (event.key === "+" || event.key === "=") this.zoom *= 1.3;
      else if (event.key === "-") this.zoom /= 1.3;
      else if (event.key === "0") this.home();
      else return;
      event.preventDefault();
      event.stopPropagation();
      this.move();
    });
  }

  _zoomAt(left, top, factor) {
    const [x, y] = this.toMap(left, top);
    this.zoom = Math.min(400, Math.max(0.5, this.zoom * factor));
    const [nowX, nowY] = this.toMap(left, top);
    this.center[0] += x - nowX;
    this.center[1] += y - nowY;
    this.move();
  }
}
