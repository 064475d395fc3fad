// A PNG with at most 256 colours, for pictures that are committed: those of a page lose nothing that one sees.

import { deflateSync, inflateSync } from "node:zlib";

/** The parts of a PNG: its type and its data. */
function* chunks(png) {
  for (let at = 8; at < png.length; ) {
    const length = png.readUInt32BE(at);
    yield [png.toString("latin1", at + 4, at + 8), png.subarray(at + 8, at + 8 + length)];
    at += 12 + length;
  }
}

/** The pixels of a PNG of 8 bits a channel that isn't interlaced, as the browser makes them. */
function pixels(png) {
  const parts = [...chunks(png)];
  const head = parts.find(([type]) => type === "IHDR")[1];
  const [width, height, channels] = [head.readUInt32BE(0), head.readUInt32BE(4), head[9] === 6 ? 4 : 3];
  const raw = inflateSync(Buffer.concat(parts.filter(([type]) => type === "IDAT").map(([, data]) => data)));
  const line = width * channels;
  const data = Buffer.alloc(line * height);
  for (let y = 0; y < height; y++) {
    const filter = raw[y * (line + 1)];
    for (let x = 0; x < line; x++) {
      const left = x >= channels ? data[y * line + x - channels] : 0;
      const up = y > 0 ? data[(y - 1) * line + x] : 0;
      const corner = x >= channels && y > 0 ? data[(y - 1) * line + x - channels] : 0;
      const guess = [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter];
      data[y * line + x] = raw[y * (line + 1) + 1 + x] + guess;
    }
  }
  return { width, height, channels, data };
}

function paeth(a, b, c) {
  const [da, db, dc] = [Math.abs(b - c), Math.abs(a - c), Math.abs(a + b - 2 * c)];
  if (da <= db && da <= dc) return a;
  return db <= dc ? b : c;
}

/** The same picture in the colours that it has most of, each other one by the nearest. */
export function reduced(png) {
  const { width, height, channels, data } = pixels(png);
  const counts = new Map();
  const key = (at) => (data[at] << 16) | (data[at + 1] << 8) | data[at + 2];
  for (let at = 0; at < data.length; at += channels) counts.set(key(at), (counts.get(key(at)) || 0) + 1);
  const near = ([a], [b]) => [16, 8, 0].every((bits) => Math.abs(((a >> bits) & 255) - ((b >> bits) & 255)) < 7);
  const palette = [];
  for (const color of [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0])) {
    if (palette.length < 256 && !palette.some((other) => near(color, other))) palette.push(color);
  }
  const places = new Map();
  const nearest = (color) => {
    let [best, least] = [0, Infinity];
    palette.forEach(([other], place) => {
      const distance = [16, 8, 0].reduce((sum, bits) => sum + (((color >> bits) & 255) - ((other >> bits) & 255)) ** 2, 0);
      if (distance < least) [best, least] = [place, distance];
    });
    return best;
  };
  const rows = Buffer.alloc((width + 1) * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const color = key((y * width + x) * channels);
      if (!places.has(color)) places.set(color, nearest(color));
      rows[y * (width + 1) + 1 + x] = places.get(color);
    }
  }
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 3, 0, 0, 0], 8);
  const colors = Buffer.from(palette.flatMap(([color]) => [color >> 16, (color >> 8) & 255, color & 255]));
  return Buffer.concat([png.subarray(0, 8), chunk("IHDR", head), chunk("PLTE", colors),
    chunk("IDAT", deflateSync(rows, { level: 9 })), chunk("IEND", Buffer.alloc(0))]);
}

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  check.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, check]);
}

function crc32(data) {
  let crc = -1;
  for (const byte of data) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
