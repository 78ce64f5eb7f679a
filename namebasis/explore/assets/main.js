// The page: its parts drawn from its address, and redrawn when that changes.
import { Refusal, get } from "/assets/api.js";
import { loadBasket, startBasket, take } from "/assets/basket.js";
import { drawCard } from "/assets/card.js";
import { Columns } from "/assets/columns.js";
import { drawBasis } from "/assets/basis.js";
import { drawCompare } from "/assets/compare.js";
import { $, copy, element } from "/assets/dom.js";
import { drawFacets } from "/assets/facets.js";
import { closeMap, drawMap, goTo, markNames } from "/assets/mapped.js";
import { drawPaint } from "/assets/paint.js";
import { drawRecords, drawTopology } from "/assets/reports.js";
import { drawSelect } from "/assets/select.js";
import { drawWalk } from "/assets/walk.js";
import { askImage, current, drawNames, found, setSortable, step } from "/assets/names.js";
import { change, chosen, listen, note, read, sqlOf, state } from "/assets/state.js";

const TABS = { names: "Names", map: "Map", basis: "Basis", paint: "Paint", walk: "Walk", select: "Select", compare: "Compare", topology: "Topology", records: "Records" };
const DRAWN = { basis: drawBasis, paint: drawPaint, walk: drawWalk, select: drawSelect, compare: drawCompare, topology: drawTopology, records: drawRecords };
let spaces = [], columns = null, facets = [], counted = Promise.resolve(), timer = 0;

function tell(text, isError = false) {
  const said = $("said");
  said.textContent = text;
  said.className = isError ? "error" : "";
  clearTimeout(timer);
  if (!isError) timer = setTimeout(() => { said.textContent = ""; }, 4000);
}

let opener = null; // has the focus again when the card that it opened is closed
const openCard = (name) => {
  opener = document.activeElement;
  change({ card: name });
};

async function drawDrawer() {
  await drawCard(context());
  if (state.card) {
    if (opener) $("drawer").querySelector("h2")?.focus();
  } else if (opener) {
    if (opener.isConnected) opener.focus();
    opener = null;
  }
}
const context = () => ({
  columns, tell, openCard, goTo, axes: AXES, spaces: spaces.filter((one) => !one.error),
  get facets() { return facets; }, get counted() { return counted; },
});
const AXES = ["age", "body_type", "era", "expression", "eye_colour", "gender", "hair_colour", "hair_length", "occupation", "region", "skin_tone"];

async function guarded(work) {
  try {
    await work();
  } catch (error) {
    if (error.name === "AbortError") return;
    if (!(error instanceof Refusal)) console.error(error);
    tell(error instanceof TypeError ? "The service does not answer. Is it still running?" : error.message, true);
  }
}

function drawTabs() {
  if (!Object.hasOwn(TABS, state.tab)) note({ tab: "names" }); // an address may say anything
  const nodes = Object.entries(TABS).map(([id, title]) => element("button", {
    type: "button", role: "tab", id: `tab-${id}`, "aria-selected": String(state.tab === id), "aria-controls": "panel",
    tabindex: state.tab === id ? 0 : -1, onclick: () => change({ tab: id }),
    onkeydown: (event) => {
      const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!by) return;
      const ids = Object.keys(TABS);
      const next = ids[(ids.indexOf(state.tab) + by + ids.length) % ids.length];
      change({ tab: next });
      $(`tab-${next}`).focus();
    },
  }, title));
  $("tabs").replaceChildren(...nodes);
  showTab();
}

// Where the tabs do not fit, as beside a card, the chosen one is in view.
function showTab() {
  const tabs = $("tabs"), shown = $(`tab-${state.tab}`);
  if (shown) tabs.scrollLeft = shown.offsetLeft - tabs.offsetLeft + shown.offsetWidth / 2 - tabs.clientWidth / 2;
}
new ResizeObserver(showTab).observe($("tabs"));

async function drawPanel() {
  const panel = $("panel");
  panel.setAttribute("aria-labelledby", `tab-${state.tab}`);
  if (state.tab !== "map") closeMap();
  panel.className = state.tab;
  if (refused === asFilter()) {
    closeMap();
    panel.replaceChildren(element("p", { class: "note" }, "The filter at the left cannot be read. Mend it there, or clear it."));
    return;
  }
  if (state.tab === "names") {
    await drawNames(panel, tell, openCard);
  } else if (state.tab === "map") {
    await drawMap(panel, context());
    if (state.q) {
      const told = await get(`/${encodeURIComponent(state.space)}/nearest`, { q: state.q, k: 20, where: state.where, view: state.view, as: state.as }, "list");
      await markNames(told.result.names, columns);
    }
  } else await DRAWN[state.tab](panel, context());
}

async function openSpace() {
  const served = spaces.filter((one) => !one.error);
  const facts = served.find((one) => one.space === state.space) ?? served[0];
  if (facts.space !== state.space) {
    if (state.space) tell(`No space ${state.space} is served here; this is ${facts.space}.`, true);
    note({ space: facts.space }); // what follows draws it, once
  }
  columns = new Columns(facts.space, facts.build);
  const view = $("view");
  view.replaceChildren(...facts.views.map((one) => element("option", { value: one }, one)));
  if (!facts.views.includes(state.view)) {
    tell(`${facts.space} has no view ${state.view.slice(0, 40)}; this is ${facts.views[0]}.`, true);
    note({ view: facts.views[0] });
  }
  view.value = state.view;
  $("view-label").hidden = facts.views.length < 2;
  $("space").value = facts.space;
  document.title = `${facts.space} · namebasis`;
  loadBasket();
}

// What cannot be had, and what can all the same. Asked once the page stands; it loads the encoder.
async function tellLacks() {
  const lacks = spaces.filter((one) => one.error).map((one) => `${one.space} cannot be served: ${one.error}`);
  const draw = () => $("lacks").replaceChildren(...lacks.map((one) => element("p", { class: "note" }, one)));
  draw();
  const asked = state.space;
  const reads = await get(`/${encodeURIComponent(asked)}/encoder`, {}, "encoder");
  if (asked !== state.space) return;
  if (reads.refusal) {
    lacks.push(`The encoder cannot be loaded: ${reads.refusal} Stored names, the list, the map, cards and exports need none.`);
    draw();
  }
  $("image").disabled = !reads.images;
  $("image").parentElement.title = reads.images ? "Ask with an image" : "The encoder of this space reads no images";
}

// A filter that was refused is not asked again.
let refused = null;
const asFilter = () => JSON.stringify([state.space, state.where]);
const isByHand = () => Boolean(state.where) && state.where !== sqlOf(chosen());

function recount() {
  counted = guarded(async () => {
    const path = `/${encodeURIComponent(state.space)}/facets`;
    refused = null;
    try {
      facets = await get(path, { where: state.where }, "facets");
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      refused = asFilter();
      if (!facets.length) facets = await get(path, {}, "facets"); // of all names, so that the filter can be changed
      drawFacets(facets, tell); // and the filter can be mended where it stands
      $("where").setAttribute("aria-invalid", "true");
      $("where").setAttribute("aria-describedby", "said");
      throw error;
    }
    setSortable(facets.filter((facet) => facet.kind === "number").map((facet) => facet.column));
    drawFacets(facets, tell);
  });
  return counted;
}

listen((changed, mended) => guarded(async () => {
  tell(mended, Boolean(mended));
  $("q").value = state.q;
  $("as").value = state.as;
  if (changed.has("where") && $("where")) $("where").value = state.where; // before the names are counted
  if (changed.has("space")) await openSpace();
  if (changed.has("tab")) drawTabs();
  const work = [];
  if (changed.has("where") || changed.has("space")) {
    const counts = recount();
    if (isByHand()) await counts; // a fault is told once, and what was answered stays
    else work.push(counts);
  }
  if (changed.has("card") || changed.has("space") || changed.has("view")) work.push(guarded(drawDrawer));
  const isKept = refused === asFilter() && ![...changed].some((one) => !["where", "facets", "card"].includes(one));
  if (!isKept && [...changed].some((one) => one !== "card" && one !== "facets")) work.push(guarded(drawPanel));
  await Promise.all(work);
  if (changed.has("space")) await tellLacks();
}));

$("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  const q = $("q").value.trim();
  const isOfTarget = ["names", "map", "basis", "paint"].includes(state.tab);
  change({ q, deny: q === state.q ? state.deny : "", weights: q === state.q ? state.weights : "", tab: isOfTarget ? state.tab : "names" });
});
$("space").addEventListener("change", (event) => change({ space: event.target.value, where: "", facets: "", card: "", color: "", sort: "", other: "", otherview: "", lasso: "", beside: "", deny: "", weights: "" }));
$("as").addEventListener("change", (event) => change({ as: event.target.value }));
$("view").addEventListener("change", (event) => change({ view: event.target.value }));
$("keys").addEventListener("click", () => $("help").showModal());

function withImage(file) {
  if (!file?.type.startsWith("image/")) return;
  askImage(file);
  if (state.tab !== "names" || state.q) change({ tab: "names", q: "" });
  else guarded(drawPanel);
}
$("image").addEventListener("change", (event) => withImage(event.target.files[0]));
addEventListener("dragover", (event) => { if (event.dataTransfer?.types.includes("Files")) event.preventDefault(); });
addEventListener("drop", (event) => {
  if (!event.dataTransfer?.files.length) return;
  event.preventDefault();
  withImage(event.dataTransfer.files[0]);
});
addEventListener("paste", (event) => withImage(event.clipboardData?.files[0]));

addEventListener("keydown", (event) => {
  if ($("help").open) return; // Esc closes it, and no other key acts behind it
  const isTyping = event.target.matches("input:not([type=checkbox]), textarea, select");
  if (event.key === "Escape") {
    if (isTyping) event.target.blur();
    else if (state.card) change({ card: "" });
    return;
  }
  if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  const acts = {
    "/": () => $("q").select(), "?": () => $("help").showModal(), ArrowDown: () => step(1), ArrowUp: () => step(-1),
    c: () => copy(state.where, tell), b: () => current() && take([current()]),
  };
  if (event.key.startsWith("Arrow") && event.target.closest(".scrolled")) return; // it scrolls
  const act = acts[event.key];
  if (act && act() !== false) event.preventDefault();
});

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => guarded(drawPanel));
const mended = read();
startBasket(tell, openCard);
guarded(async () => {
  spaces = await get("/spaces");
  $("space").replaceChildren(...spaces.map((one) => element("option", { value: one.space, disabled: Boolean(one.error), title: one.error },
    `${one.space} · ${one.error ? "refused" : one.n_names.toLocaleString("en")}`)));
  await openSpace();
  $("q").value = state.q;
  $("as").value = state.as;
  drawTabs();
  if (mended) tell(mended, true);
  const counts = recount();
  if (isByHand()) await counts;
  await Promise.all([counts, guarded(drawDrawer), guarded(async () => {
    await drawPanel();
    if (state.tab === "names") requestAnimationFrame(() => performance.mark("names shown"));
  })]);
  document.body.dataset.ready = "1";
  await tellLacks();
});
