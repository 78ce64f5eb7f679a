// Words with what they mean, from docs/measures.md: asked once, and shown on hover.
import { get } from "/assets/api.js";
import { element } from "/assets/dom.js";

const known = new Map();
const waiting = new Map();

// Words of one moment are asked for together.
function meaning(word, section) {
  const key = `${section} ${word}`;
  if (!known.has(key)) {
    if (!waiting.has(section)) {
      const words = new Set();
      waiting.set(section, { words, told: new Promise((done) => setTimeout(done)).then(() => {
        waiting.delete(section);
        return get("/terms", { words: [...words].join(","), section });
      }) });
    }
    const asked = waiting.get(section);
    asked.words.add(word);
    known.set(key, asked.told.then((told) => told[word]));
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
