// The cell of one photo in the grid.

import { element, pathTitle } from "./elements.js";

const titleOf = ({ name, broken, worst }) => {
  const measured = worst === undefined ? "" : `\nCIEDE2000 ${worst.toFixed(2)}`;
  return pathTitle(name) + (broken ? `\n${broken}` : measured);
};

/** What a cell shows of a photo: another text needs another cell. */
export const shownOf = (photo) => JSON.stringify([photo.image, photo.version, titleOf(photo)]);

/** Return the cell of a photo at its place among so many, with the picture that is still to be loaded. */
export function cellOf(photo, place, count) {
  // The name of a photo is the text of its picture, in the direction of its own writing.
  const picture = element("img", { alt: photo.name, dir: "auto", decoding: "async", fetchPriority: "low", draggable: false });
  const cell = element("div", { className: "cell", role: "option", id: `photo-${place}`, title: titleOf(photo), dir: "ltr" }, picture);
  cell.classList.toggle("marked", Boolean(photo.broken));
  picture.addEventListener("error", () => cell.classList.add("broken"));
  picture.addEventListener("load", () => cell.classList.add("ready"));
  cell.setAttribute("aria-setsize", count);
  cell.setAttribute("aria-posinset", place + 1);
  Object.assign(cell.dataset, { place, image: photo.image, shown: shownOf(photo) });
  if (photo.worst !== undefined) cell.dataset.worst = photo.worst.toFixed(1);
  return cell;
}
