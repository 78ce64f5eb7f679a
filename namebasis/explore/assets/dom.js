// Elements made of data: text is always text, never markup.
export const $ = (id) => document.getElementById(id);

export function element(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") node.className = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name in node && name !== "list" && name !== "role") node[name] = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

// A name in its own direction of writing.
export const named = (name) => element("bdi", {}, String(name));

export function shown(value) {
  if (value === null || value === undefined) return "";
  if (Array.isArray(value)) {
    const few = value.slice(0, 4).map((one) => shown(one)).join(", ");
    return value.length > 4 ? `${few} …` : few;
  }
  if (typeof value === "number") {
    if (Number.isInteger(value)) return value.toLocaleString("en");
    return Math.abs(value) >= 1000 ? Math.round(value).toLocaleString("en") : value.toFixed(3);
  }
  if (typeof value === "object") return JSON.stringify(value);
  return String(value);
}

export const percent = (share) => `${(100 * share).toFixed(0)}\u00a0%`;

// A z beyond ±10 rests on the spread of a few draws: its side alone.
export const zScore = (z) => (z == null ? "–" : Math.abs(z) > 10 ? (z > 0 ? "above 10" : "below −10") : z.toFixed(1));

// A word with its meaning, on hover and for whoever goes through the page by keyboard.
export const explained = (word, meaning) => (meaning
  ? element("abbr", { title: meaning, tabindex: 0 }, word) : word);

// One table of a study, as the terminal and the notebook show it.
export function tableOf(table, onName) {
  const isNumber = table.columns.map((_, at) => table.rows.some((row) => typeof row[at] === "number"));
  const cells = (row) => row.map((value, at) => {
    const isName = onName && typeof value === "string" && /^(name|query)$/.test(table.columns[at]);
    const content = isName
      ? element("button", { type: "button", class: "link", onclick: () => onName(value) }, named(value))
      : element("bdi", {}, shown(value));
    return element("td", { class: isNumber[at] ? "number" : "", "data-head": table.columns[at] }, content);
  });
  return element("div", { class: "scrolled", tabindex: 0, role: "region", "aria-label": table.title || "table" },
    element("table", {},
      table.title ? element("caption", {}, table.title) : null,
      element("thead", {}, element("tr", {}, table.columns.map((name, at) =>
        element("th", { scope: "col", class: isNumber[at] ? "number" : "" }, explained(name, table.meanings[at]))))),
      element("tbody", {}, table.rows.map((row, at) =>
        element("tr", { class: table.muted.includes(at) ? "muted" : "" }, cells(row))))));
}

export function resultOf(told, onName) {
  return element("div", { class: "result" },
    told.headline ? element("p", { class: "headline" }, told.headline) : null,
    told.tables.map((table) => tableOf(table, onName)),
    told.notes.map((note) => element("p", { class: "note" }, note)));
}

export async function copy(text, said) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = element("textarea", { value: text });
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  said("copied");
}
