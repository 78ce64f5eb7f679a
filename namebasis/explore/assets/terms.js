// Words with what they mean, from docs/measures.md: asked once, and shown on hover.
import { get } from "/assets/api.js";
import { element } from "/assets/dom.js";

const known = new Map();

function meaning(word, section) {
  const key = `${section} ${word}`;
  if (!known.has(key)) {
    known.set(key, get("/terms", { words: word, section }).then((told) => told[word]));
    known.get(key).catch(() => known.delete(key));
  }
  return known.get(key);
}

// `said` as it stands on the page, explained by `word`.
export function term(word, said = word, section = "") {
  const node = element("abbr", { tabindex: 0 }, said);
  meaning(word, section).then((told) => {
    if (told) node.title = told;
    else node.removeAttribute("tabindex");
  }, () => {});
  return node;
}
