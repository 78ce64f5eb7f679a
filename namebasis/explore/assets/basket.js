// Names gathered from anywhere; kept in this browser, and taken away in any form.
import { post } from "/assets/api.js";
import { $, copy, element, named } from "/assets/dom.js";
import { state } from "/assets/state.js";

let names = [];
let said = () => {};
let open = () => {};
const key = () => `namebasis basket ${state.space}`;

export function startBasket(tell, openCard) {
  said = tell;
  open = openCard;
}

export function loadBasket() {
  try {
    names = JSON.parse(localStorage.getItem(key()) || "[]");
  } catch {
    names = [];
  }
  draw();
}

export function take(rows) {
  const known = new Set(names.map((one) => one.id));
  const fresh = rows.filter((one) => !known.has(one.id));
  names = [...names, ...fresh];
  keep();
  said(fresh.length === 1 ? `${fresh[0].name} is in the basket` : `${fresh.length.toLocaleString("en")} names put in the basket`);
}

function keep() {
  try {
    localStorage.setItem(key(), JSON.stringify(names));
  } catch { /* a private window keeps nothing: the basket lasts as long as the page */ }
  draw();
}

const FORMS = {
  "copy as lines": () => names.map((one) => one.name).join("\n"),
  "copy for Python": () => `[${names.map((one) => JSON.stringify(one.name)).join(", ")}]`,
  "copy as --where": () => `name IN (${names.map((one) => `'${one.name.replaceAll("'", "''")}'`).join(", ")})`,
  "copy as prompts": () => names.map((one) => state.template.replace("{names}", () => one.name)).join("\n"),
};
const FILES = { txt: "names.txt", csv: "names.csv", parquet: "names.parquet", json: "names.json", a1111: "names.txt", dynamicprompts: "names.yaml" };

async function save(format) {
  try {
    const file = await post(`/${encodeURIComponent(state.space)}/export`, { ids: names.map((one) => one.id), format });
    const url = URL.createObjectURL(file instanceof Blob ? file : new Blob([JSON.stringify(file)]));
    element("a", { href: url, download: FILES[format] }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  } catch (error) {
    said(error.message, true);
  }
}

function draw() {
  const holder = $("basket");
  document.body.classList.toggle("has-basket", names.length > 0);
  if (!names.length) {
    holder.replaceChildren();
    return;
  }
  const move = (at, by) => {
    const [one] = names.splice(at, 1);
    names.splice(Math.max(0, at + by), 0, one);
    keep();
  };
  const listed = names.slice(0, 200).map((one, at) => element("li", {
    draggable: true,
    ondragstart: (event) => event.dataTransfer.setData("text/x-basket", String(at)),
    ondragover: (event) => event.preventDefault(),
    ondrop: (event) => {
      event.preventDefault();
      const from = Number(event.dataTransfer.getData("text/x-basket"));
      move(from, at - from);
    },
  }, element("button", { type: "button", class: "link", onclick: () => open(one.name),
    onkeydown: (event) => {
      if (event.altKey && event.key === "ArrowLeft") move(at, -1);
      if (event.altKey && event.key === "ArrowRight") move(at, 1);
    } }, named(one.name)),
  element("button", { type: "button", class: "small", "aria-label": `Take ${one.name} out`,
    onclick: () => { names.splice(at, 1); keep(); } }, "×")));
  holder.replaceChildren(
    element("h2", {}, `Basket · ${names.length.toLocaleString("en")}`),
    element("ol", {}, listed, names.length > 200 ? element("li", { class: "note" }, "…") : null),
    element("p", { class: "row" },
      Object.entries(FORMS).map(([label, text]) => element("button", { type: "button", onclick: () => copy(text(), said) }, label)),
      element("label", {}, element("span", { class: "hidden" }, "Save as"),
        element("select", { onchange: (event) => { save(event.target.value); event.target.value = ""; } },
          element("option", { value: "" }, "save as …"),
          Object.keys(FILES).map((format) => element("option", { value: format }, format)))),
      element("button", { type: "button", onclick: () => { names = []; keep(); } }, "Empty")));
}
