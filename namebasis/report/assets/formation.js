"use strict";
// Behaviour of the formation page: figures in the page's colours, kinds to choose, a name to find.
(function () {
  const data = JSON.parse(document.getElementById("data").textContent);
  const $ = (id) => document.getElementById(id);
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const values = {};
  for (const [key, text] of Object.entries(data.measures))
    values[key] = new Float32Array(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
  const evidences = {};
  for (const one of data.evidences)
    evidences[one.key] = new Float32Array(Uint8Array.from(atob(one.values), (c) => c.charCodeAt(0)).buffer);
  const buttons = [...document.querySelectorAll("[data-kind]")];
  const few = Number(document.body.dataset.few) || 3;
  const INK = "#1d2330", PHASES = ["#ffffff", "#dfe4ec"];
  let inks = [], cells = [], kinds = [];

  const models = () => [...Bokeh.documents[0]._all_models.values()];
  const ofType = (...types) => models().filter((model) => types.includes(model.type));

  // What was drawn in the ink or the ground of a light page is kept, to follow the page's colours.
  function remember() {
    for (const model of ofType("GlyphRenderer"))
      for (const glyph of [model.glyph, model.nonselection_glyph, model.hover_glyph])
        for (const key of ["line_color", "fill_color"])
          if (glyph && glyph[key] && glyph[key].value === INK) inks.push([glyph, key]);
    for (const model of ofType("GlyphRenderer"))
      for (const glyph of [model.glyph, model.nonselection_glyph, model.hover_glyph])
        for (const key of ["line_color", "fill_color", "text_color"]) {
          const color = glyph && glyph[key] && glyph[key].value;
          if (data.inks[color]) kinds.push([glyph, key, color]);
        }
    for (const model of ofType("GlyphRenderer"))
      if ((model.name || "").startsWith("kind:") && model.data_source.data.color)
        cells.push([model.data_source, [...model.data_source.data.color]]);
    for (const model of ofType("ColumnDataSource")) {
      const colors = model.data.color;
      if (colors && [...colors].some((color) => PHASES.includes(color))) cells.push([model, [...colors]]);
    }
  }

  function paint() {
    const soft = css("--soft"), line = css("--line"), ink = css("--ink");
    for (const axis of ofType("LinearAxis", "LogAxis"))
      axis.setv({ axis_line_color: line, major_tick_line_color: line, major_label_text_color: soft, axis_label_text_color: soft });
    for (const grid of ofType("Grid")) grid.grid_line_color = line;
    for (const bar of ofType("ColorBar"))
      bar.setv({ background_fill_color: null, major_label_text_color: soft, title_text_color: soft });
    for (const [glyph, key] of inks) glyph[key] = { value: ink };
    const dark = matchMedia("(prefers-color-scheme: dark)").matches ? 1 : 0;
    // Letters need more contrast than lines.
    for (const [glyph, key, color] of kinds)
      glyph[key] = { value: key === "text_color" ? data.inks[color][dark] : (dark && data.dark[color]) || color };
    const phases = new Map(PHASES.map((color, i) => [color, css(`--phase-${i}`)]));
    if (dark) for (const [color, lighter] of Object.entries(data.dark)) phases.set(color, lighter);
    for (const [source, colors] of cells)
      source.data = { ...source.data, color: colors.map((color) => phases.get(color) || color) };
  }

  function choose() {
    const shown = new Set(buttons.filter((b) => b.getAttribute("aria-pressed") === "true").map((b) => b.dataset.kind));
    const all = new Set(buttons.map((b) => b.dataset.kind));
    for (const model of ofType("GlyphRenderer")) {
      const [what, kind] = [(model.name || "").split(":", 1)[0], (model.name || "").replace(/^[^:]*:/, "")];
      if (!all.has(kind)) continue;
      if (what === "kind") model.visible = shown.has(kind);
      if (what === "band") model.visible = shown.has(kind) && shown.size <= few;
    }
  }

  const source = (name) => Bokeh.documents[0].get_model_by_name(name);

  function show(name) {
    const row = data.names.indexOf(name), n = data.places.length;
    for (const [key, all] of Object.entries(values)) {
      const x = [], y = [];
      for (let i = 0; row >= 0 && i < n; i++)
        if (!Number.isNaN(all[row * n + i])) { x.push(data.places[i]); y.push(all[row * n + i]); }
      const into = source(`${key} chosen`);
      if (into) into.data = { x, y };
    }
    if (row >= 0) weigh(row);
    const at = row < 0 ? -1 : data.rows[row], wide = data.n_ticks;
    source("phases chosen").data = at < 0 ? { x: [], y: [], w: [] } : { x: [(wide - 1) / 2], y: [at], w: [wide] };
    $("chosen").textContent = row >= 0 ? `kind ${data.kinds[row]}; at the end: ${data.phases[row] || "not measured"}`
      : name ? `No name here is written “${name}”.` : "";
    try { history.replaceState(null, "", row < 0 ? "#" : `#name=${encodeURIComponent(name)}`); }
    catch { /* some hosts of the page allow no address of its own */ }
  }

  // What each evidence says of one name: its line, and where it crosses, drawn and in words.
  function weigh(row) {
    if (!data.evidences.length) return;
    const n = data.places.length, body = document.querySelector("#crossed tbody");
    $("evidence-of").textContent = data.names[row];
    body.replaceChildren();
    for (const one of data.evidences) {
      const x = [], y = [], z = [], tick = [];
      for (let i = 0; i < n; i++) {
        const value = evidences[one.key][row * n + i];
        if (Number.isNaN(value)) continue;
        x.push(data.places[i]); y.push(Math.max(Math.asinh(value), one.floor)); z.push(value); tick.push(data.ticks[i]);
      }
      source(`${one.key} line`).data = { x, y, z, tick };
      const told = one.crossed[row], at = told && told.at;
      source(`${one.key} crossed`).data = at
        ? { x: [at[0]], low: [at[1]], high: [at[2]], lane: [one.lane], top: [0] }
        : { x: [], low: [], high: [], lane: [], top: [] };
      const line = document.createElement("tr");
      for (const text of [one.key, told ? told.steps : "not measured", told ? told.exposures : "–"]) {
        const cell = document.createElement("td");
        cell.textContent = text;
        line.append(cell);
      }
      body.append(line);
    }
  }

  function nearest(typed) {
    const low = typed.trim().toLowerCase();
    return data.names.find((name) => name.toLowerCase() === low) || typed.trim();
  }

  function start() {
    if (!window.Bokeh || !Bokeh.documents.length || !source("phases chosen")) return setTimeout(start, 30);
    remember();
    paint();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
    for (const button of buttons) button.onclick = () => {
      button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
      choose();
    };
    for (const button of document.querySelectorAll("[data-kinds]")) button.onclick = () => {
      for (const other of buttons) other.setAttribute("aria-pressed", String(button.dataset.kinds === "all"));
      choose();
    };
    const pressed = source("phases cells").selected;
    pressed.properties.indices.change.connect(() => {
      const cell = pressed.indices[0];
      if (cell === undefined) return;
      const name = source("phases cells").data.name[cell];
      $("query").value = name;
      show(name);
    });
    if (data.example) weigh(data.names.indexOf(data.example));
    $("query").onchange = () => show(nearest($("query").value));
    const asked = new URLSearchParams(location.hash.slice(1)).get("name");
    if (asked) { $("query").value = asked; show(nearest(asked)); }
    document.body.dataset.ready = "yes";
  }
  start();
})();
