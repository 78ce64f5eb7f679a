// Along a component or an axis, or from one target to another: a slider, and who stands there.
import { get } from "/assets/api.js";
import { copy, element, named } from "/assets/dom.js";
import { take } from "/assets/basket.js";
import { change, note, state } from "/assets/state.js";
import { term } from "/assets/terms.js";
import { space } from "/assets/working.js";

const STEPS = 21;
const COMPONENTS = 12;

export async function drawWalk(panel, { axes, openCard, tell }) {
  const isBetween = Boolean(state.to);
  const ways = element("select", { id: "along", onchange: (event) => change(event.target.value === "…" ? { along: state.q || "a young boy", to: "an old lady", at: "" } : { along: event.target.value, to: "", at: "" }) },
    element("optgroup", { label: "axes" }, axes.map((one) => element("option", { value: one }, one.replaceAll("_", " ")))),
    element("optgroup", { label: "components" }, Array.from({ length: COMPONENTS }, (_, at) => element("option", { value: String(at + 1) }, `component ${at + 1}`))),
    element("option", { value: "…" }, "from one to another …"));
  if (!isBetween && ![...ways.options].some((one) => one.value === state.along)) ways.append(element("option", { value: state.along }, state.along));
  ways.value = isBetween ? "…" : state.along;
  const field = (label, name) => element("label", {}, `${label} `, element("input", { type: "text", value: state[name], maxlength: 2000,
    onchange: (event) => change({ [name]: event.target.value.trim(), at: "" }) }));
  const holder = element("div", {});
  panel.replaceChildren(element("div", { class: "row tools" }, element("label", {}, "along ", ways), isBetween ? [field("from", "along"), field("to", "to")] : null), holder);
  const told = await get(`/${space()}/walk`, { along: state.along, to: state.to, where: state.where, view: state.view, as: state.as, k: 8, steps: STEPS }, "walk");
  const { steps } = told.result;
  const middle = (STEPS - 1) / 2;
  const nearest = (position) => steps.reduce((best, step, at) => (Math.abs(step.position - position) < Math.abs(steps[best].position - position) ? at : best), 0);
  const here = element("ol", { class: "here", "aria-live": "polite" });
  const place = element("output", { id: "place" });
  const slider = element("input", { type: "range", id: "walk", min: 0, max: STEPS - 1, step: 1, "aria-label": `place along ${told.result.label}`, value: state.at === "" ? middle : nearest(Number(state.at)) });
  const way = element("ol", { class: "way", "aria-label": "Names on the way" }, steps.map((step, at) => element("li", {},
    element("button", { type: "button", class: "link", title: step.names.join(", "), onclick: () => { slider.value = at; moved(); } },
      element("span", { class: "quiet" }, signed(step.position)), " ", step.names.length ? named(step.names[0]) : "–"))));
  const moved = () => {
    const at = Number(slider.value), step = steps[at];
    place.textContent = signed(step.position);
    slider.setAttribute("aria-valuetext", `${place.textContent} deviations: ${step.names.slice(0, 3).join(", ")}`);
    here.replaceChildren(...step.names.map((name, one) => element("li", {},
      element("button", { type: "button", class: "link", onclick: () => openCard(name) }, named(name)),
      element("button", { type: "button", class: "small", "aria-label": `Put ${name} in the basket`, onclick: () => take([{ id: step.ids[one], name }]) }, "+"))));
    if (!step.names.length) here.replaceChildren(element("li", { class: "note" }, "Nobody stands here."));
    [...way.children].forEach((item, one) => item.toggleAttribute("data-here", one === at));
    note({ at: at === middle ? "" : String(Number(step.position.toFixed(2))) });
  };
  slider.addEventListener("input", moved);
  const all = steps.flatMap((step) => step.names.map((name, one) => ({ id: step.ids[one], name })));
  holder.replaceChildren(
    element("p", { class: "headline" }, told.headline),
    element("p", { class: "row" }, ends(told.result.label, 0, steps), slider, ends(told.result.label, 1, steps)),
    element("p", { class: "row" }, place, " ", term("deviations", "standard deviations"), " from the mean"),
    here, way,
    element("p", { class: "row" },
      element("button", { type: "button", onclick: () => take(all) }, "Put all on the way in the basket"),
      element("button", { type: "button", onclick: () => copy(steps.map((step) => `${step.position.toFixed(1)}\t${step.names.join(", ")}`).join("\n"), tell) }, "Copy")),
    ...told.notes.map((said) => element("p", { class: "note" }, said.replace(/; a smaller span leaves such ends out\.$/, "."))));
  moved();
}

const signed = (position) => `${position > 0 ? "+" : position < 0 ? "−" : ""}${Math.abs(position).toFixed(1)}`;

// What an axis calls its ends; a component's are a sign.
function ends(label, which, steps) {
  const said = label.split(": ").at(-1).split(" to ");
  return element("span", { class: "quiet" }, said.length === 2 ? said[which] : signed(steps.at(which ? -1 : 0).position));
}
