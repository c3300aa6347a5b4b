// One photo in the grid: its picture, its name, and what is to be said of it.

import { element, pathTitle } from "./elements.js";

/** What a cell says when it is pointed at. */
function cellTitle({ name, broken, worst, left_out: rule }) {
  const measured = !broken && worst !== undefined && `CIEDE2000 ${worst.toFixed(2)}`;
  return [pathTitle(name), broken, rule && `A run leaves it out: ${rule}.`, measured].filter(Boolean).join("\n");
}

/** What a cell shows of a photo: another text needs another cell. */
export const shownOf = (photo) => JSON.stringify([photo.image, photo.version, cellTitle(photo)]);

/** Return the cell of a photo at a place among all that are shown. */
export function cellOf(photo, place, count) {
  // The name of a photo is the text of its picture, in the direction of its own writing.
  const picture = element("img", { alt: photo.name, dir: "auto", decoding: "async", fetchPriority: "low", draggable: false });
  const cell = element("div", { className: "cell", role: "option", id: `photo-${place}`, title: cellTitle(photo), dir: "ltr" }, picture);
  cell.classList.toggle("marked", Boolean(photo.broken));
  cell.classList.toggle("left-out", Boolean(photo.left_out));
  picture.addEventListener("error", () => cell.classList.add("broken"));
  picture.addEventListener("load", () => cell.classList.add("ready"));
  cell.setAttribute("aria-setsize", count);
  cell.setAttribute("aria-posinset", place + 1);
  Object.assign(cell.dataset, { place, image: photo.image, shown: shownOf(photo) });
  if (photo.worst !== undefined) cell.dataset.worst = photo.worst.toFixed(1);
  return cell;
}

/** Return the place of a photo in pages of a size: its number, unless photos came or went. */
export function placeOf(image, pages, size) {
  for (const [page, photos] of pages) {
    const place = photos.findIndex((photo) => photo.image === image);
    if (place >= 0) return page * size + place;
  }
  return image;
}
