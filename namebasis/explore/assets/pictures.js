// Pictures of a name, where the space's model paints: made by a job, and kept in the space.
import { get } from "/assets/api.js";
import { element } from "/assets/dom.js";
import { space, working } from "/assets/working.js";

export async function drawPictures(holder, name) {
  let told;
  try {
    told = await get(`/${space()}/pictures`, { name });
  } catch {
    return; // a card without pictures is a card all the same
  }
  if (!told.painter || !holder.isConnected) return;
  if (told.pictures) {
    show(holder, told.pictures, name);
    return;
  }
  const place = element("div", {});
  holder.replaceChildren(element("p", { class: "row" }, element("button", { type: "button", onclick: async () => {
    const made = await working(place, `/${space()}/jobs/pictures`, { name }, { said: "Painting", live: (beside, so_far) => show(beside, so_far, name) });
    if (made && holder.isConnected) show(holder, made.pictures, name);
  } }, `Paint it with ${told.painter}`)), place);
}

function show(holder, pictures, name) {
  holder.replaceChildren(element("div", { class: "pictures" }, pictures.map((one) => element("img", { src: one.image, alt: `${name}, painted`, title: `${one.prompt} · seed ${one.seed}` }))));
}
