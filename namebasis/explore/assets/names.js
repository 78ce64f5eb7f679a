// The list: nearest names of a question, or all names that the filter leaves.
import { Refusal, get, post } from "/assets/api.js";
import { $, element, named, shown } from "/assets/dom.js";
import { change, note, state } from "/assets/state.js";
import { take } from "/assets/basket.js";

const PAGE = 100;
export let found = [];
let at = -1;
let image = null;

export const askImage = (file) => { image = file; };

export async function drawNames(panel, tell, openCard) {
  const head = element("div", { class: "row tools" });
  const list = element("ol", { id: "list", class: "names", role: "list", tabindex: 0, "aria-label": "Names" });
  const more = element("div", {});
  if (!$("list")) panel.replaceChildren(head, list, more); // of another tab
  const told = await askMended(tell); // what is shown stays where it is refused
  panel.replaceChildren(head, list, more);
  at = -1;
  found = told.rows;
  head.replaceChildren(
    element("p", { class: "headline" }, told.title),
    element("label", {}, "show ", select(["10", "50", "200", "1000"], state.k, (k) => change({ k }))),
    state.q || image
      ? element("label", {}, element("input", { type: "checkbox", checked: state.far === "1", onchange: (event) => change({ far: event.target.checked ? "1" : "" }) }), " farthest instead")
      : element("label", {}, "by ", sortsOf(told.sorts)),
    element("button", { type: "button", onclick: () => take(found), disabled: !found.length }, "Put all in the basket"),
    ...told.notes.map((note) => element("p", { class: "note" }, note)));
  if (!found.length) list.append(element("li", { class: "note" }, "No name passes. Widen the filter at the left."));
  if (told.query) nearSpellings(head, told.query);
  list.append(...found.map((row, index) => line(row, index, openCard)));
  if (told.total > found.length && !state.q)
    more.append(element("button", { type: "button", onclick: () => change({ k: String(Math.min(1000, Number(state.k) * 4)) }) },
      `${(told.total - found.length).toLocaleString("en")} more`));
}

function select(values, value, act, empty, id = null) {
  const all = values.includes(value) ? values : [...values, value];
  const node = element("select", { id, onchange: (event) => act(event.target.value) },
    all.map((one) => element("option", { value: one }, one || empty)));
  node.value = value;
  return node;
}

// An address may sort by what is no column: then by none, and it is said.
async function askMended(tell) {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof Refusal) || !state.sort || state.q) throw error;
    note({ sort: "" });
    const told = await ask();
    tell(`${error.message} The names are in the order of building.`, true);
    return told;
  }
}

async function ask() {
  const space = encodeURIComponent(state.space);
  if (image) {
    const form = new FormData();
    form.set("image", image);
    form.set("k", state.k);
    form.set("view", state.view);
    if (state.where) form.set("where", state.where);
    image = null;
    return nearest(await post(`/${space}/nearest`, form, "list"));
  }
  if (state.q) {
    return nearest(await get(`/${space}/nearest`, { q: state.q, k: state.k, where: state.where, view: state.view, as: state.as, farthest: state.far === "1" ? "true" : "" }, "list"));
  }
  const told = await get(`/${space}/names`, {
    where: state.where, sort: state.sort, descending: state.sort ? "true" : "", limit: Math.min(Number(state.k), 1000),
  }, "list");
  return {
    rows: told.rows.map((row) => ({ ...row, value: row[state.sort] })), notes: told.why ? [told.why] : [], total: told.total,
    title: `${told.total.toLocaleString("en")} names`, sorts: sortable,
  };
}

export let sortable = [];
// The list may stand before it is known what it can be sorted by.
export const setSortable = (columns) => {
  sortable = columns;
  const sorts = $("sort");
  if (sorts) sorts.replaceWith(sortsOf(sortable));
};
const sortsOf = (columns) => select(["", ...columns], state.sort, (sort) => change({ sort }), "order of building", "sort");

// What is typed may be a name that is stored under another spelling.
async function nearSpellings(head, query) {
  if (/\s[+\u2212-]\s/.test(query) || query.split(/\s+/).length > 3) return;
  const told = await get(`/${encodeURIComponent(state.space)}/spellings`, { q: query }, "spellings").catch(() => null);
  if (!told?.near.length || state.q !== query) return;
  head.append(element("p", { class: "row", id: "near" }, "Did you mean",
    told.near.map((name) => element("button", { type: "button", class: "chip", onclick: () => change({ q: name }) }, named(name)))));
}

function nearest(told) {
  return {
    query: state.q,
    title: `nearest to ${told.result.query}`, notes: [...(told.headline ? [told.headline] : []), ...told.notes],
    rows: told.result.names.map((row) => ({ ...row, value: row.similarity })), total: told.result.names.length, sorts: sortable,
  };
}

function line(row, index, openCard) {
  const facts = [row.part, row.gender, (row.locales ?? []).slice(0, 3).join(" ")].filter(Boolean).join(" · ");
  const value = row.value === undefined || row.value === null ? "" : shown(row.value);
  const bar = element("span", { class: "bar", "aria-hidden": "true" });
  if (typeof row.similarity === "number") bar.style.width = `${Math.max(0, 100 * row.similarity)}%`;
  return element("li", { "data-row": index },
    bar,
    element("button", { type: "button", class: "link name", onclick: () => { at = index; openCard(row.name); } }, named(row.name)),
    element("span", { class: "facts" }, facts),
    element("span", { class: "value" }, value),
    element("button", { type: "button", class: "small", "aria-label": `Put ${row.name} in the basket`, onclick: () => take([row]) }, "+"));
}

// Up and down with the arrows; what is chosen has the focus.
export function step(by) {
  const lines = document.querySelectorAll("#list li[data-row] .name");
  if (!lines.length) return false;
  at = Math.min(lines.length - 1, Math.max(0, at + by));
  lines[at].focus();
  return true;
}

export const current = () => found[at];
