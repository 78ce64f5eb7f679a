// A prompt of names for a target: the search told while it runs, alternatives, and any tool's syntax.
import { copy, element, named } from "/assets/dom.js";
import { needsTarget, number } from "/assets/basis.js";
import { take } from "/assets/basket.js";
import { change, note, state } from "/assets/state.js";
import { term } from "/assets/terms.js";
import { space, working } from "/assets/working.js";

const FORMS = { plain: "plain", a1111: "A1111", comfyui: "ComfyUI", compel: "compel", dynamicprompts: "dynamicprompts" };
const N_NAMES = 4; // as the service and Python
let kept = null, keptFor = "", isFresh = true;

export async function drawPaint(panel, { tell, openCard }) {
  if (!state.q) return needsTarget(panel, "find a prompt of names for it");
  const holder = element("div", {});
  const text = (name, label, size, placeholder = "") => element("label", {}, label, " ",
    element("input", { type: "text", id: `paint-${name}`, value: state[name], size, placeholder, maxlength: 2000, onchange: (event) => change({ [name]: event.target.value.trim() }) }));
  const body = () => ({
    q: state.q, n_names: Math.min(12, Number(state.n || N_NAMES)), template: state.template, where: state.where || null, as: state.as || null,
    slots: slotsIn(state.slots), with_negative: state.neg === "1", alternatives: 10, max_tokens: state.tokens ? Number(state.tokens) : null,
  });
  const run = async () => {
    let asked;
    try {
      asked = body();
    } catch (error) {
      holder.replaceChildren(element("p", { class: "note" }, error.message));
      return;
    }
    note({ ran: "paint" });
    const told = await working(holder, `/${space()}/jobs/painting`, asked, { said: "Searching", live });
    if (!told) return;
    [kept, keptFor] = [told, JSON.stringify([state.space, asked])];
    show(holder, told, { tell, openCard });
  };
  panel.replaceChildren(
    element("div", { class: "row tools" }, number("at most names", Math.min(12, state.n || N_NAMES), 1, 12, (n) => change({ n })),
      element("label", {}, "tokens ", element("input", { type: "number", min: 1, max: 1000, value: state.tokens, placeholder: "any", onchange: (event) => change({ tokens: event.target.value }) })),
      text("template", "template", 26), text("slots", "phrases", 26, "mood: happy | sad"),
      element("label", {}, element("input", { type: "checkbox", checked: state.neg === "1", onchange: (event) => change({ neg: event.target.checked ? "1" : "" }) }), " negative prompt too"),
      element("button", { type: "button", class: "main", id: "paint-run", onclick: run }, "Paint")),
    element("p", { class: "note" }, state.where ? "Only names that pass the filter at the left are used." : "All names may be used; the filter at the left allows fewer.",
      " A template may hold {age} and other axes, or slots of your own with their phrases."),
    holder);
  try {
    if (kept && keptFor === JSON.stringify([state.space, body()])) show(holder, kept, { tell, openCard });
    else if (isFresh && state.ran === "paint") run(); // a link opens the same prompts
  } catch { /* phrases that cannot be read are told when they are used */ }
  isFresh = false;
}

// "mood: happy | sad; hair: black | grey" as slots with their phrases.
export function slotsIn(text) {
  const slots = {};
  for (const part of text.split(";").filter((one) => one.trim())) {
    const at = part.indexOf(":");
    const phrases = part.slice(at + 1).split("|").map((one) => one.trim()).filter(Boolean);
    if (at < 1 || !phrases.length) throw new Error(`phrases are written as “mood: happy | sad”; got “${part.trim()}”.`);
    slots[part.slice(0, at).trim()] = phrases;
  }
  return slots;
}

function live(holder, found) {
  holder.replaceChildren(element("ol", { class: "beam", "aria-live": "polite" }, found.map((one) => element("li", { class: one.is_negative ? "away" : "" },
    element("span", { class: "value" }, one.similarity.toFixed(3)), " ", element("bdi", {}, one.prompt), element("span", { class: "quiet" }, ` ${one.is_negative ? "negative, " : ""}${one.n_encodes.toLocaleString("en")} prompts read`)))));
}

function show(holder, told, { tell, openCard }) {
  const best = told.prompts[0];
  holder.replaceChildren(
    element("div", { class: "sides" }, side("prompt", best, tell, openCard), told.negative ? side("negative prompt", told.negative, tell, openCard) : null),
    element("p", { class: "row" }, element("button", { type: "button", onclick: () => take(told.result.best.names.map((name, at) => ({ name, id: told.result.best.ids[at] }))) }, "Put its names in the basket"),
      told.negative ? element("button", { type: "button", onclick: () => copy(`${best.forms.a1111.prompt ?? best.prompt}\nNegative prompt: ${told.negative.forms.a1111.prompt ?? told.negative.prompt}`, tell) }, "Copy both for A1111") : null),
    told.prompts.length > 1 ? element("h2", {}, "Alternatives") : "",
    element("ol", { class: "alternatives", start: 2 }, told.prompts.slice(1).map((one) => element("li", {},
      element("span", { class: "value" }, `cosine ${one.similarity.toFixed(3)}`), " ", element("bdi", {}, one.prompt), " ", copies(one, tell)))),
    ...told.notes.filter((note, _, all) => !isShown(note, all)).map((note) => element("p", { class: "note" }, note)),
    element("details", {}, element("summary", {}, "How the search went"), way(told)));
}

// The cosines of both prompts stand beside them already.
const toOne = / of the plain prompt to /; // of several targets each has its line
const isShown = (note, all) => note.startsWith("cosine ") && (!toOne.test(note) || all.filter((one) => toOne.test(one)).length < 2);

function side(title, one, tell, openCard) {
  return element("section", { class: "side" },
    element("h2", {}, title),
    element("p", { class: "prompt" }, element("bdi", {}, one.prompt)),
    element("p", { class: "row" }, term("cosine"), element("b", {}, one.similarity.toFixed(3)), element("span", { class: "quiet" }, `${one.n_tokens} tokens`),
      one.names.map((name, at) => element("span", { class: "chip" }, element("button", { type: "button", class: "link", onclick: () => openCard(name) }, named(name)), ` ${one.shares[at].toFixed(2)}`))),
    copies(one, tell));
}

// A prompt for each tool; what a tool cannot write says why.
function copies(one, tell) {
  return element("span", { class: "row copies" }, "copy for", Object.entries(FORMS).map(([form, label]) => {
    const made = one.forms[form];
    return element("button", { type: "button", class: "small", disabled: !made.prompt, title: made.refused ?? `${made.prompt}\ncosine ${made.similarity.toFixed(3)} ${made.meaning}`,
      onclick: () => copy(made.prompt, tell) }, label);
  }));
}

function way(told) {
  return element("ol", { class: "beam" }, told.result.curve.map((one) => element("li", {},
    element("span", { class: "value" }, one.similarity.toFixed(3)), " ", element("bdi", {}, one.prompt), element("span", { class: "quiet" }, ` ${one.n_encodes.toLocaleString("en")} prompts read`))));
}
