// Reports in place: made once by a job, kept beside the space, and shown in a frame of their own.
import { get } from "/assets/api.js";
import { element } from "/assets/dom.js";
import { change, state } from "/assets/state.js";
import { term } from "/assets/terms.js";
import { space, working } from "/assets/working.js";

// A report that is kept, or a button that makes it.
export async function drawReport(panel, question, { tell, isAsked = true, said = "Making the report" } = {}) {
  const known = Object.fromEntries(Object.entries(question).filter(([, value]) => value !== null));
  let told = await get(`/${space()}/report`, known, `report ${question.kind}`);
  if (!told && isAsked) told = await working(panel, `/${space()}/jobs/report`, question, { said });
  if (told) show(panel, told, tell);
  return told;
}

function show(panel, told) {
  const address = `/api/${space()}/reports/${told.page}`;
  panel.replaceChildren(
    element("p", { class: "headline" }, told.headline),
    element("p", { class: "row note" }, told.when ? `Made on ${told.when}, and kept with the space.` : "Kept with the space.",
      element("a", { href: address, target: "_blank", rel: "noopener" }, "Open it in a tab of its own")),
    element("iframe", { src: address, sandbox: "allow-scripts allow-downloads", title: told.headline || "report", class: "report" }));
}

export async function drawTopology(panel, { tell }) {
  const holder = element("div", {});
  const question = { kind: "topology", view: state.view, where: state.where || null, shape: state.shape === "1" };
  const make = element("button", { type: "button", class: "main", onclick: async () => { make.hidden = Boolean(await drawReport(holder, question, { tell, said: "Clustering" })); } }, "Make the report");
  const write = element("button", { type: "button", title: "Adds columns such as cluster and cluster_label to the space, which filters and colours can then use",
    onclick: async () => {
      const told = await working(holder, `/${space()}/jobs/clusters`, question, { said: "Clustering" });
      if (!told) return;
      show(holder, told);
      tell("The clusters are columns of the space now.");
      change({ where: state.where, written: String(Number(state.written || 0) + 1) });
    } }, "Write clusters as columns");
  panel.replaceChildren(
    element("div", { class: "row tools" },
      element("label", {}, element("input", { type: "checkbox", checked: state.shape === "1", onchange: (event) => change({ shape: event.target.checked ? "1" : "" }) }),
        " with ", term("entropy"), ", ", term("dimension"), " and ", term("hubs"), " (takes minutes)"),
      make, write),
    holder);
  const told = await drawReport(holder, question, { tell, isAsked: false });
  if (!told) holder.replaceChildren(element("p", { class: "note" }, "Clusters of names, what they go with, and a map of them. The report is made once for these settings and filter, and kept."));
  else make.hidden = true;
}

const RECORDS = { locales: "regions: Faker’s lists of countries", us: "age and gender: US births", "us:family": "groups: US surnames" };

export async function drawRecords(panel, { tell }) {
  const holder = element("div", {});
  const question = { kind: "records", records: state.records, where: state.where || null };
  const which = element("select", { onchange: (event) => change({ records: event.target.value }) },
    Object.entries(RECORDS).map(([value, label]) => element("option", { value }, label)));
  which.value = state.records;
  const make = element("button", { type: "button", class: "main", onclick: async () => { make.hidden = Boolean(await drawReport(holder, question, { tell, said: "Asking the model" })); } }, "Make the report");
  panel.replaceChildren(element("div", { class: "row tools" }, element("label", {}, "compare beliefs with ", which), make), holder);
  const told = await drawReport(holder, question, { tell, isAsked: false });
  if (!told) holder.replaceChildren(element("p", { class: "note" }, "What the model believes about names beside what public records say of them. The report is made once for these records and this filter, and kept."));
  else make.hidden = true;
}
