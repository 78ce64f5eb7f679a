// Requests to the service that this page came from; a newer question stops the older one.

// A frame of a notebook gets no cookie; its address brings the token once, behind a # that no server sees.
const given = new URLSearchParams(location.hash.slice(1)).get("token");
if (given) {
  history.replaceState(null, "", location.pathname + location.search);
  try { sessionStorage.setItem("namebasis token", given); } catch { /* kept as long as the page */ }
}
const kept = () => { try { return sessionStorage.getItem("namebasis token"); } catch { return null; } };
const held = given ?? kept();
const proof = held ? { authorization: `Bearer ${held}` } : {};
const running = new Map();

export class Refusal extends Error {}

async function ask(path, options = {}, slot = null) {
  const control = new AbortController();
  if (slot) {
    running.get(slot)?.abort();
    running.set(slot, control);
  }
  const response = await fetch(`/api${path}`, { ...options, headers: { ...proof, ...options.headers }, signal: control.signal });
  if (slot && running.get(slot) === control) running.delete(slot);
  return response;
}

async function refused(response) {
  let reason = `${response.status} ${response.statusText}`;
  try {
    const told = await response.json();
    reason = told.error || reason;
  } catch { /* no JSON: the status says it */ }
  return new Refusal(reason);
}

export function query(values) {
  const pairs = Object.entries(values).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return pairs.length ? `?${new URLSearchParams(pairs)}` : "";
}

export async function get(path, values = {}, slot = null) {
  const response = await ask(path + query(values), {}, slot);
  if (!response.ok) throw await refused(response);
  return response.json();
}

export async function post(path, body, slot = null) {
  const isForm = body instanceof FormData;
  const response = await ask(path, {
    method: "POST",
    headers: isForm ? {} : { "content-type": "application/json" },
    body: isForm ? body : JSON.stringify(body),
  }, slot);
  if (!response.ok) throw await refused(response);
  return response.headers.get("content-type")?.startsWith("application/json")
    ? response.json() : response.blob();
}

export async function arrow(path, values = {}) {
  const response = await ask(path + query(values));
  if (response.status === 202) return null;
  if (!response.ok) throw await refused(response);
  // Only the map needs it: the list does not wait for 200 KB of it.
  const [{ tableFromIPC }, bytes] = await Promise.all([import("/assets/arrow.js"), response.arrayBuffer()]);
  return tableFromIPC(new Uint8Array(bytes));
}

export async function numbers(path, values = {}, slot = null) {
  const response = await ask(path + query(values), {}, slot);
  if (!response.ok) throw await refused(response);
  return new Int32Array(await response.arrayBuffer());
}

// A long question: its progress is told until it ends; `stop` ends it early.
export function job(path, body, told) {
  let id = null, isStopped = false;
  const stop = () => {
    isStopped = true;
    if (id) fetch(`/api/jobs/${id}`, { method: "DELETE", keepalive: true, headers: proof });
  };
  const result = (async () => {
    let state = await post(path, body);
    id = state.id;
    if (isStopped) stop();
    while (state.state === "queued" || state.state === "running") {
      told(state);
      await new Promise((done) => setTimeout(done, 400));
      state = await get(`/jobs/${id}`);
    }
    if (state.state === "failed") throw new Refusal(state.error);
    if (state.state === "cancelled") throw new DOMException("stopped", "AbortError");
    return state.result;
  })();
  addEventListener("pagehide", stop, { once: true });
  result.catch(() => {}).finally(() => removeEventListener("pagehide", stop));
  return { result, stop };
}
