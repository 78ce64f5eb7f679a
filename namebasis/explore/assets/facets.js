// Filters by clicking: values with counts, histograms with a brush, and the SQL that they amount to.
import { $, copy, element, named, shown } from "/assets/dom.js";
import { change, choose, chosen, sqlOf, state } from "/assets/state.js";

const open = new Set(["part", "gender", "locales"]);

// The box of the filter is made once: somebody may be typing in it while names are counted.
export function drawFacets(facets, said) {
  const box = $("where") ?? head(said);
  if (document.activeElement !== box) box.value = state.where;
  box.removeAttribute("aria-invalid");
  box.removeAttribute("aria-describedby");
  for (const button of $("facets").querySelectorAll(".of-filter button")) button.disabled = !state.where;
  const custom = state.where && state.where !== sqlOf(chosen());
  $("counts").replaceChildren(
    custom ? element("p", { class: "note" }, "Written by hand; a click below starts again.") : "",
    ...facets.map((facet) => panel(facet)));
}

function head(said) {
  const box = element("textarea", {
    id: "where", rows: 3, spellcheck: false, placeholder: "n_tokens = 1 AND gender = 'F'",
    onchange: (event) => change({ where: event.target.value.trim(), facets: "" }),
    onkeydown: (event) => {
      if (event.key === "Enter" && !event.shiftKey) {
        event.preventDefault();
        event.target.blur();
      }
    },
  });
  $("facets").replaceChildren(
    element("h2", {}, "Filter"),
    element("label", { class: "sql" }, "as SQL", box),
    element("p", { class: "row of-filter" },
      element("button", { type: "button", onclick: () => copy(state.where, said) }, "Copy"),
      element("button", { type: "button", onclick: () => change({ where: "", facets: "" }) }, "Clear")),
    element("div", { id: "counts" }));
  return box;
}

function panel(facet) {
  const mine = chosen()[facet.column];
  const box = element("details", {
    open: open.has(facet.column) || Boolean(mine),
    ontoggle: (event) => (event.target.open ? open.add(facet.column) : open.delete(facet.column)),
  }, element("summary", { title: facet.meaning }, facet.column, " ", element("span", { class: "quiet" }, facet.n.toLocaleString("en"))));
  box.append(facet.kind === "number" ? histogram(facet, mine) : values(facet, mine));
  return box;
}

function values(facet, mine) {
  const most = Math.max(...facet.values.map(([, count]) => count));
  return element("ul", { class: "values" }, facet.values.map(([value, count]) => {
    const isOn = mine?.values.includes(value) ?? false;
    const box = element("input", { type: "checkbox", checked: isOn, onchange: () => {
      const kept = (mine?.values ?? []).filter((one) => one !== value);
      if (!isOn) kept.push(value);
      choose(facet.column, kept.length ? { kind: facet.kind, values: kept } : null);
    } });
    const bar = element("span", { class: "bar", "aria-hidden": "true" });
    bar.style.width = `${(100 * count) / most}%`;
    return element("li", {}, element("label", {}, bar, box, named(value), element("span", { class: "count" }, count.toLocaleString("en"))));
  }), facet.n_values > facet.values.length
    ? element("li", { class: "note" }, `and ${(facet.n_values - facet.values.length).toLocaleString("en")} more values`) : null);
}

function histogram(facet, mine) {
  const { bins, low, high } = facet, most = Math.max(...bins, 1);
  const bend = facet.is_log ? (part) => low * (high / low) ** part : (part) => low + part * (high - low);
  const round = (value) => (facet.is_whole ? Math.round(value) : Number(value.toPrecision(4)));
  const svgNs = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(svgNs, "svg");
  svg.setAttribute("viewBox", `0 0 ${bins.length} 24`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("class", "histogram");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", `${facet.column} from ${shown(low)} to ${shown(high)}`);
  bins.forEach((count, at) => {
    const bar = document.createElementNS(svgNs, "rect");
    const height = count ? Math.max(1, (24 * count) / most) : 0;
    const from = bend(at / bins.length), to = bend((at + 1) / bins.length);
    const isIn = !mine || (to > mine.low && from < mine.high);
    Object.entries({ x: at + 0.08, y: 24 - height, width: 0.84, height, class: isIn ? "in" : "out" })
      .forEach(([name, value]) => bar.setAttribute(name, value));
    svg.append(bar);
  });
  let begun = null;
  const part = (event) => {
    const box = svg.getBoundingClientRect();
    return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
  };
  svg.addEventListener("pointerdown", (event) => { begun = part(event); svg.setPointerCapture(event.pointerId); });
  svg.addEventListener("pointerup", (event) => {
    if (begun === null) return;
    const [from, to] = [begun, part(event)].sort((a, b) => a - b);
    begun = null;
    if (to - from < 0.01) return;
    choose(facet.column, { kind: "number", low: round(bend(from)), high: round(bend(to)) });
  });
  const field = (label, value, end) => element("label", {}, element("span", { class: "hidden" }, `${facet.column} ${label}`),
    element("input", { type: "number", step: "any", value: round(value), onchange: (event) => {
      const now = { kind: "number", low: round(mine?.low ?? low), high: round(mine?.high ?? high) };
      now[end] = Number(event.target.value);
      choose(facet.column, now);
    } }));
  return element("div", {}, svg, element("p", { class: "row range" },
    field("at least", mine?.low ?? low, "low"), "to", field("at most", mine?.high ?? high, "high"),
    mine ? element("button", { type: "button", onclick: () => choose(facet.column, null) }, "all") : null));
}
