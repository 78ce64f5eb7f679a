// The tab of the map: points, colours, selection.
import { arrow, job, numbers } from "/assets/api.js";
import { coloring } from "/assets/columns.js";
import { element, named, shown } from "/assets/dom.js";
import { PointMap } from "/assets/map.js";
import { take } from "/assets/basket.js";
import { change, choose, chosen, state } from "/assets/state.js";

let map = null, shownFor = "", names = null, allowed = null;

export function closeMap() {
  map?.destroy();
  map = null;
  shownFor = "";
}

export async function drawMap(panel, context) {
  const { columns, tell, openCard } = context;
  const wanted = `${state.space} ${columns.build} ${state.view}`;
  if (map && shownFor === wanted && panel.querySelector("canvas")) {
    await paint(panel, context);
    return;
  }
  closeMap();
  panel.replaceChildren(element("p", { class: "note" }, "Fetching the map …"));
  const fetched = columns.of("name");
  let places = await arrow(`/${encodeURIComponent(state.space)}/map.arrow`, { view: state.view });
  if (!places) {
    places = await make(panel);
    if (!places) return;
  }
  names = await fetched;
  const canvas = element("canvas", { id: "map", tabindex: 0, role: "img",
    "aria-label": `Map of ${names.length.toLocaleString("en")} names. The same names are in the tab Names as a list.`,
    "aria-describedby": "map-told" });
  const tip = element("div", { class: "tip", hidden: true });
  const frame = element("div", { class: "frame" }, canvas, tip);
  const legend = element("div", { class: "legend" });
  const picked = element("div", { class: "picked" });
  const colors = element("select", { onchange: (event) => change({ color: event.target.value }) });
  const lasso = element("button", { type: "button", "aria-pressed": "false", onclick: () => {
    map.isSelecting = !map.isSelecting;
    lasso.setAttribute("aria-pressed", String(map.isSelecting));
  } }, "Lasso");
  panel.replaceChildren(
    element("div", { class: "row tools" }, element("label", {}, "colour by ", colors), lasso,
      element("button", { type: "button", onclick: () => map.home() }, "Whole map"),
      element("span", { class: "note" }, "drag to move, wheel to zoom, Shift-drag to select"),
      element("span", { class: "note", id: "flat", hidden: true }, "This browser has no WebGL 2: the map is drawn on a canvas, more slowly.")),
    legend, frame, element("p", { id: "map-told", class: "hidden" }), picked);
  map = new PointMap(canvas, places.getChild("x").toArray(), places.getChild("y").toArray(), {
    hover: (row, place) => {
      tip.hidden = row < 0;
      canvas.style.cursor = row < 0 ? "" : "pointer";
      if (row < 0) return;
      tip.replaceChildren(named(names.get(row)));
      tip.style.left = `${place[0] + 12}px`;
      tip.style.top = `${place[1] + 12}px`;
    },
    click: (row) => openCard(names.get(row)),
    select: (rows) => drawPicked(picked, rows, tell),
  });
  shownFor = wanted;
  panel.querySelector("#flat").hidden = !map.isFlat;
  await paint(panel, context);
}

async function make(panel) {
  const bar = element("progress", { max: 3 });
  const work = job(`/${encodeURIComponent(state.space)}/jobs/map`, { view: state.view }, (told) => { bar.value = told.done; });
  panel.replaceChildren(element("p", {}, "Placing all names on a plane; it is kept for the next time. ", bar,
    element("button", { type: "button", onclick: work.stop }, "Stop")));
  try {
    await work.result;
  } catch (error) {
    if (error.name === "AbortError") {
      panel.replaceChildren(element("p", { class: "note" }, "Stopped."));
      return null;
    }
    throw error;
  }
  return arrow(`/${encodeURIComponent(state.space)}/map.arrow`, { view: state.view });
}

async function paint(panel, context) {
  if (state.color || state.where) await context.counted;
  const { columns, facets } = context;
  const colors = panel.querySelector(".tools select");
  const options = facets.map((facet) => facet.column);
  if (colors.options.length !== options.length + 1)
    colors.replaceChildren(...["", ...options].map((one) => element("option", { value: one }, one || "nothing")));
  colors.value = options.includes(state.color) ? state.color : "";
  const facet = facets.find((one) => one.column === colors.value);
  const coat = await coloring(columns, colors.value, facet);
  allowed = null;
  let passing = names.length;
  if (state.where) {
    const ids = await numbers(`/${encodeURIComponent(state.space)}/ids`, { where: state.where }, "ids");
    allowed = new Uint8Array(names.length);
    for (const id of ids) allowed[id] = 1;
    passing = ids.length;
  }
  map.paint(coat.of, allowed ? (row) => allowed[row] === 1 : () => true);
  drawLegend(panel.querySelector(".legend"), coat.legend, colors.value, facet);
  panel.querySelector("#map-told").textContent = inWords(facet, passing);
}

// What the map shows, for whoever does not see it.
function inWords(facet, passing) {
  const parts = !facet ? "" : facet.kind === "number"
    ? `Coloured by ${facet.column}, from ${shown(facet.low)} to ${shown(facet.high)}.`
    : `Coloured by ${facet.column}: ${facet.values.slice(0, 8).map(([value, count]) => `${value} ${shown(count)}`).join(", ")}.`;
  return `${shown(passing)} names pass the filter. ${parts} Arrows move the map, + and - zoom, 0 shows all of it.`;
}

function drawLegend(holder, legend, name, facet) {
  if (!legend || (Array.isArray(legend) && !legend.length)) {
    holder.replaceChildren();
    return;
  }
  if (!Array.isArray(legend)) {
    const ramp = element("span", { class: "ramp" });
    ramp.style.background = `linear-gradient(90deg, ${legend.steps.map((one) => `rgb(${one.join(",")})`).join(", ")})`;
    holder.replaceChildren(element("span", {}, shown(legend.low)), ramp, element("span", {}, shown(legend.high)), element("span", { class: "note" }, "grey: no value"));
    return;
  }
  const mine = chosen()[name];
  holder.replaceChildren(...legend.map(([color, label, value]) => {
    const dot = element("span", { class: "dot" });
    dot.style.background = color;
    if (value === null) return element("span", {}, dot, label);
    const isOn = mine?.values.includes(value) ?? false;
    return element("button", { type: "button", class: "link", "aria-pressed": String(isOn),
      onclick: () => choose(name, isOn ? null : { kind: facet.kind, values: [value] }) }, dot, named(label));
  }));
}

function drawPicked(holder, rows, tell) {
  map.mark(rows.slice(0, 2000), rows.length <= 300 ? (row) => names.get(row) : null);
  if (!rows.length) {
    holder.replaceChildren();
    return;
  }
  const all = () => rows.map((row) => ({ id: row, name: names.get(row) }));
  holder.replaceChildren(
    element("p", { class: "row" }, element("b", {}, `${rows.length.toLocaleString("en")} names selected`),
      element("button", { type: "button", onclick: () => take(all()) }, "Put in the basket"),
      element("button", { type: "button", onclick: () => drawPicked(holder, [], tell) }, "Forget")),
    element("p", { class: "note" }, rows.slice(0, 60).map((row) => names.get(row)).join(", "), rows.length > 60 ? " …" : ""));
}

// Show on the map what the list or the card speaks of.
export async function markNames(list, columns) {
  if (!map) return;
  names = await columns.of("name");
  map.mark(list.map((one) => one.id).filter((id) => id < names.length), (row) => names.get(row));
}

export function goTo(id) {
  map?.goTo(id);
}
