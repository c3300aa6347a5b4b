// Words of the page for options and their values.

/** Names of the controls. */
export const TITLES = {
  strategy: "Strategy",
  colors: "Colours",
  effort: "Effort",
  space: "Colour space",
  dither: "Dithering",
  palette: "Palette",
  fit: "Fit",
  resample: "Resampling",
  format: "Format",
  step: "Block",
  scale: "Factor",
  palette_from: "Palette from",
  keep_colors: "Keep exactly",
  count_power: "Weight of common",
  per: "Quality for each",
  quality_share: "Share that reaches it",
  strict_quality: "Fail what misses it",
  enlarge: "Enlarge small ones",
  background: "Background",
  alpha: "Transparency",
  png: "Kind of PNG",
  png_effort: "PNG effort",
  jpeg_quality: "JPEG quality",
  shard_images: "Photos a shard",
  shard_bytes: "Bytes a shard",
  never_larger: "Never larger",
  seed: "Seed",
  on_corrupt: "Damaged photos",
  max_pixels: "Most pixels",
  max_bytes: "Most bytes",
  max_frames: "Most frames",
};

const VALUES = {
  MKM: "MKM, our K-means",
  FKM: "FKM, full K-means",
  MBKM: "MBKM, mini-batches",
  SO: "SO, size only",
  srgb: "sRGB",
  oklab: "Oklab, as people see",
  "floyd-steinberg": "Floyd–Steinberg",
  png: "PNG",
  webp: "WebP",
  jpeg: "JPEG",
  npz: "NPZ arrays",
  webdataset: "WebDataset shards",
  parquet: "Parquet shards",
  arrays: "arrays of all photos",
  skip: "nearest pixel",
  box: "box, the mean",
  lanczos: "Lanczos",
  contain: "contain, uncut",
  cover: "cover, edges cut",
  pad: "pad, edges added",
};

const OF_ONE = {
  palette: { image: "one for each photo", class: "one for each class", dataset: "one for all photos" },
  step: { step: "blocks of pixels" },
};

/** What a control of an option is called. */
export function titleOf(name) {
  const plain = name.replaceAll("_", " ");
  return TITLES[name] ?? plain[0].toUpperCase() + plain.slice(1);
}

/** What a value of an option is called. */
export const valueWords = (name, value) => OF_ONE[name]?.[value] ?? VALUES[value] ?? String(value);

/** Why an option has no effect with these options; empty if it has one. */
export function idleReason({ needs, formats, auto }, options) {
  if (auto && options.colors !== "auto") return "This has an effect only where a quality decides how few are enough.";
  if (formats && !formats.includes(options.format)) {
    return `This has an effect only with the format ${formats.map((one) => valueWords("format", one)).join(", ")}.`;
  }
  if (!needs) return "";
  const value = options[needs.field];
  if (needs.values.length ? needs.values.includes(value) : value !== undefined) return "";
  const title = titleOf(needs.field).toLowerCase();
  return needs.values.length
    ? `This has an effect only with ${title} ${needs.values.join(", ")}.`
    : `This has an effect only with a final ${title}.`;
}

/** How many photos are shown, and of how many; a sample has the worst ones first. */
export function countText({ chosen, total, complete, problem }, isSample) {
  const [some, all] = [chosen, total].map((number) => number.toLocaleString("en"));
  const photos = (number) => (number === 1 ? "photo" : "photos");
  const ending = problem ? `: ${problem}` : "";
  if (isSample) return `${some} ${photos(chosen)} of a random sample, by CIEDE2000${ending}`;
  const more = complete ? "" : " so far";
  if (!chosen && total) return `None of ${all} photos${more} fits${ending}`;
  return chosen === total ? `${all} ${photos(total)}${more}${ending}` : `${some} of ${all} photos${more}${ending}`;
}
