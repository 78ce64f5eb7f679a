// A target as a few names: their weights as sliders, the cosine at once, what chance reaches beside it.
import { job, post } from "/assets/api.js";
import { copy, element, named, shown } from "/assets/dom.js";
import { change, note, state } from "/assets/state.js";
import { term } from "/assets/terms.js";
import { measure, space } from "/assets/working.js";

const STEPS = 200;
const DRAWS = 20;
const N_NAMES = 5; // as the service and Python
let guess = null;

export function needsTarget(panel, verb) {
  panel.replaceChildren(element("p", { class: "note" }, `Type a name or a text in the box above to ${verb}.`));
}

export const number = (label, value, low, high, act) => element("label", {}, label, " ",
  element("input", { type: "number", min: low, max: high, value, onchange: (event) => act(event.target.value) }));

export const listIn = (text) => { try { return JSON.parse(text || "[]"); } catch { return []; } };

// Cosine of a weighted sum to the target, from all dot products of atoms, mean and target.
export function cosine(products, weights, mean = 0) {
  const summed = [...weights, mean, 0], target = [...weights.map(() => 0), mean, 1];
  const dot = (one, other) => one.reduce((sum, value, at) => sum + value * products[at].reduce((part, cell, to) => part + cell * other[to], 0), 0);
  const lengths = dot(summed, summed) * dot(target, target);
  return lengths > 1e-18 ? dot(summed, target) / Math.sqrt(lengths) : NaN;
}

export async function drawBasis(panel, { tell, openCard }) {
  guess?.stop();
  if (!state.q) return needsTarget(panel, "take it apart into a few names");
  const denied = listIn(state.deny);
  const body = { q: state.q, n_names: Number(state.n || N_NAMES), where: state.where || null, view: state.view, as: state.as || null, deny: denied };
  const told = await post(`/${space()}/basis`, body, "basis");
  const { names, ids } = told.result, best = told.result.weights;
  const products = names.length ? (await post(`/${space()}/weigh`, { q: state.q, ids, view: state.view, as: state.as || null }, "weigh")).products : [];
  const given = state.weights ? state.weights.split(",").map(Number) : [];
  let weights = given.length === names.length && given.every(Number.isFinite) ? given : [...best];
  const most = Math.max(...best, ...weights, 0.01) * 1.5;
  const holder = element("div", {});
  const near = element("output", { id: "cosine", "aria-live": "polite" });
  const raw = element("span", { class: "quiet" });
  const gauge = element("span", { class: "gauge", "aria-hidden": "true" }, element("span", { class: "chance" }), element("span", { class: "found" }));
  const chance = element("span", { class: "quiet", id: "chance" }, "chance: …");
  const reset = element("button", { type: "button", onclick: () => { weights = [...best]; change({ weights: "" }); settle(); } }, "Best weights");
  const sliders = names.map((name, at) => element("input", { type: "range", min: 0, max: most, step: most / STEPS, value: weights[at], "aria-label": `weight of ${name}`,
    oninput: (event) => { weights[at] = Number(event.target.value); settle(); },
    onchange: () => note({ weights: weights.map((one) => one.toFixed(3)).join(",") }) }));
  const values = names.map(() => element("span", { class: "value" }));
  const settle = () => {
    sliders.forEach((slider, at) => { slider.value = weights[at]; values[at].textContent = shown(weights[at]); });
    const found = names.length ? cosine(products, weights) : NaN;
    near.textContent = Number.isNaN(found) ? "–" : found.toFixed(3);
    raw.textContent = names.length ? `(${cosine(products, weights, 1).toFixed(2)} with the mean of all names)` : "";
    gauge.style.setProperty("--found", Math.max(0, found || 0));
    reset.disabled = weights.every((one, at) => Math.abs(one - best[at]) < 1e-6);
  };
  const atoms = element("ul", { class: "atoms" }, names.map((name, at) => element("li", {},
    element("button", { type: "button", class: "link", onclick: () => openCard(name) }, named(name)), sliders[at], values[at],
    element("button", { type: "button", class: "small", "aria-label": `Refit without ${name}`, title: `Refit without ${name}`,
      onclick: () => change({ deny: JSON.stringify([...denied, name]), weights: "" }) }, "×"))));
  panel.replaceChildren(
    element("div", { class: "row tools" }, number("names", state.n || N_NAMES, 1, 40, (n) => change({ n, weights: "" })), reset,
      element("button", { type: "button", onclick: () => copy(names.map((name, at) => `${name}\t${weights[at].toFixed(3)}`).join("\n"), tell) }, "Copy"),
      element("button", { type: "button", onclick: () => measure(holder, "basis", body, openCard) }, "Test it fully"),
      denied.map((name) => element("button", { type: "button", class: "chip", title: "Allow it again", onclick: () => change({ deny: denied.length > 1 ? JSON.stringify(denied.filter((one) => one !== name)) : "", weights: "" }) }, "without ", named(name), " ×"))),
    element("p", { class: "headline" }, told.headline), atoms,
    element("p", { class: "row near" }, term("cosine", "cosine", "Basis"), near, gauge, raw, chance),
    ...told.notes.map((said) => element("p", { class: "note" }, said)), holder);
  settle();
  if (names.length) await compared(chance, gauge, body);
}

// What dictionaries of no meaning reach, from few draws: a mark beside the cosine.
async function compared(chance, gauge, body) {
  guess = job(`/${space()}/jobs/basis`, { ...body, n_null: DRAWS, n_resamples: 0 }, () => {});
  try {
    const told = await guess.result;
    const worst = told.result.nulls.reduce((one, other) => (one && one.mean >= other.mean ? one : other), null);
    if (!worst || !chance.isConnected) return;
    gauge.classList.add("has-chance");
    gauge.style.setProperty("--low", Math.max(0, worst.mean - 2 * worst.sd));
    gauge.style.setProperty("--high", Math.max(0, worst.mean + 2 * worst.sd));
    chance.replaceChildren(term("by chance", "chance", "Basis"), `: ${worst.mean.toFixed(2)} ± ${worst.sd.toFixed(2)} with ${worst.against} (${DRAWS} draws)`);
  } catch (error) {
    if (error.name !== "AbortError" && chance.isConnected) chance.textContent = `chance: ${error.message}`;
    else if (chance.isConnected) chance.textContent = "";
  }
}
