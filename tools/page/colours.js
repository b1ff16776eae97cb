// Colours of numbers: from the paper's to strong ones, one for each sign. Orange and blue are data.

let palette;
function readPalette() {
  const style = getComputedStyle(document.documentElement);
  const read = (name) => style.getPropertyValue(`--${name}`).trim();
  const rgb = (name) => read(name).split(/\s+/).map(Number);
  const [low, zero, high, strong] = ["data-low", "data-zero", "data-high", "data-strong"].map(rgb);
  const lowest = rgb("data-lowest");
  const blend = (a, b, t) => a.map((part, i) => Math.round(part + (b[i] - part) * t));
  const mix = (share) => {
    const size = Math.abs(share),
      [half, full] = share < 0 ? [low, lowest] : [high, strong];
    return size < 0.5 ? blend(zero, half, 2 * size) : blend(half, full, 2 * size - 1);
  };
  palette = {
    name: read("data-zero"),
    shades: Array.from({length: 511}, (_, i) => mix((i - 255) / 255)),
    up: read("up"),
    down: read("down"),
    none: read("faint"),
    line: read("rule"),
    follow: read("follow"),
    ink: read("ink"),
  };
}

// Returns [red, green, blue] of a number; undefined where it is not finite.
const scale = (limit) => (x) =>
  Number.isFinite(x)
    ? palette.shades[255 + Math.round(255 * Math.max(-1, Math.min(1, x / limit)))]
    : undefined;

// The size up to which an array's numbers are told apart, which a few outliers must not hide: 98 of
// 100 numbers are below it.
function limitOf(index) {
  const array = data.arrays[index];
  if (array.limit === undefined) {
    const numbers = numbersOf(index),
      step = Math.ceil(numbers.length / 4096),
      sizes = [];
    for (let i = 0; i < numbers.length; i += step)
      if (Number.isFinite(numbers[i])) sizes.push(Math.abs(numbers[i]));
    sizes.sort((a, b) => a - b);
    array.limit = (sizes.length > 64 ? sizes[Math.floor(sizes.length * 0.98)] : sizes.at(-1)) || 1;
  }
  return array.limit;
}

// A canvas of one pixel for each number, which the style sheet stretches.
function raster(columns, rows, colourAt) {
  const canvas = element("canvas", {width: Math.max(1, columns), height: Math.max(1, rows)});
  const context = canvas.getContext("2d"),
    image = context.createImageData(canvas.width, canvas.height);
  for (let r = 0, i = 0; r < rows; r++)
    for (let c = 0; c < columns; c++, i += 4) {
      const colour = colourAt(r, c);
      if (!colour) continue; // nothing there: the ground shows
      [image.data[i], image.data[i + 1], image.data[i + 2]] = colour;
      image.data[i + 3] = colour[3] ?? 255;
    }
  context.putImageData(image, 0, 0);
  return canvas;
}

// A canvas to draw on in pixels of the page, sharp on any screen.
function sharp(width, height) {
  const ratio = Math.min(3, window.devicePixelRatio || 1);
  const canvas = element("canvas", {width: width * ratio, height: height * ratio});
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  return [canvas, context];
}
