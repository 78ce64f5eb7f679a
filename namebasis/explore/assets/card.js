// The drawer: what is known about a name.
import { get } from "/assets/api.js";
import { $, element, named, resultOf } from "/assets/dom.js";
import { measure } from "/assets/working.js";
import { take } from "/assets/basket.js";
import { change, state } from "/assets/state.js";

export async function drawCard(context) {
  const drawer = $("drawer");
  document.body.classList.toggle("has-card", Boolean(state.card));
  drawer.hidden = !state.card;
  if (!state.card) {
    drawer.replaceChildren();
    return;
  }
  const { openCard, tell } = context;
  const told = await get(`/${encodeURIComponent(state.space)}/card`, { name: state.card, view: state.view }, "card");
  const holder = element("div", {});
  const id = told.result.id;
  drawer.replaceChildren(
    element("div", { class: "row" }, element("h2", { tabindex: -1 }, named(told.result.name ?? state.card)),
      element("button", { type: "button", class: "small", "aria-label": "Close the card", onclick: () => change({ card: "" }) }, "×")),
    element("p", { class: "row" },
      element("button", { type: "button", onclick: () => change({ q: told.result.name, tab: "names" }) }, "Nearest"),
      element("button", { type: "button", onclick: () => change({ q: told.result.name, tab: "basis" }) }, "Basis"),
      element("button", { type: "button", onclick: () => take([{ id, name: told.result.name }]) }, "Basket"),
      element("button", { type: "button", onclick: () => change({ tab: "map" }) && context.goTo(id) }, "On the map")),
    resultOf(told, openCard),
    // What was measured before is part of what is told.
    told.result.deep ? "" : element("p", { class: "row" }, element("button", { type: "button", class: "main", onclick: () => measure(holder, "card", { name: state.card, view: state.view }, openCard) },
      "Measure what the model believes")), holder);
}
