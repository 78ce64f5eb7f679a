// The tab of the map: points, colours, selection.
import { arrow, job, numbers } from "/assets/api.js";
import { coloring } from "/assets/columns.js";
import { element, named, shown } from "/assets/dom.js";
import { listIn } from "/assets/basis.js";
import { Beside } from "/assets/beside.js";
import { others } from "/assets/compare.js";
import { PointMap } from "/assets/map.js";
import { Overview, labelPlaces } from "/assets/overview.js";
import { take } from "/assets/basket.js";
import { change, choose, chosen, note, state } from "/assets/state.js";

let map = null, shownFor = "", names = null, allowed = null, overview = null, beside = null, selected = [], painted = null, wanted = null;
const RINGED = 300; // names of a selection; of more, rings would hide the map

// What the map is to show as selected, once it stands.
export const pickOnMap = (rows) => { wanted = [...rows].sort((one, other) => one - other); };

export function closeMap() {
  map?.destroy();
  beside?.destroy();
  beside = null;
  map = null;
  shownFor = "";
  selected = [];
}

export async function drawMap(panel, context) {
  const { columns, tell, openCard } = context;
  const question = `${state.space} ${columns.build} ${state.view} ${state.beside}`;
  if (map && shownFor === question && panel.querySelector("canvas")) {
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
  const second = element("div", { class: "frame", hidden: !state.beside });
  const legend = element("div", { class: "legend" });
  const picked = element("div", { class: "picked" });
  const colors = element("select", { onchange: (event) => change({ color: event.target.value }) });
  const lasso = element("button", { type: "button", "aria-pressed": "false", onclick: () => {
    map.isSelecting = !map.isSelecting;
    lasso.setAttribute("aria-pressed", String(map.isSelecting));
  } }, "Lasso");
  panel.replaceChildren(
    element("div", { class: "row tools" }, element("label", {}, "colour by ", colors), lasso,
      element("button", { type: "button", onclick: () => map.home() }, "Whole map"), besideChoice(context),
      element("span", { class: "note" }, "drag to move, wheel to zoom, Shift-drag to select"),
      element("span", { class: "note", id: "flat", hidden: true }, "This browser has no WebGL 2: the map is drawn on a canvas, more slowly.")),
    legend, element("div", { class: state.beside ? "maps two" : "maps" }, frame, second), element("p", { id: "map-told", class: "hidden" }), picked);
  map = new PointMap(canvas, places.getChild("x").toArray(), places.getChild("y").toArray(), {
    hover: (row, place) => {
      tip.hidden = row < 0;
      beside?.point(row);
      canvas.style.cursor = row < 0 ? "" : "pointer";
      if (row < 0) return;
      tip.replaceChildren(named(names.get(row)));
      tip.style.left = `${place[0] + 12}px`;
      tip.style.top = `${place[1] + 12}px`;
    },
    click: (row) => openCard(names.get(row)),
    select: (rows, corners) => {
      note({ lasso: corners.map((place) => place.map((one) => one.toFixed(4)).join(" ")).join(",") });
      drawPicked(picked, rows, tell);
    },
    moved: () => overview?.draw(),
  });
  overview = new Overview(map, frame);
  shownFor = question;
  panel.querySelector("#flat").hidden = !map.isFlat;
  await paint(panel, context);
  const corners = lassoed();
  if (wanted) {
    note({ lasso: "" });
    drawPicked(picked, wanted, tell);
    wanted = null;
  } else if (corners.length > 2) drawPicked(picked, map.inside(corners), tell);
  if (state.beside) await openBeside(panel, context);
}

function besideChoice({ spaces }) {
  const choices = others(spaces, true);
  if (!choices.length) return null;
  const node = element("select", { id: "beside", onchange: (event) => change({ beside: event.target.value }) },
    element("option", { value: "" }, "nothing"), choices.map(([value, label]) => element("option", { value }, label)));
  node.value = choices.some(([value]) => value === state.beside) ? state.beside : "";
  return element("label", {}, "beside it ", node);
}

async function openBeside(panel, { spaces, columns, openCard, tell }) {
  const chosen = listIn(state.beside), holder = panel.querySelectorAll(".frame")[1];
  if (!spaces.some((one) => one.space === chosen[0] && one.views?.includes(chosen[1]))) return;
  const opened = new Beside(holder, chosen.join(", "), {
    hover: (row) => { if (map) { map.pointed = row; map.draw(); } },
    click: openCard,
    select: (rows) => {
      note({ lasso: "" }); // a polygon of the other map
      drawPicked(panel.querySelector(".picked"), rows, tell);
    },
  });
  beside = opened;
  if (!(await opened.open(chosen, spaces, names, await columns.of("part"), tell)) || beside !== opened) return;
  await opened.paint(painted.isIn, painted.facet);
  opened.mark(selected.length > RINGED ? [] : selected, (row) => names.get(row));
}

// The selection of an address: a polygon on the map.
function lassoed() {
  return state.lasso ? state.lasso.split(",").map((place) => place.split(" ").map(Number)) : [];
}

// What is not selected pales where a selection is large.
function repaint() {
  let isPaler;
  if (selected.length > RINGED) {
    const strong = new Uint8Array(names.length);
    for (const row of selected) strong[row] = 1;
    isPaler = (row) => !strong[row];
  }
  map.paint(painted.of, painted.isIn, isPaler);
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
  const isIn = allowed ? (row) => allowed[row] === 1 : () => true;
  map.labels = coat.key ? labelPlaces(map.x, map.y, coat.key, coat.legend, isIn) : [];
  coat.isIn = isIn;
  coat.facet = facet;
  painted = coat;
  repaint();
  await beside?.paint(isIn, facet);
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
  selected = rows;
  const label = (row) => names.get(row), ringed = rows.length > RINGED ? [] : rows;
  map.mark(ringed, label);
  repaint();
  overview.select(rows);
  beside?.mark(ringed, label);
  if (!rows.length) {
    holder.replaceChildren();
    return;
  }
  const all = () => rows.map((row) => ({ id: row, name: names.get(row) }));
  holder.replaceChildren(
    element("p", { class: "row" }, element("b", {}, `${rows.length.toLocaleString("en")} names selected`),
      element("button", { type: "button", onclick: () => take(all()) }, "Put in the basket"),
      element("button", { type: "button", onclick: () => { note({ lasso: "" }); drawPicked(holder, [], tell); } }, "Forget")),
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
