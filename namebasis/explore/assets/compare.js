// The same names in two spaces, or in two views of one: those first whose neighbours differ most.
import { element, named, percent, tableOf } from "/assets/dom.js";
import { take } from "/assets/basket.js";
import { drawReport } from "/assets/reports.js";
import { change, state } from "/assets/state.js";
import { term } from "/assets/terms.js";
import { space, working } from "/assets/working.js";

let kept = null, keptFor = "";

// Every space and view but the one that is shown.
export function others(spaces, isMap = false) {
  return spaces.filter((one) => one.views).flatMap((one) => one.views
    .filter((view) => one.space !== state.space || view !== state.view)
    .filter((view) => !isMap || view !== "image")
    .map((view) => [JSON.stringify([one.space, view]), one.space === state.space ? `this space, ${view} view` : one.views.length > 1 ? `${one.space}, ${view} view` : one.space]));
}

export function otherChoice(spaces, act, empty, isMap = false) {
  const chosen = state.other ? JSON.stringify([state.other, state.otherview || state.view]) : "";
  const node = element("select", { onchange: (event) => {
    const [other, otherview] = event.target.value ? JSON.parse(event.target.value) : ["", ""];
    act({ other, otherview });
  } }, element("option", { value: "" }, empty), others(spaces, isMap).map(([value, label]) => element("option", { value }, label)));
  node.value = chosen;
  return node;
}

export async function drawCompare(panel, { spaces, openCard, tell }) {
  const holder = element("div", {}), report = element("div", {});
  const order = element("select", { onchange: (event) => change({ order: event.target.value }) },
    element("option", { value: "" }, "those that agree least"), element("option", { value: "agree" }, "those that agree most"));
  order.value = state.order;
  panel.replaceChildren(
    element("div", { class: "row tools" },
      element("label", {}, "compare with ", otherChoice(spaces, (values) => change(values), "choose …")),
      element("label", {}, "first ", order),
      element("label", {}, "by their ", element("input", { type: "number", id: "compare-k", min: 1, max: 200, value: state.neighbours, onchange: (event) => change({ neighbours: event.target.value }) }), " ", term("overlap", "nearest names"))),
    holder, report);
  if (!state.other) {
    holder.append(element("p", { class: "note" }, others(spaces).length
      ? "Choose another space or another view: each name’s nearest names are then looked up in both."
      : "Only one view of one space is open. Start the explorer with two spaces: namebasis explore ONE.space OTHER.space"));
    return;
  }
  const body = { other: state.other, other_view: state.otherview || null, view: state.view, k: Number(state.neighbours), where: state.where || null, n: Math.min(5000, Number(state.k) * 4) };
  const asked = JSON.stringify([state.space, body]);
  if (keptFor !== asked) {
    const told = await working(holder, `/${space()}/jobs/overlap`, body, { said: "Finding neighbours in both" });
    if (!told || !holder.isConnected) return;
    [kept, keptFor] = [told, asked];
  }
  const side = state.order === "agree" ? "highest" : "lowest";
  const rows = kept.result[side].map((one, at) => ({ ...one, id: kept.ids[side][at] }));
  const most = kept.result.overlaps.at(-1);
  holder.replaceChildren(
    element("p", { class: "headline" }, kept.headline),
    ...kept.notes.map((note) => element("p", { class: "note" }, note)),
    element("p", { class: "row" },
      element("button", { type: "button", onclick: () => take(rows) }, "Put these in the basket"),
      element("button", { type: "button", id: "compare-report", onclick: () => drawReport(report, { kind: "comparison", other: state.other, other_view: state.otherview || null, view: state.view, where: state.where || null }, { tell }) }, "Compare their clusters (a report)")),
    tableOf(kept.tables[0]),
    element("div", { class: "scrolled", tabindex: 0, role: "region", "aria-label": "names in both" }, element("table", { id: "compared", class: "stacked" },
      element("thead", {}, element("tr", {}, ["name", `of ${most.k} nearest, in both`, "nearest here", "nearest there"].map((head) => element("th", { scope: "col" }, head)))),
      element("tbody", {}, rows.map((one) => element("tr", {},
        element("td", {}, element("button", { type: "button", class: "link", onclick: () => openCard(one.name) }, named(one.name)), one.part ? element("span", { class: "quiet" }, ` ${one.part}`) : null),
        element("td", { "data-head": "in both" }, element("span", { class: "whole" }, bar(one.share), ` ${percent(one.share)}`)),
        element("td", { "data-head": "here" }, listed(one.left, one.right, openCard)),
        element("td", { "data-head": "there" }, listed(one.right, one.left, openCard))))))));
}

function bar(share) {
  const node = element("span", { class: "share", "aria-hidden": "true" });
  node.style.setProperty("--share", share);
  return node;
}

// Names in a row; those that the other side has too stand out.
function listed(names, others, openCard) {
  return names.flatMap((name, at) => [at ? ", " : "",
    element("button", { type: "button", class: others.includes(name) ? "link both" : "link", onclick: () => openCard(name) }, named(name))]);
}
