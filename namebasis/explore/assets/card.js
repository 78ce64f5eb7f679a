// The drawer: what is known about a name, first in a sentence.
import { Refusal, get } from "/assets/api.js";
import { $, element, named, percent, shown, tableOf, zScore } from "/assets/dom.js";
import { take } from "/assets/basket.js";
import { drawPictures } from "/assets/pictures.js";
import { change, state, typed } from "/assets/state.js";
import { term } from "/assets/terms.js";
import { space, working } from "/assets/working.js";

const VERDICTS = { agrees: "agrees", disagrees: "disagrees", "no belief": "no belief" };
const SECTIONS = [
  ["Its parts", ["parts", "parts_read"]],
  ["Names that add up to it", ["basis"]],
  ["How rigidly it holds its place", ["rigidity"]],
  ["Its identity", ["identity", "evidence"]],
  ["All readings", ["readings", "values"]],
];

export async function drawCard(context) {
  const drawer = $("drawer");
  document.body.classList.toggle("has-card", Boolean(state.card));
  drawer.hidden = !state.card;
  if (!state.card) {
    drawer.replaceChildren();
    return;
  }
  try {
    show(drawer, await get(`/${space()}/card`, { name: state.card, view: state.view }, "card"), context);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    drawer.replaceChildren(heading(state.card), element("p", { class: "note", role: "status" }, error.message));
  }
}

const heading = (name) => element("div", { class: "row" }, element("h2", { tabindex: -1 }, named(name)),
  element("button", { type: "button", class: "small", "aria-label": "Close the card", onclick: () => change({ card: "" }) }, "×"));

function show(drawer, told, context) {
  const { openCard } = context;
  const card = told.result, name = card.name ?? state.card;
  const holder = element("div", {}), pictures = element("div", {});
  drawer.replaceChildren(
    heading(name),
    told.headline ? element("p", { class: "headline", id: "card-said" }, told.headline) : "",
    card.measured_on ? element("p", { class: "note" }, `Measured on ${card.measured_on}, and kept.`) : "",
    element("p", { class: "row" },
      element("button", { type: "button", onclick: () => change({ q: typed(name), tab: "names" }) }, "Nearest"),
      element("button", { type: "button", onclick: () => change({ q: typed(name), tab: "basis", deny: "", weights: "" }) }, "Basis"),
      element("button", { type: "button", onclick: () => change({ q: typed(name), tab: "paint" }) }, "Paint"),
      element("button", { type: "button", onclick: () => basket(name) }, "Basket"),
      element("button", { type: "button", onclick: () => onMap(name, context) }, "On the map")),
    card.deep ? beliefs(card.deep) : element("p", { class: "row" }, element("button", { type: "button", class: "main", onclick: async () => {
      const measured = await working(holder, `/${space()}/jobs/card`, { name, view: state.view }, { said: "Asking the model" });
      if (measured && state.card === name) show(drawer, measured, context);
    } }, "Measure what the model believes")),
    holder,
    ...near(card, openCard),
    pictures,
    ...SECTIONS.flatMap(([title, keys]) => section(title, told.tables.filter((table) => keys.includes(table.key)), openCard)),
    ...section("What is recorded", told.tables.filter((table) => table.key === "facts").map((table) => ({ ...table, title: "" })), openCard, !card.deep),
    ...told.notes.filter(() => card.deep).map((note) => element("p", { class: "note" }, note.replace(/ All four readings.*$/, ""))));
  drawPictures(pictures, name);
}

const idOf = async (name) => (await get(`/${space()}/spellings`, { q: name })).id;

async function basket(name) {
  take([{ id: await idOf(name), name }]);
}

async function onMap(name, context) {
  const id = await idOf(name);
  change({ tab: "map" });
  context.goTo(id);
}

// What it reads as beside what is recorded, one line an axis; what is within chance stands back.
function beliefs(deep) {
  const recorded = new Map(deep.beliefs.map((one) => [one.what, one]));
  const rows = [...deep.reads_as].sort((one, other) => Number(other.beyond_chance) - Number(one.beyond_chance) || one.p - other.p);
  return element("table", { id: "beliefs" },
    element("thead", {}, element("tr", {},
      element("th", { scope: "col" }, "axis"), element("th", { scope: "col" }, term("reads as", "the model", "Readings")),
      element("th", { scope: "col" }, "records"), element("th", { scope: "col" }, ""))),
    element("tbody", {}, rows.map((one) => {
      const title = one.axis.replaceAll("_", " "), record = recorded.get(title);
      const verdict = record && VERDICTS[record.verdict];
      return element("tr", { class: one.beyond_chance ? "" : "muted" },
        element("td", {}, term(one.axis, title, "Readings")),
        element("td", { "data-head": "the model", title: `z ${zScore(one.z)}, p ${one.p?.toFixed(2) ?? "–"}` },
          one.beyond_chance ? [element("b", {}, one.reads_as), element("span", { class: "quiet" }, ` above ${percent(Math.min(0.99, one.percentile))}`)] : "within chance"),
        element("td", { "data-head": "records" }, record?.record ?? ""),
        element("td", {}, verdict && one.beyond_chance ? element("span", { class: `verdict ${record.verdict}` }, verdict) : ""));
    })));
}

function near(card, openCard) {
  const links = (names) => names.map((one) => element("li", {}, element("button", { type: "button", class: "link", onclick: () => openCard(one.name) }, named(one.name)),
    element("span", { class: "quiet" }, ` ${shown(one.similarity)}`)));
  const pieces = card.tokens.pieces ?? [];
  return [
    element("h2", {}, "Nearest names"), element("ul", { class: "links" }, links(card.nearest)),
    pieces.length ? element("p", {}, element("span", { class: "quiet" }, "written as "), pieces.map((one) => element("span", { class: "chip" }, one.replace("</w>", ""))),
      card.written_alike.length ? element("span", { class: "quiet" }, ` as ${card.written_alike.slice(0, 4).join(", ")} too`) : null) : "",
  ];
}

function section(title, tables, openCard, isOpen = false) {
  if (!tables.length) return [];
  const drawn = tables.map((table) => tableOf(table, openCard));
  // Facts and measures stand in lines: what heads a line is explained, as heads of columns are.
  for (const cell of drawn.flatMap((one) => [...one.querySelectorAll("td[data-head=what], td[data-head=measure]")]))
    cell.replaceChildren(term(cell.textContent.replaceAll(" ", "_"), cell.textContent));
  return [element("details", { class: "section", open: isOpen }, element("summary", {}, title), drawn)];
}
