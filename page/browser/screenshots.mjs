// Takes the pictures of the documentation. `node screenshots.mjs FOLDER NAME=PAGE#LINK…`: each page at 1280 and
// 1920 pixels, light and dark, from the element that SHOT_FROM names to
// the end of the one that SHOT_UNTIL names.

import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { Browser } from "./browser.mjs";
import { reduced } from "./palette.mjs";

const [folder, ...pages] = process.argv.slice(2);
const until = process.env.SHOT_UNTIL || "#picture";
const from = process.env.SHOT_FROM || "header";
const widths = (process.env.SHOT_WIDTHS || "1280 1920").split(" ").map(Number);
const schemes = (process.env.SHOT_SCHEMES || "light dark").split(" ");
const browser = await new Browser().begin();
for (const page of pages) {
  const [name, file] = [page.slice(0, page.indexOf("=")), page.slice(page.indexOf("=") + 1)];
  for (const width of widths) {
    for (const scheme of schemes) {
      await browser.media(scheme);
      await browser.size(width, 1000);
      await browser.open(`file://${resolve(file)}`);
      const edge = (selector, side) => browser.value(
        `document.querySelector(${JSON.stringify(selector)}).getBoundingClientRect().${side} + scrollY`);
      const [top, height] = [await edge(from, "top"), Math.ceil(await edge(until, "bottom")) + 12];
      await browser.size(width, height);
      await browser.value("scrollTo({ top: 0, behavior: 'instant' })");
      await browser.settle();
      const all = widths.length * schemes.length > 1;
      const y = Math.max(0, Math.floor(top) - 12);
      const picture = await browser.picture({ x: 0, y, width, height: height - y, scale: 1 });
      writeFileSync(join(folder, all ? `${name}-${width}-${scheme}.png` : `${name}.png`), reduced(picture));
    }
  }
}
await browser.end();
