"use strict";
// The page's own behaviour: search, panel, colours, links between maps and tables.
(function () {
  const data = JSON.parse(document.getElementById("data").textContent);
  const $ = (id) => document.getElementById(id);
  const names = data.names;
  const details = { values: data.details.values, codes: codesOf(data.details) };
  const detail = (row) => details.values[details.codes[row]];
  const holders = [...document.querySelectorAll("[data-map]")];
  const maps = data.maps.map((raw, i) => new NameMap(names, raw, `map${i}`, holders[i]));
  const count = (n) => n.toLocaleString("en");

  // As namespace/folding.py: accents of Latin and Greek letters go, marks that make letters stay.
  const strokes = { ø: "o", ł: "l", đ: "d", ð: "d", ħ: "h", ŧ: "t", ı: "i", æ: "ae", œ: "oe", þ: "th", ß: "ss", ŋ: "n" };
  const folded = (s) =>
    s.replace(/[’‘‛`´′ʹʻʼʽʾʿˈ׳]/gu, "'").replace(/[‐‑‒–—―−]/gu, "-")
      .normalize("NFKC").toLowerCase().normalize("NFD")
      .replace(/(?<=[\p{Script=Latin}\p{Script=Greek}]\p{M}*)\p{M}/gu, "")
      .normalize("NFC").replace(/[øłđðħŧıæœþßŋ]/gu, (c) => strokes[c])
      .replace(/\p{Cf}/gu, "").replace(/\s+/g, " ").trim();
  let keys = null; // folded names, made at the first search

  function find(query, limit) {
    if (!keys) keys = names.map(folded);
    // What is written with marks only must not fold to nothing.
    const wanted = folded(query) || query.trim().toLowerCase();
    if (!wanted) return [];
    const ranked = [[], [], []];
    for (let i = 0; i < keys.length; i++) {
      const at = keys[i].indexOf(wanted);
      if (at < 0) continue;
      const rank = keys[i] === wanted ? 0 : at === 0 ? 1 : 2;
      if (ranked[rank].length < limit) ranked[rank].push(i);
    }
    // Among equal ones, what is written exactly so comes first.
    ranked[0].sort((a, b) => (names[b] === query.trim()) - (names[a] === query.trim()));
    return ranked.flat().slice(0, limit);
  }

  function element(tag, content, className) {
    const node = document.createElement(tag);
    if (content !== undefined) node.textContent = content;
    if (className) node.className = className;
    return node;
  }

  function dot(color) {
    const node = element("span", undefined, "dot");
    node.style.background = color || "var(--dot)";
    // Browsers that do not know it keep the line before.
    if (color && data.dark[color]) node.style.background = `light-dark(${color}, ${data.dark[color]})`;
    return node;
  }

  // A line of a list that can be pressed: a colour, a text, a note at the right.
  function line(color, content, remark, act, keep) {
    const node = element("li"), button = element("button", undefined, "line");
    button.type = "button";
    const bold = element("b");
    bold.append(element("bdi", content));
    button.append(dot(color), bold, element("span", remark, keep ? "keep" : ""));
    button.onclick = act;
    node.append(button);
    return node;
  }

  function list(nodes) {
    const node = element("ul");
    node.append(...nodes);
    return node;
  }

  const colorOf = (map, row) => (map.cluster[row] < 0 ? null : map.clusters[map.cluster[row]].color);
  const clusterName = (map, c) => (c < 0 ? "in no cluster" : map.clusters[c].label);
  const heading = (words, i) => (maps.length > 1 ? `${words} · ${maps[i].title}` : words);
  const nameLine = (map, row, remark, keep) =>
    line(colorOf(map, row), names[row], remark, () => show(row), keep);

  function markRow(map, cluster) {
    for (const row of document.querySelectorAll("tr[data-cluster]"))
      row.classList.toggle("on", map === 0 && Number(row.dataset.cluster) === cluster);
  }

  function focusOn(map, rows, near) {
    map.focus = [...rows, ...near];
    map.ring("found", rows);
    map.ring("near", near);
  }

  function remember(name) {
    try { history.replaceState(null, "", name === null ? "#" : `#name=${encodeURIComponent(name)}`); }
    catch { /* some hosts of the page allow no address of its own */ }
  }

  function show(row) {
    recolor(null);
    const panel = $("panel"), title = element("h3");
    title.append(element("bdi", names[row]));
    panel.replaceChildren(title, element("div", detail(row), "soft"));
    maps.forEach((map, i) => {
      const near = map.neighbours(row), cluster = map.cluster[row];
      focusOn(map, [row], near.map(([other]) => other));
      map.around(row);
      panel.append(element("h4", heading("cluster", i)));
      const share = cluster < 0 ? "" : `belongs ${map.belongs[row]} %`;
      panel.append(list([line(colorOf(map, row), clusterName(map, cluster), share,
        () => { if (cluster >= 0) showCluster(i, cluster); }, true)]));
      if (i === 0 && cluster >= 0 && $(`cluster-${cluster}`)) {
        const link = element("a", "Show it in the table", "to-table");
        link.href = `#cluster-${cluster}`;
        link.onclick = () => unfold();
        panel.append(link);
      }
      if (near.length) {
        panel.append(element("h4", heading("nearest names", i)));
        panel.append(list(near.map(([other, cosine]) => nameLine(map, other, cosine.toFixed(3), true))));
      }
    });
    if (data.spaces.length) panel.append(element("h4", "its card"), ...data.spaces.map((space) => command(space, names[row])));
    markRow(0, maps[0].cluster[row]);
    remember(names[row]);
  }

  // What a shell reads as one word.
  const word = (text) => (/^[\w.\/][\w.\/-]*$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

  // The command that makes the card of a name, to be copied.
  function command(space, name) {
    const node = element("div", undefined, "command"), button = element("button", "Copy");
    const text = `namebasis card ${name.startsWith("-") ? "-- " : ""}${word(space)} ${word(name)}`;
    button.type = "button";
    button.onclick = () => copy(text, button);
    node.append(element("code", text), button);
    return node;
  }

  function showCluster(i, cluster) {
    const map = maps[i], c = map.clusters[cluster];
    for (const other of maps) focusOn(other, [], []);
    recolor({ map: i, cluster });
    map.look(c.box);
    for (const other of maps) if (other !== map) other.look(other.box);
    markRow(i, cluster);
    const panel = $("panel"), title = element("h3");
    title.append(dot(c.color), element("bdi", c.label));
    panel.replaceChildren(title, element("div", `${count(c.size)} names`, "soft"));
    if (i === 0 && $(`cluster-${cluster}`)) {
      const link = element("a", "Show it in the table", "to-table");
      link.href = `#cluster-${cluster}`;
      link.onclick = () => unfold();
      panel.append(link);
    }
    panel.append(element("h4", "most central names"));
    panel.append(list(c.central.map((row) => nameLine(map, row, detail(row)))));
    const members = [];
    for (let row = 0; row < names.length && members.length < 300; row++)
      if (map.cluster[row] === cluster && !c.central.includes(row)) members.push(row);
    members.sort((a, b) => map.belongs[b] - map.belongs[a]);
    if (members.length) {
      panel.append(element("h4", "others"));
      panel.append(list(members.slice(0, 60).map((row) => nameLine(map, row, `belongs ${map.belongs[row]} %`, true))));
    }
  }

  // Colours: by clusters of one map, or by a property. `only` leaves one cluster coloured.
  const choices = [];
  function setUpColors() {
    const add = (title, color, legend) => choices.push({ title, color, legend });
    if (maps.length > 1) add("each map’s own clusters", (map, row) => colorOf(map, row));
    maps.forEach((map, i) => add(maps.length > 1 ? `clusters of ${map.title}` : "clusters", (_, row) => colorOf(map, row)));
    for (const property of data.properties) {
      const codes = codesOf(property), sizes = new Array(property.values.length).fill(0);
      for (const code of codes) sizes[code]++;
      const known = sizes.map((_, code) => code).filter((code) => property.values[code] !== "");
      // Numbers in the order of their values on one scale of lightness, others by how common they are.
      const ranked = property.order || known.sort((a, b) => sizes[b] - sizes[a]).slice(0, data.palette.length);
      const scale = (i) => data.scale[Math.round((i * (data.scale.length - 1)) / Math.max(ranked.length - 1, 1))];
      const colors = new Map(ranked.map((code, i) => [code, property.order ? scale(i) : data.palette[i]]));
      add(property.title, (_, row) => colors.get(codes[row]) || null,
        ranked.map((code) => [property.values[code], sizes[code], colors.get(code)]));
      Object.assign(choices[choices.length - 1], { neutral: true, ordered: Boolean(property.order) });
    }
    const select = $("coloured");
    choices.forEach((choice, i) => select.append(new Option(choice.title, String(i))));
    select.onchange = () => { recolor(null); intro(); };
  }

  let painted = "";
  function recolor(only) {
    const chosen = Number($("coloured").value) || 0, wanted = `${chosen} ${only ? `${only.map} ${only.cluster}` : ""} ${isDark()}`;
    if (wanted === painted) return;
    painted = wanted;
    const color = only
      ? (_, row) => (maps[only.map].cluster[row] === only.cluster ? maps[only.map].clusters[only.cluster].color : null)
      : choices[chosen].color;
    for (const map of maps) {
      const shade = (c) => (c && isDark() && data.dark[c]) || c;
      map.paint((row) => shade(color(map, row)));
      // A label in its cluster's colour would be read as a value of the legend.
      map.neutral = !only && Boolean(choices[chosen].neutral);
      map.relabel();
    }
  }

  // Names that were framed or clicked with Shift, to be copied.
  let selected = [];
  const quoted = (row) => `'${names[row].replaceAll("'", "''")}'`;

  async function copy(text, button) {
    const before = button.textContent;
    try { await navigator.clipboard.writeText(text); }
    catch {
      const field = element("textarea", text);
      document.body.append(field);
      field.select();
      document.execCommand("copy");
      field.remove();
    }
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = before; }, 1200);
  }

  function select(rows) {
    const one = rows.length === 1 && selected.includes(rows[0]);
    selected = one ? selected.filter((row) => row !== rows[0]) : [...new Set([...selected, ...rows])];
    if (!selected.length) return reset();
    for (const map of maps) focusOn(map, selected, []);
    const panel = $("panel"), acts = element("div", undefined, "acts");
    const act = (title, text) => {
      const button = element("button", title);
      button.type = "button";
      button.onclick = () => (text ? copy(text(), button) : reset());
      acts.append(button);
    };
    const unique = () => [...new Set(selected.map((row) => names[row]))];
    act("Copy names", () => unique().join("\n"));
    act("Copy as --where", () => `name IN (${[...new Set(selected.map(quoted))].join(", ")})`);
    act("Clear");
    panel.replaceChildren(element("h3", `${count(selected.length)} ${selected.length === 1 ? "name" : "names"} selected`), acts);
    panel.append(list(selected.slice(0, 200).map((row) => nameLine(maps[0], row, detail(row)))));
    if (selected.length > 200) panel.append(element("p", `… and ${count(selected.length - 200)} more`, "soft"));
  }

  function reset() {
    selected = [];
    for (const map of maps) { focusOn(map, [], []); map.look(map.box); }
    recolor(null);
    markRow(0, -1);
    remember(null);
    intro();
  }

  // The list of hits is a listbox of the search field: arrows walk it, Enter takes one.
  let hits = [], active = -1;
  function suggest() {
    const query = $("query").value;
    active = -1;
    if (!query.trim()) { hits = []; $("query").setAttribute("aria-expanded", "false"); return intro(); }
    hits = find(query, 40);
    const panel = $("panel");
    $("query").setAttribute("aria-expanded", String(hits.length > 0));
    if (!hits.length) return panel.replaceChildren(element("p", `No name contains “${query}”.`, "soft"));
    const options = list(hits.map((row) => nameLine(maps[0], row, clusterName(maps[0], maps[0].cluster[row]))));
    options.id = "hits";
    options.setAttribute("role", "listbox");
    [...options.children].forEach((node, i) => {
      node.id = `hit-${i}`;
      node.setAttribute("role", "option");
      node.firstChild.tabIndex = -1;
    });
    panel.replaceChildren(options);
  }

  function walk(step) {
    const nodes = [...document.querySelectorAll("#hits li")];
    if (!nodes.length) return;
    active = (active + step + nodes.length) % nodes.length;
    nodes.forEach((node, i) => node.setAttribute("aria-selected", String(i === active)));
    $("query").setAttribute("aria-activedescendant", `hit-${active}`);
    nodes[active].scrollIntoView({ block: "nearest" });
  }

  function searchKeys(event) {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      walk(event.key === "ArrowDown" ? 1 : active < 0 ? 0 : -1);
    } else if (event.key === "Enter") {
      const row = active >= 0 ? hits[active] : find($("query").value, 1)[0];
      if (row !== undefined) show(row);
    } else if (event.key === "Escape") {
      $("query").value = "";
      hits = [];
      reset();
    }
  }

  function intro() {
    const panel = $("panel"), chosen = choices[Number($("coloured").value) || 0];
    panel.replaceChildren();
    if (chosen.legend) {
      panel.append(element("h4", `${chosen.title}: ${chosen.ordered ? "in order" : "the most frequent"}`));
      const rows = chosen.legend.map(([value, size, color]) => line(color, value, count(size), () => {}, true));
      panel.append(list(rows), element("p", "Grey: another value, several, or none.", "soft"));
    }
    maps.forEach((map, i) => {
      panel.append(element("h4", heading("largest clusters", i)));
      if (!map.clusters.length) panel.append(element("p", "There are no clusters.", "soft"));
      panel.append(list(map.clusters.slice(0, maps.length > 1 ? 12 : 24).map((c, cluster) =>
        line(c.color, c.label, count(c.size), () => showCluster(i, cluster), true))));
    });
  }

  function point(map, row, px, py) {
    for (const other of maps) {
      const tip = other.holder.querySelector(".tip");
      other.ring("pointed", row < 0 ? [] : [row]);
      other.holder.classList.toggle("picking", row >= 0);
      tip.hidden = row < 0 || other !== map;
      if (tip.hidden) continue;
      const words = element("b");
      words.append(element("bdi", short(names[row], 80)));
      tip.replaceChildren(words, element("span", detail(row)), element("span", clusterName(map, map.cluster[row])));
      const w = map.plot.inner_width, h = map.plot.inner_height;
      tip.style.left = `${Math.max(4, Math.min(px + 14, w - tip.offsetWidth - 8))}px`;
      tip.style.top = `${py + 18 + tip.offsetHeight > h ? py - tip.offsetHeight - 10 : py + 18}px`;
    }
  }

  function unfold() {
    for (const table of document.querySelectorAll("table.folded")) table.classList.remove("folded");
    for (const button of document.querySelectorAll(".unfold")) button.remove();
  }

  // Rows by the values of a column; numbers come largest first, words by the alphabet.
  function sortBy(head) {
    const table = head.closest("table"), column = head.cellIndex, body = table.tBodies[0];
    const numeric = head.classList.contains("n");
    const descending = head.getAttribute("aria-sort") ? head.getAttribute("aria-sort") === "ascending" : numeric;
    const value = (row) => {
      const cell = row.cells[column], raw = cell.dataset.value ?? cell.textContent;
      return numeric ? Number.parseFloat(String(raw).replace(/[,%\s]/g, "")) : folded(raw);
    };
    const known = (v) => !(typeof v === "number" && Number.isNaN(v));
    const rows = [...body.rows].map((row) => [value(row), row]);
    rows.sort(([a], [b]) => known(b) - known(a) || (a < b ? -1 : a > b ? 1 : 0) * (descending ? -1 : 1));
    unfold();
    body.append(...rows.map(([, row]) => row));
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", descending ? "descending" : "ascending");
  }

  function linkTables() {
    document.addEventListener("click", (event) => {
      const at = (selector) => event.target.closest(selector);
      if (at("th button")) return sortBy(at("th"));
      if (at(".unfold")) return unfold();
      const link = at("[data-row]"), row = at("tr[data-cluster]");
      if (link) show(Number(link.dataset.row));
      else if (row) showCluster(0, Number(row.dataset.cluster));
      else return;
      event.preventDefault();
      $("map").scrollIntoView();
    });
    const filter = $("filter");
    if (filter) filter.oninput = () => {
      unfold();
      const wanted = folded(filter.value);
      for (const row of document.querySelectorAll("tr[data-cluster]"))
        row.hidden = Boolean(wanted) && !folded(row.textContent).includes(wanted);
    };
  }

  function arrange(mode) {
    const cards = holders.map((holder) => holder.closest("figure"));
    cards.forEach((card, i) => { card.hidden = mode !== "all" && Number(mode) !== i; });
    const shown = cards.filter((card) => !card.hidden).length;
    document.querySelector(".maps").classList.toggle("two", shown > 1);
    for (const button of document.querySelectorAll("[data-arrange]"))
      button.setAttribute("aria-pressed", String(button.dataset.arrange === mode));
  }

  function start() {
    if (!maps.every((map) => map.isReady())) return setTimeout(start, 30);
    for (const map of maps) {
      map.start();
      map.whenPicked = show;
      map.whenSelected = select;
      map.whenCluster = (cluster) => showCluster(maps.indexOf(map), cluster);
      map.whenPointed = (row, px, py) => point(map, row, px, py);
      const acts = { in: () => map.zoom(1.6), out: () => map.zoom(1 / 1.6), all: reset };
      for (const button of map.holder.querySelectorAll("button[data-do]")) button.onclick = acts[button.dataset.do];
    }
    setUpColors();
    recolor(null);
    intro();
    linkTables();
    for (const button of document.querySelectorAll("[data-arrange]")) button.onclick = () => arrange(button.dataset.arrange);
    const first = document.querySelector("[data-arrange][aria-pressed=true]");
    if (first) arrange(first.dataset.arrange);
    $("query").oninput = suggest;
    $("query").onkeydown = searchKeys;
    document.addEventListener("keydown", (event) => {
      if (event.key !== "/" || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
      event.preventDefault();
      $("query").focus();
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      for (const map of maps) { map.ink(); map.relabel(); }
      recolor(null);
    });
    const asked = new URLSearchParams(location.hash.slice(1)).get("name");
    if (asked) { $("query").value = asked; const found = find(asked, 1); found.length ? show(found[0]) : suggest(); }
    document.body.dataset.ready = "yes";
  }
  start();
})();
