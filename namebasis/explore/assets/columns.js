// Columns of all names, fetched once each as Arrow, and colours made of them.
import { arrow } from "/assets/api.js";

export const SOME = ["#2a76e2", "#d7530b", "#59866f", "#991469", "#dea71d", "#609efa", "#8b3e09", "#ad84b9"];
export const REST = "#8d95a3";
// From near the ground's lightness to far from it, so that high values stand out by day and by night.
const STEPS = {
  light: [[158, 202, 171], [116, 184, 176], [73, 161, 180], [43, 132, 177], [33, 101, 168], [35, 70, 148], [33, 43, 121], [22, 20, 84]],
  dark: [[52, 74, 140], [47, 102, 158], [46, 130, 162], [56, 157, 156], [91, 183, 141], [146, 205, 124], [203, 222, 117], [250, 238, 150]],
};
const steps = () => STEPS[matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"];

export class Columns {
  constructor(space, build) {
    this.space = space;
    this.build = build;
    this.kept = new Map();
  }

  // A column as an Arrow vector.
  async of(name) {
    if (!this.kept.has(name)) {
      const table = arrow(`/${encodeURIComponent(this.space)}/table.arrow`, { columns: name });
      this.kept.set(name, table.then((found) => found.getChild(name)));
      this.kept.get(name).catch(() => this.kept.delete(name));
    }
    return this.kept.get(name);
  }
}

export const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));

// { of(row), key(row): which line of the legend, legend: [[color, label, value|null]] or { low, high, isLog } }
export async function coloring(columns, name, facet) {
  if (!name || !facet) {
    const one = rgb("#5b7db8");
    return { of: () => one, legend: [] };
  }
  const column = await columns.of(name);
  if (facet.kind === "number") return numeric(column, facet);
  const values = facet.values.slice(0, SOME.length).map(([value]) => String(value));
  const colors = new Map(values.map((value, at) => [value, rgb(SOME[at])]));
  const rest = rgb(REST);
  const first = facet.kind === "list" ? (row) => column.get(row)?.get(0) : (row) => column.get(row);
  const found = new Array(column.length), keys = new Int8Array(column.length).fill(-1);
  const places = new Map(values.map((value, at) => [value, at]));
  for (let row = 0; row < column.length; row++) {
    const value = String(first(row));
    found[row] = colors.get(value) || rest;
    keys[row] = places.get(value) ?? -1;
  }
  const legend = values.map((value, at) => [SOME[at], value, value]);
  if (facet.n_values > values.length) legend.push([REST, `${facet.n_values - values.length} others`, null]);
  return { of: (row) => found[row], key: (row) => keys[row], legend };
}

function numeric(column, facet) {
  const bend = facet.is_log ? Math.log : (value) => value;
  const low = bend(facet.low), width = bend(facet.high) - low || 1;
  const rest = rgb(REST), ramp = steps();
  return {
    of: (row) => {
      const value = column.get(row);
      if (value === null || Number.isNaN(Number(value))) return rest;
      const at = Math.min(0.9999, Math.max(0, (bend(Number(value)) - low) / width)) * (ramp.length - 1);
      const under = ramp[Math.floor(at)], over = ramp[Math.floor(at) + 1], part = at % 1;
      return under.map((one, i) => Math.round(one + part * (over[i] - one)));
    },
    legend: { low: facet.low, high: facet.high, steps: ramp },
  };
}
