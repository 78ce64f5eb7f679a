// A list of names that is good for something, under limits: as a list, on the map, in the basket.
import { element, named, shown, tableOf } from "/assets/dom.js";
import { take } from "/assets/basket.js";
import { pickOnMap } from "/assets/mapped.js";
import { change, note, state } from "/assets/state.js";
import { term } from "/assets/terms.js";
import { space, working } from "/assets/working.js";

const GOALS = {
  cover: "every name is near a chosen one",
  axes: "evenly over a grid of axes",
  strong: "the ends of one axis",
  "low-bias": "no axis reads anything in them",
};
const AXES = { axes: "age=4, gender, region", strong: "age", "low-bias": "all axes" };
let kept = null, keptFor = "", isFresh = true;

const list = (text) => text.split(",").map((one) => one.trim()).filter(Boolean);

function question() {
  return {
    objective: state.goal, n_names: Number(state.many), where: state.where || null, of: (state.goal === "cover" && state.of) || null,
    axes: state.goal === "cover" ? [] : list(state.axes), max_tokens: state.short ? Number(state.short) : null, max_per: list(state.per),
    one_spelling: state.onespelling === "1", not_famous: state.notfamous === "1", keep: list(state.keep), view: state.view,
  };
}

export async function drawSelect(panel, { tell, openCard, facets }) {
  const holder = element("div", {});
  const goal = element("select", { id: "goal", onchange: (event) => change({ goal: event.target.value, axes: "" }) },
    Object.entries(GOALS).map(([value, label]) => element("option", { value }, `${value}: ${label}`)));
  goal.value = state.goal;
  const text = (name, label, placeholder, size = 14) => element("label", {}, label, " ", element("input", {
    type: "text", id: `select-${name}`, value: state[name], placeholder, size, maxlength: 2000, onchange: (event) => change({ [name]: event.target.value.trim() }) }));
  const number = (name, label, placeholder, high) => element("label", {}, label, " ", element("input", {
    type: "number", id: `select-${name}`, min: 1, max: high, value: state[name], placeholder, onchange: (event) => change({ [name]: event.target.value }) }));
  const box = (name, label) => element("label", {}, element("input", { type: "checkbox", checked: state[name] === "1", onchange: (event) => change({ [name]: event.target.checked ? "1" : "" }) }), " ", label);
  const run = async () => {
    const asked = question();
    note({ ran: "select" });
    const told = await working(holder, `/${space()}/jobs/select`, asked, { said: "Choosing" });
    if (!told) return;
    [kept, keptFor] = [told, JSON.stringify([state.space, asked])];
    show(holder, told, asked, { tell, openCard });
  };
  panel.replaceChildren(
    element("div", { class: "row tools" }, element("label", {}, "so that ", goal), number("many", "names", "100", 10_000),
      state.goal === "cover" ? null : text("axes", "axes", AXES[state.goal], 24), element("button", { type: "button", class: "main", id: "choose", onclick: run }, "Choose")),
    element("div", { class: "row" }, element("span", { class: "quiet" }, "limits:"), number("short", term("n_tokens", "tokens of a name, at most"), "any", 100),
      text("per", "at most per value", "locale=5, piece=1", 18), box("onespelling", "one spelling of each"), box("notfamous", "nobody famous"),
      text("keep", "keep", "names, by commas", 16), state.goal === "cover" ? text("of", "names that the list stands for, as SQL", "all names", 18) : null),
    element("p", { class: "note" }, state.where ? "Only names that pass the filter at the left are chosen." : "All names may be chosen; the filter at the left allows fewer."),
    holder);
  const asked = question();
  if (kept && keptFor === JSON.stringify([state.space, asked])) show(holder, kept, asked, { tell, openCard });
  else if (isFresh && state.ran === "select") run(); // a link opens the same list
  isFresh = false;
}

function show(holder, told, asked, { tell, openCard }) {
  const rows = told.result.selected, values = told.tables[0].columns.filter((name) => typeof rows[0]?.[name] === "number" && !["rank", "tokens"].includes(name));
  const meanings = Object.fromEntries(told.tables[0].columns.map((name, at) => [name, told.tables[0].meanings[at]]));
  const head = (name) => element("th", { scope: "col", class: "number" }, meanings[name] ? element("abbr", { title: meanings[name], tabindex: 0 }, name) : name);
  const group = rows.some((row) => row.selected_group);
  const written = element("div", {});
  holder.replaceChildren(
    element("p", { class: "headline" }, told.headline),
    ...told.notes.map((said) => element("p", { class: "note" }, said)),
    element("p", { class: "row" },
      element("button", { type: "button", onclick: () => take(rows.map(({ id, name }) => ({ id, name }))) }, "Put the list in the basket"),
      element("button", { type: "button", onclick: () => { pickOnMap(rows.map((row) => row.id)); change({ tab: "map" }); } }, "On the map"),
      element("button", { type: "button", title: "Adds selected_rank and selected_group to the space, which filters and colours can then use", onclick: async () => {
        const done = await working(written, `/${space()}/jobs/selected`, asked, { said: "Choosing and writing" });
        if (done) {
          tell("The list is a column of the space now: selected_rank.");
          change({ written: String(Number(state.written || 0) + 1) });
        }
      } }, "Write as columns")),
    written,
    element("div", { class: "scrolled", tabindex: 0, role: "region", "aria-label": "the chosen names" }, element("table", { id: "selected" },
      element("thead", {}, element("tr", {}, element("th", { scope: "col", class: "number" }, ""), element("th", { scope: "col" }, "name"), group ? element("th", { scope: "col" }, "group") : null, head("tokens"), values.map(head))),
      element("tbody", {}, rows.map((row, at) => element("tr", {}, element("td", { class: "number quiet" }, String(at + 1)),
        element("td", {}, element("button", { type: "button", class: "link", onclick: () => openCard(row.name) }, named(row.name))),
        group ? element("td", {}, row.selected_group ?? "") : null,
        element("td", { class: "number" }, String(row.n_tokens)), values.map((name) => element("td", { class: "number" }, shown(row[name])))))))),
    ...told.tables.slice(1).map((table) => tableOf(table, openCard)));
}
