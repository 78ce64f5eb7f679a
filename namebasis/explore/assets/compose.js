// Basis, paint and walk: a target taken apart, put into a prompt, or walked along.
import { get, job, post } from "/assets/api.js";
import { copy, element, named, resultOf, shown } from "/assets/dom.js";
import { change, state } from "/assets/state.js";

const space = () => encodeURIComponent(state.space);
let refused = [];
let refusedOf = "";

function needsTarget(panel, verb) {
  panel.replaceChildren(element("p", { class: "note" }, `Type a name or a text in the box above to ${verb}.`));
}

const number = (label, value, low, high, act) => element("label", {}, label, " ",
  element("input", { type: "number", min: low, max: high, value, onchange: (event) => act(event.target.value) }));

export async function drawBasis(panel, { tell, openCard }) {
  if (!state.q) return needsTarget(panel, "take it apart into a few names");
  if (refusedOf !== state.q) [refused, refusedOf] = [[], state.q];
  const body = { q: state.q, n_names: Number(state.n), where: state.where || null, view: state.view, as: state.as || null, deny: refused };
  const told = await post(`/${space()}/basis`, body, "basis");
  const holder = element("div", {});
  const again = () => drawBasis(panel, { tell, openCard });
  const atoms = element("ul", { class: "atoms" }, told.result.names.map((name, at) => element("li", {},
    element("button", { type: "button", class: "link", onclick: () => openCard(name) }, named(name)),
    element("meter", { min: 0, max: 1, value: told.result.weights[at], "aria-label": `weight of ${name}` }),
    element("span", { class: "value" }, shown(told.result.weights[at])),
    element("button", { type: "button", class: "small", "aria-label": `Refit without ${name}`, onclick: () => { refused.push(name); again(); } }, "×"))));
  panel.replaceChildren(
    element("div", { class: "row tools" }, number("names", state.n, 1, 40, (n) => change({ n })),
      element("button", { type: "button", onclick: () => copy(told.result.names.map((name, at) => `${name}\t${told.result.weights[at]}`).join("\n"), tell) }, "Copy"),
      element("button", { type: "button", onclick: () => measure(holder, "basis", body, openCard, tell) }, "Is it better than chance?"),
      refused.length ? element("button", { type: "button", onclick: () => { refused = []; again(); } }, `Allow again: ${refused.join(", ")}`) : null),
    element("p", { class: "headline" }, told.headline), atoms, ...told.notes.map((note) => element("p", { class: "note" }, note)), holder);
}

export async function measure(holder, kind, body, openCard, tell) {
  const bar = element("progress", {});
  const work = job(`/${space()}/jobs/${kind}`, body, (told) => {
    if (told.total) {
      bar.max = told.total;
      bar.value = told.done;
    }
  });
  holder.replaceChildren(element("p", {}, "Measuring … ", bar, element("button", { type: "button", onclick: work.stop }, "Stop")));
  try {
    const told = await work.result;
    holder.replaceChildren(resultOf(told, openCard));
    return told;
  } catch (error) {
    holder.replaceChildren(element("p", { class: "note" }, error.name === "AbortError" ? "Stopped." : error.message));
    return null;
  }
}

const SYNTAXES = ["plain", "a1111", "a1111-alternate", "comfyui", "comfyui-average", "compel", "dynamicprompts", "embedding-merge"];

export async function drawPaint(panel, { tell, openCard }) {
  if (!state.q) return needsTarget(panel, "find a prompt of names for it");
  const holder = element("div", {});
  const template = element("input", { type: "text", value: state.template, size: 30, onchange: (event) => change({ template: event.target.value }) });
  const syntax = element("select", { onchange: (event) => change({ syntax: event.target.value }) }, SYNTAXES.map((one) => element("option", { value: one }, one)));
  syntax.value = state.syntax;
  const run = async () => {
    const body = { q: state.q, n_names: Number(state.n), template: state.template, where: state.where || null, as: state.as || null, syntax: state.syntax };
    const told = await measure(holder, "paint", body, openCard, tell);
    if (told?.headline) holder.prepend(element("p", { class: "row" },
      element("button", { type: "button", onclick: () => copy(told.headline, tell) }, "Copy the prompt")));
  };
  panel.replaceChildren(
    element("div", { class: "row tools" }, number("at most names", state.n, 1, 12, (n) => change({ n })), element("label", {}, "template ", template),
      element("label", {}, "for ", syntax), element("button", { type: "button", class: "main", onclick: run }, "Paint")), holder);
}

export async function drawWalk(panel, { axes, tell, openCard }) {
  const along = element("input", { type: "text", list: "axes", value: state.along, onchange: (event) => change({ along: event.target.value.trim() || "1" }) });
  along.setAttribute("list", "axes");
  const holder = element("div", {});
  panel.replaceChildren(
    element("div", { class: "row tools" }, element("label", {}, "along ", along),
      element("datalist", { id: "axes" }, ["1", "2", "3", ...axes].map((one) => element("option", { value: one }))),
      element("label", {}, "to ", element("input", { type: "text", value: state.to, placeholder: "another name or text", onchange: (event) => change({ to: event.target.value.trim() }) })),
      element("span", { class: "note" }, "a component's number, an axis, or a name to start from")), holder);
  const told = await get(`/${space()}/walk`, { along: state.along, to: state.to, where: state.where, view: state.view, as: state.as, k: 5 }, "walk");
  holder.replaceChildren(resultOf(told, openCard));
}
