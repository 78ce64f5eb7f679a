// A long question in its place on the page: its progress, a button that stops it, what came of it.
import { job } from "/assets/api.js";
import { element, resultOf } from "/assets/dom.js";
import { state } from "/assets/state.js";

export const space = (name = state.space) => encodeURIComponent(name);

// The result of a job, or null where it was stopped or failed, which the holder then says.
export async function working(holder, path, body, { said = "Measuring", live = null } = {}) {
  const bar = element("progress", { "aria-label": said });
  const beside = element("div", {});
  const doing = element("span", {}, `${said} … `);
  const work = job(path, body, (told) => {
    const isWaiting = told.state === "queued"; // one job runs at a time
    bar.hidden = isWaiting;
    const now = isWaiting ? "Waiting for another question to end … " : told.step ? `${said}: ${told.step} … ` : `${said} … `;
    if (doing.textContent !== now) doing.textContent = now;
    if (told.total) {
      bar.max = told.total;
      bar.value = told.done;
    }
    if (live && told.so_far) live(beside, told.so_far);
  });
  holder.replaceChildren(element("p", { class: "row", role: "status" }, doing, bar,
    element("button", { type: "button", onclick: (event) => {
      event.target.disabled = true;
      event.target.textContent = "Stopping";
      work.stop();
    } }, "Stop")), beside);
  try {
    const told = await work.result;
    holder.replaceChildren();
    return told;
  } catch (error) {
    holder.replaceChildren(element("p", { class: "note", role: "status" }, error.name === "AbortError" ? "Stopped." : error.message));
    return null;
  }
}

export async function measure(holder, kind, body, openCard) {
  const told = await working(holder, `/${space()}/jobs/${kind}`, body);
  if (told) holder.replaceChildren(resultOf(told, openCard));
  return told;
}
