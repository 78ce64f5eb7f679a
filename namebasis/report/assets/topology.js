"use strict";
// The map's own behaviour: search, highlight, labels that give way to each other, table links.
(function () {
  const data = JSON.parse(document.getElementById("data").textContent);
  const $ = (id) => document.getElementById(id);
  const figure = () => (Bokeh.documents.length ? Bokeh.documents[0].get_model_by_name("map") : null);
  const model = (name) => Bokeh.documents[0].get_model_by_name(name);

  const folded = (s) =>
    s.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().replace(/\s+/g, " ").trim();
  let focus = []; // what was searched and its neighbours: labelled first
  let keys = null; // folded names, made at the first search

  function find(query, limit) {
    if (!keys) keys = data.names.map(folded);
    const wanted = folded(query);
    if (!wanted) return [];
    const ranked = [[], [], []];
    for (let i = 0; i < keys.length; i++) {
      const at = keys[i].indexOf(wanted);
      if (at < 0) continue;
      const rank = keys[i] === wanted ? 0 : at === 0 ? 1 : 2;
      if (ranked[rank].length < limit) ranked[rank].push(i);
    }
    return ranked.flat().slice(0, limit);
  }

  function element(tag, content, className) {
    const node = document.createElement(tag);
    if (content !== undefined) node.textContent = content;
    if (className) node.className = className;
    return node;
  }

  function dot(cluster) {
    const node = element("span", undefined, "dot");
    node.style.background = cluster < 0 ? data.grey : data.clusters[cluster].color;
    return node;
  }

  const clusterName = (c) => (c < 0 ? "in no cluster" : data.clusters[c].label);

  function item(row, note) {
    const node = element("li");
    node.append(dot(data.cluster[row]), element("b", data.names[row]), element("span", note));
    node.onclick = () => show(row);
    return node;
  }

  function look(x0, x1, y0, y1) {
    const plot = figure();
    const width = Math.max(x1 - x0, data.span / 400), height = Math.max(y1 - y0, data.span / 400);
    const cx = (x0 + x1) / 2, cy = (y0 + y1) / 2;
    const ratio = plot.inner_width / plot.inner_height || 1;
    const half = Math.max(width / ratio, height) / 2;
    plot.x_range.setv({ start: cx - half * ratio, end: cx + half * ratio });
    plot.y_range.setv({ start: cy - half, end: cy + half });
  }

  function reset() {
    model("found").data = { x: [], y: [] };
    model("near").data = { x: [], y: [] };
    focus = [];
    mark(-1);
    look(data.box[0], data.box[1], data.box[2], data.box[3]);
  }

  function mark(cluster) {
    for (const row of document.querySelectorAll("#clusters tbody tr"))
      row.classList.toggle("on", Number(row.dataset.cluster) === cluster);
  }

  function show(row) {
    const x = data.x[row], y = data.y[row], near = data.near[row] || [];
    model("found").data = { x: [x], y: [y] };
    model("near").data = { x: near.map((i) => data.x[i]), y: near.map((i) => data.y[i]) };
    focus = [row, ...near];
    const half = data.span / 26;
    look(x - half, x + half, y - half, y + half);
    const cluster = data.cluster[row];
    mark(cluster);
    const panel = $("panel");
    panel.replaceChildren(element("h3", data.names[row]), element("div", data.details[row], "soft"));
    panel.append(element("h4", "cluster"));
    const list = element("ul"), entry = element("li");
    entry.append(dot(cluster), element("b", clusterName(cluster)));
    if (cluster >= 0) {
      const share = Math.round(100 * data.probability[row]);
      entry.append(element("span", `belongs ${share} %`, "keep"));
      entry.onclick = () => showCluster(cluster);
    }
    list.append(entry);
    panel.append(list);
    if (near.length) {
      panel.append(element("h4", "nearest names"));
      const names = element("ul");
      near.forEach((i, n) => names.append(item(i, data.cosine[row][n].toFixed(3))));
      panel.append(names);
    }
  }

  function showCluster(cluster) {
    const c = data.clusters[cluster];
    focus = [];
    look(...c.box);
    model("found").data = { x: [], y: [] };
    model("near").data = { x: [], y: [] };
    mark(cluster);
    const panel = $("panel"), heading = element("h3");
    heading.append(dot(cluster), c.label);
    panel.replaceChildren(heading);
    panel.append(element("div", `${c.size.toLocaleString("en")} names`, "soft"));
    panel.append(element("h4", "most central names"));
    const list = element("ul");
    for (const row of c.central) list.append(item(row, data.details[row]));
    panel.append(list);
  }

  function suggest() {
    const query = $("query").value;
    if (!folded(query)) return intro();
    const hits = find(query, 40), panel = $("panel");
    panel.replaceChildren();
    if (!hits.length) return panel.append(element("p", `No name contains “${query}”.`, "soft"));
    const list = element("ul");
    for (const row of hits) list.append(item(row, clusterName(data.cluster[row])));
    panel.append(list);
  }

  function intro() {
    const panel = $("panel");
    panel.replaceChildren(element("h4", "largest clusters"));
    const list = element("ul");
    data.clusters.slice(0, 24).forEach((c, cluster) => {
      const node = element("li");
      node.append(dot(cluster), element("b", c.label), element("span", c.size.toLocaleString("en"), "keep"));
      node.onclick = () => showCluster(cluster);
      list.append(node);
    });
    if (!data.clusters.length) panel.append(element("p", "There are no clusters.", "soft"));
    panel.append(list);
  }

  // Larger clusters first; a label is drawn where it covers no label drawn before it. Near
  // enough, names are labelled too. Dots grow as one comes nearer.
  function label() {
    const plot = figure(), x = plot.x_range, y = plot.y_range, drawn = [];
    const sx = plot.inner_width / (x.end - x.start), sy = plot.inner_height / (y.end - y.start);
    const inside = (px, py) => px > x.start && px < x.end && py > y.start && py < y.end;

    function place(out, item, limit, width, above, below) {
      if (out.x.length >= limit || !inside(item.x, item.y)) return;
      const px = (item.x - x.start) * sx, py = (item.y - y.start) * sy;
      const half = width * item.label.length + 6;
      if (px < half || px > plot.inner_width - half) return;
      const box = [px - half, px + half, py - below, py + above];
      if (drawn.some((d) => box[0] < d[1] && box[1] > d[0] && box[2] < d[3] && box[3] > d[2])) return;
      drawn.push(box);
      out.x.push(item.x); out.y.push(item.y); out.text.push(item.label); out.color.push(item.ink);
    }

    const names = { x: [], y: [], text: [], color: [] }, near = [];
    const name = (i, ink) =>
      place(names, { x: data.x[i], y: data.y[i], label: data.names[i], ink }, 110, 3.1, 0, 19);
    for (const i of focus) name(i, "#10141d");

    const labels = { x: [], y: [], text: [], color: [] };
    for (const c of data.clusters) place(labels, c, 28, 3.6, 9, 9);
    model("labels").data = labels;

    for (let i = 0; i < data.x.length && near.length <= 1500; i++)
      if (inside(data.x[i], data.y[i])) near.push(i);
    if (near.length <= 1500) for (const i of near) name(i, "#5b6475");
    model("names").data = names;

    const zoom = (data.box[1] - data.box[0]) / (x.end - x.start);
    const grown = Math.min(Math.max(Math.sqrt(zoom), 1), 2.4);
    [["noise", 0.85], ["clustered", 1]].forEach(([name, scale]) => {
      model(name).glyph.size = { value: data.size * scale * grown };
    });
  }

  function fill() {
    const columns = () => ({ x: [], y: [], color: [], name: [], detail: [] });
    const noise = columns(), clustered = columns();
    data.names.forEach((name, i) => {
      const c = data.cluster[i], into = c < 0 ? noise : clustered;
      into.x.push(data.x[i]); into.y.push(data.y[i]);
      into.color.push(c < 0 ? data.grey : data.clusters[c].color);
      into.name.push(name); into.detail.push(data.details[i]);
    });
    model("noise data").data = noise;
    model("clustered data").data = clustered;
  }

  let waiting = 0;
  function relabel() {
    if (!waiting) waiting = requestAnimationFrame(() => { waiting = 0; label(); });
  }

  function start() {
    const plot = figure();
    if (!plot || !plot.inner_width) return setTimeout(start, 30);
    fill();
    for (const range of [plot.x_range, plot.y_range]) range.change.connect(relabel);
    plot.properties.inner_width.change.connect(relabel);
    reset();
    relabel();
    $("query").oninput = suggest;
    $("query").onkeydown = (event) => {
      if (event.key !== "Enter") return;
      const hits = find($("query").value, 1);
      if (hits.length) show(hits[0]);
    };
    $("reset").onclick = () => { $("query").value = ""; reset(); intro(); };
    for (const row of document.querySelectorAll("#clusters tbody tr"))
      row.onclick = () => {
        showCluster(Number(row.dataset.cluster));
        document.querySelector(".explore").scrollIntoView();
      };
    const unfold = $("unfold");
    if (unfold) unfold.onclick = () => { $("clusters").classList.remove("folded"); unfold.remove(); };
    intro();
    const asked = new URLSearchParams(location.hash.slice(1)).get("name");
    if (asked) { $("query").value = asked; const hits = find(asked, 1); hits.length ? show(hits[0]) : suggest(); }
    document.body.dataset.ready = "yes";
  }
  start();
})();
