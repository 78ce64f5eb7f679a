// What the page shows, all of it in the address: a link opens the same again.
const DEFAULTS = {
  space: "", view: "text", tab: "names", q: "", as: "", k: "50", far: "", where: "", facets: "", sort: "",
  color: "", card: "", n: "", along: "1", to: "", at: "", template: "a photo of {names}", slots: "", tokens: "",
  neg: "", deny: "", weights: "", other: "", otherview: "", order: "", neighbours: "15", records: "locales", shape: "",
  lasso: "", beside: "", written: "", ran: "",
  goal: "cover", many: "100", axes: "", short: "", per: "", onespelling: "", notfamous: "", keep: "", of: "",
};
export const state = { ...DEFAULTS };
const listeners = [];

// What a control could not show, and so not mend: whole numbers by their limits, and choices.
const LIMITS = { k: [1, 1000], n: [1, 40], neighbours: [1, 200], many: [1, 10_000] };
const CHOICES = { as: ["", "name", "text"], goal: ["cover", "axes", "strong", "low-bias"], records: ["locales", "us", "us:family"] };

// The address as it is now; what it says that cannot be meant is replaced, and told in sentences.
export function read() {
  const given = new URLSearchParams(location.search), told = [];
  for (const name of Object.keys(DEFAULTS)) {
    const value = given.get(name) ?? DEFAULTS[name], [low, high] = LIMITS[name] ?? [];
    const isNumber = /^\d{1,9}$/.test(value) && Number(value) >= low && Number(value) <= high;
    const isMeant = value === DEFAULTS[name] || (LIMITS[name] ? isNumber : CHOICES[name]?.includes(value) ?? true);
    state[name] = isMeant ? value : DEFAULTS[name];
    if (isMeant) continue;
    const wanted = LIMITS[name] ? `a whole number from ${low} to ${high}` : CHOICES[name].filter(Boolean).join(", ");
    told.push(`The address has ${name}=${value.slice(0, 40)}, which must be ${wanted}; this is ${DEFAULTS[name] || "the default"}.`);
  }
  if (told.length) history.replaceState(null, "", address());
  return told.join(" ");
}

export function address() {
  const pairs = Object.entries(state).filter(([name, value]) => value !== DEFAULTS[name]);
  return pairs.length ? `?${new URLSearchParams(pairs)}` : location.pathname;
}

// Change some of it. `push` makes a step of the browser's history.
export function change(values, push = true) {
  const changed = Object.entries(values).filter(([name, value]) => state[name] !== String(value));
  if (!changed.length) return;
  for (const [name, value] of changed) state[name] = String(value);
  history[push ? "pushState" : "replaceState"](null, "", address());
  tell(new Set(changed.map(([name]) => name)));
}

// Keep in the address what a slider shows already; nothing is drawn again.
export function note(values) {
  for (const [name, value] of Object.entries(values)) state[name] = String(value);
  history.replaceState(null, "", address());
}

export const listen = (act) => listeners.push(act);
const tell = (names, mended = "") => listeners.forEach((act) => act(names, mended));

addEventListener("popstate", () => {
  const mended = read();
  tell(new Set(Object.keys(DEFAULTS)), mended);
});

// Facets are kept as what was chosen, and turned into SQL.
// An address may say anything: what is no choice is left out.
export function chosen() {
  let given = null;
  try {
    given = JSON.parse(state.facets || "{}");
  } catch { /* no JSON, no choices */ }
  const isNumber = (value) => typeof value === "number" && Number.isFinite(value);
  return Object.fromEntries(Object.entries(given ?? {}).filter(([, one]) => (one?.kind === "number"
    ? isNumber(one.low) && isNumber(one.high) : Array.isArray(one?.values))));
}

// A stored name as the box takes it: one that reads like a sum stands in quotes.
export const typed = (name) => (/(^|\s)[+\u2212-](\s|$)/.test(name) ? `"${name}"` : name);
const quoted = (value) => `'${String(value).replaceAll("'", "''")}'`;
const column = (name) => (/^[a-z_][a-z0-9_]*$/.test(name) ? name : `\`${name.replaceAll("`", "``")}\``);

export function sqlOf(facets) {
  const parts = Object.entries(facets).map(([name, facet]) => {
    if (facet.kind === "number") return `${column(name)} >= ${facet.low} AND ${column(name)} <= ${facet.high}`;
    if (facet.kind === "flag") return facet.values.map((one) => `${column(name)} = ${one}`).join(" OR ");
    if (facet.kind === "list")
      return facet.values.map((one) => `array_has(${column(name)}, ${quoted(one)})`).join(" OR ");
    return `${column(name)} IN (${facet.values.map(quoted).join(", ")})`;
  });
  return parts.map((part) => (part.includes(" OR ") ? `(${part})` : part)).join(" AND ");
}

export function choose(name, facet) {
  const facets = chosen();
  if (facet) facets[name] = facet;
  else delete facets[name];
  change({ facets: Object.keys(facets).length ? JSON.stringify(facets) : "", where: sqlOf(facets) });
}
