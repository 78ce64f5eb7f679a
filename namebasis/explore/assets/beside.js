// Another space, or another view, as a second map: the same names are shown in both.
import { arrow, job } from "/assets/api.js";
import { Columns, coloring } from "/assets/columns.js";
import { element, named } from "/assets/dom.js";
import { PointMap } from "/assets/map.js";
import { labelPlaces } from "/assets/overview.js";
import { space } from "/assets/working.js";

export class Beside {
  // act: { hover(row of the first map), click(name) }
  constructor(holder, title, act) {
    this.act = act;
    this.canvas = element("canvas", { tabindex: 0, role: "img", "aria-label": `Map of the same names: ${title}` });
    this.tip = element("div", { class: "tip", hidden: true });
    this.holder = holder;
    this.title = title;
  }

  async open(chosen, spaces, names, parts, tell) {
    const [other, view] = chosen;
    const facts = spaces.find((one) => one.space === other);
    this.holder.replaceChildren(element("p", { class: "note" }, "Fetching the second map …"));
    let places = await arrow(`/${space(other)}/map.arrow`, { view });
    if (!places) {
      const work = job(`/${space(other)}/jobs/map`, { view }, () => {});
      this.holder.replaceChildren(element("p", { class: "row note" }, "Placing its names on a plane …", element("progress", {}), element("button", { type: "button", onclick: work.stop }, "Stop")));
      try {
        await work.result;
      } catch (error) {
        this.holder.replaceChildren();
        if (error.name !== "AbortError") tell(error.message, true);
        return false;
      }
      places = await arrow(`/${space(other)}/map.arrow`, { view });
    }
    this.columns = new Columns(other, facts.build);
    const [own, kinds] = await Promise.all([this.columns.of("name"), this.columns.of("part")]);
    this.held = facts.columns;
    this._match(names, parts, own, kinds);
    this.names = own;
    if (!this.holder.isConnected) return false;
    this.holder.replaceChildren(element("span", { class: "map-title" }, this.title), this.canvas, this.tip);
    this.map = new PointMap(this.canvas, places.getChild("x").toArray(), places.getChild("y").toArray(), {
      hover: (row, place) => this._hover(row, place),
      click: (row) => this.act.click(own.get(row)),
      select: (rows) => this.act.select(rows.map((row) => this.there[row]).filter((row) => row >= 0)),
    });
    return true;
  }

  // Rows of either map by those of the other; -1 where it lacks the name.
  _match(names, parts, own, kinds) {
    const rows = new Map();
    for (let row = 0; row < own.length; row++) rows.set(`${own.get(row)}\n${kinds?.get(row)}`, row);
    this.here = new Int32Array(names.length).fill(-1);
    this.there = new Int32Array(own.length).fill(-1);
    for (let row = 0; row < names.length; row++) {
      const found = rows.get(`${names.get(row)}\n${parts?.get(row)}`);
      if (found === undefined) continue;
      this.here[row] = found;
      this.there[found] = row;
    }
  }

  _hover(row, place) {
    this.tip.hidden = row < 0;
    this.canvas.style.cursor = row < 0 ? "" : "pointer";
    if (row >= 0) {
      this.tip.replaceChildren(named(this.names.get(row)));
      this.tip.style.left = `${place[0] + 12}px`;
      this.tip.style.top = `${place[1] + 12}px`;
    }
    this.act.hover(row < 0 ? -1 : this.there[row]);
  }

  // Colours by the same column, where this space has it; names that the first filter refuses stand back.
  // The colours mean what they mean on the first map.
  async paint(isIn, facet) {
    if (!this.map) return;
    const isHeld = facet && this.held.includes(facet.column);
    const coat = await coloring(this.columns, isHeld ? facet.column : "", isHeld ? facet : null);
    const isShared = (row) => this.there[row] >= 0 && isIn(this.there[row]);
    if (!this.map) return;
    this.map.labels = coat.key ? labelPlaces(this.map.x, this.map.y, coat.key, coat.legend, isShared) : [];
    this.map.paint(coat.of, isShared);
  }

  point(row) {
    if (!this.map) return;
    this.map.pointed = row < 0 ? -1 : this.here[row];
    this.map.draw();
  }

  mark(rows, label) {
    const shared = rows.map((row) => this.here[row]).filter((row) => row >= 0);
    this.map?.mark(shared, label && ((row) => label(this.there[row])));
  }

  destroy() {
    this.map?.destroy();
    this.map = null;
  }
}
