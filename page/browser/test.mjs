// Opens pages in a real browser and uses them. `node test.mjs LAB REAL…`: the program `lab`, and stored histories,
// the first of which is the run that the documentation explains, beside a passing one.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Browser } from "./browser.mjs";
import * as histories from "./histories.mjs";

const [lab, explained, passing, ...real] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), "pages-"));
const LIMIT = 2_000_000;

/** The page of a stored history, or of a made one. */
function page(name, history, more = []) {
  const stored = typeof history === "string" ? history : join(folder, `${name}.json`);
  if (stored !== history) writeFileSync(stored, JSON.stringify(history));
  const file = join(folder, `${name}.html`);
  execFileSync(lab, ["explain", stored, "--html", file, ...more], { stdio: ["ignore", "ignore", "pipe"] });
  assert.ok(statSync(file).size <= LIMIT, `${name} has ${statSync(file).size} bytes`);
  return `file://${file}`;
}

const browser = await new Browser().begin();
await browser.size(1280, 900);
await browser.media("light");

/** What holds of every page: nothing is asked for, nobody complains, something is drawn. */
async function sound(name, url) {
  const took = await browser.open(url);
  await browser.settle();
  assert.deepEqual(browser.complaints, [], name);
  assert.deepEqual(browser.requests.filter((asked) => !asked.startsWith("data:")), [url], name);
  assert.equal(await browser.value("window.hacked"), undefined, name);
  assert.equal(await browser.value("document.documentElement.scrollWidth <= innerWidth"), true, `${name} is too wide`);
  // Whatever there is to see, some pixel differs from the background.
  assert.ok(await inked() > 0 || name === "empty", `${name} has drawn nothing`);
  return took;
}

/** How many pixels of the picture are drawn. */
const inked = () => browser.value(`(() => {
  const { canvas } = charts[0];
  if (canvas.width * canvas.height === 0) return 0;
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let inked = 0;
  for (let i = 3; i < data.length; i += 4) inked += data[i] > 0;
  return inked;
})()`);

const view = () => browser.value("({ ...view })");
const text = (selector) => browser.value(`document.querySelector(${JSON.stringify(selector)}).textContent`);
const press = async (selector) => {
  await browser.value(`document.querySelector(${JSON.stringify(selector)}).click()`);
  await browser.settle();
};

const tests = {
  async "every page is sound"() {
    const odd = { hostile: histories.hostile(), silent: histories.silent(), empty: histories.empty(),
      truncated: histories.truncated() };
    for (const [name, history] of Object.entries(odd)) await sound(name, page(name, history));
    for (const [place, stored] of real.entries()) await sound(stored, page(`real${place}`, stored));
  },

  async "texts of a student's are shown, and do nothing"() {
    const url = page("hostile", histories.hostile());
    await sound("hostile", url);
    const shown = await text("body");
    for (const piece of ["</script><script>window.hacked=1</script>", "\\u{1b}[2J\\u{202e}\\u{2028}"]) {
      assert.ok(shown.includes(piece), piece);
    }
    assert.equal(await browser.value("document.images.length"), 0);
    // In the picture's hints and lists, too.
    await browser.value("showTip({ own: run.messages[0] }, 9, 9); moveCursor(9000)");
    await browser.settle();
    assert.ok((await text("#tip")).includes("</script>"));
    assert.ok((await text("#events")).includes("</script>"));
    assert.deepEqual(browser.complaints, []);
    assert.equal(await browser.value("window.hacked"), undefined);
  },

  async "links from the explanation lead into the picture"() {
    await sound("explained", page("explained", explained));
    const link = "#why .evidence a";
    await press(link);
    const at = await browser.value("run.flags[0].at");
    assert.equal(await browser.value("cursor"), at);
    assert.equal(await browser.value("kept.id"), await browser.value("run.flags[0].calls[0]"));
    assert.equal(await text("#cursor-time"), `${(at / 1e6).toFixed(6)} s`);
    assert.match(await text("#states"), /candidate/);
    assert.match(await text("#kept"), /RequestVote.*not returned when the run ended/s);
    // Another page that is opened by such a link shows the same.
    const url = page("linked", explained);
    await browser.open(`${url}#t=4.31&s=2`);
    await browser.settle();
    assert.equal(await browser.value("cursor"), 4_310_000);
    assert.equal(await browser.value("filter.server"), 2);
    const odd = ["#t=1e99", "#t=-5&s=99&c=77", "#v=9_1", "#%%%", "#t=&s=&c=&v=", "#t=99999"];
    for (const link of odd) {
      await browser.open(url + link);
      await browser.settle();
      assert.deepEqual(browser.complaints, [], link);
    }
  },

  async "the wheel zooms, dragging moves, a click sets the cursor"() {
    await sound("explained", page("explained", explained));
    await browser.value("stage.scrollIntoView({ block: 'start', behavior: 'instant' })");
    const box = await browser.value("(({ left, top, width }) => ({ left, top, width }))(stage.getBoundingClientRect())");
    const [x, y] = [box.left + box.width / 2, box.top + 60];
    const before = await view();
    await browser.mouse("mouseWheel", x, y, { deltaX: 0, deltaY: -250 });
    await browser.settle();
    const zoomed = await view();
    assert.ok(zoomed.until - zoomed.from < 0.5 * (before.until - before.from), JSON.stringify(zoomed));
    await browser.mouse("mousePressed", x, y, { button: "left", buttons: 1, clickCount: 1 });
    await browser.mouse("mouseMoved", x - 100, y, { button: "left", buttons: 1 });
    await browser.mouse("mouseReleased", x - 100, y, { button: "left", clickCount: 1 });
    await browser.settle();
    const moved = await view();
    assert.ok(moved.from > zoomed.from, "dragging to the left shows later times");
    assert.ok(Math.abs(moved.until - moved.from - (zoomed.until - zoomed.from)) < 2);
    await browser.click(x, y);
    const at = await browser.value(`charts[0].at(${x - box.left})`);
    assert.ok(Math.abs(await browser.value("cursor") - at) < 2);
  },

  async "a message is shown under the pointer, and kept by a click"() {
    await sound("explained", page("explained", explained));
    await browser.value("stage.scrollIntoView({ block: 'start', behavior: 'instant' })");
    const { x, y } = await browser.value(`(() => {
      const own = run.bars.find((own) => own.isProof);
      const { left, top } = stage.getBoundingClientRect();
      return { x: left + (charts[0].x(own.sent) + charts[0].x(own.until)) / 2, y: top + barY(charts[0], own) };
    })()`);
    await browser.mouse("mouseMoved", x, y);
    await browser.settle();
    assert.equal(await browser.value("document.getElementById('tip').hidden"), false);
    assert.match(await text("#tip"), /S\d → S\d {2}RequestVote, term \d.*sent .*says {2}\{ .*term: \d/s);
    await browser.click(x, y);
    assert.match(await text("#kept"), /RequestVote/);
    await browser.key("Escape");
    assert.equal(await text("#kept"), "");
  },

  async "filters hide messages"() {
    await sound("explained", page("explained", explained));
    const drawn = () => browser.value("charts[0].drawn");
    const all = await drawn();
    await press("#kinds input[value='2']");
    const without = await drawn();
    assert.ok(without < all, `${without} of ${all}`);
    assert.equal((await text("#events")).includes("heartbeat"), false);
    await press("#kinds input[value='2']");
    assert.equal(await drawn(), all);
    await press("#servers input[value='1']");
    assert.ok(await drawn() < all);
    assert.equal(await browser.value("[...document.querySelectorAll('#events b')].some((who) => who.textContent === 'S1')"), false);
    await press("#servers input[value='1']");
    await browser.value("(() => { const t = document.getElementById('term'); t.value = '4'; t.dispatchEvent(new Event('change')); })()");
    await browser.settle();
    assert.ok(await drawn() < all);
    assert.equal(await browser.value("run.messages.filter(isShown).every((own) => own.term === 4)"), true);
    await browser.value("(() => { const s = document.getElementById('search'); s.value = 'connect server'; s.dispatchEvent(new Event('input')); })()");
    assert.match(await text("#events"), /connect server 2/);
    assert.equal((await text("#events")).includes("RequestVote"), false);
  },

  async "keys do what the help says"() {
    await sound("explained", page("explained", explained));
    const length = async () => (({ from, until }) => until - from)(await view());
    const opens = await length();
    await browser.key("+");
    assert.ok(await length() < opens);
    await browser.key("-");
    await browser.key("0");
    assert.ok(await length() > opens);
    await browser.key("f");
    assert.ok(Math.abs(await length() - opens) < 2);
    await browser.key("2");
    assert.equal(await browser.value("cursor"), await browser.value("run.flags[1].at"));
    const before = await browser.value("cursor");
    await browser.key("ArrowRight");
    const after = await browser.value("cursor");
    assert.ok(after > before);
    await browser.key("ArrowLeft");
    assert.ok(await browser.value("cursor") < after);
    const { from } = await view();
    await browser.key("ArrowLeft", { modifiers: 8 });
    assert.ok((await view()).from <= from);
    await browser.key("n");
    assert.ok(await browser.value("kept !== null"));
    await browser.key("?");
    assert.equal(await browser.value("help.open"), true);
    await browser.value("help.close()");
    await browser.key("/");
    assert.equal(await browser.value("document.activeElement.id"), "search");
    await browser.key("f"); // is typed there, and no command
    assert.equal(await browser.value("document.activeElement.value"), "f");
  },

  async "two runs stand beside each other, step by step"() {
    await sound("compared", page("compared", explained, ["--beside", passing]));
    assert.equal(await browser.value("charts.length"), 2);
    assert.match(await text(".different"), /first difference: check_one_leader/);
    // Where both did the same step there is the same place.
    const apart = await browser.value(`Math.max(...embedded("alignment").map(([own, its]) =>
      Math.abs(charts[0].x(own) - charts[1].x(its))))`);
    assert.ok(apart < 0.5, `${apart} pixels`);
  },

  async "logs are shown side by side, and where they differ"() {
    await sound("logs", page("logs", real[0]));
    const cells = "document.querySelectorAll('#grid td:not(.missing)').length";
    assert.ok(await browser.value(cells) > 4);
    assert.ok(await browser.value("document.querySelectorAll('#grid .committed').length") > 0);
    assert.ok(await browser.value("document.querySelectorAll('#grid .differs').length") > 0);
    await browser.value("moveCursor(0)");
    await browser.settle();
    assert.match(await text("#grid"), /No log has an entry yet/);
  },

  async "without scripts there is the explanation and a still picture"() {
    const url = page("explained", explained);
    await browser.scripts(false);
    await browser.open(url);
    const { root } = await browser.send("DOM.getDocument", { depth: -1 });
    const { nodeIds } = await browser.send("DOM.querySelectorAll", { nodeId: root.nodeId, selector: "#still rect.candidate, #why .evidence li, #statistics tr" });
    assert.ok(nodeIds.length > 10, `${nodeIds.length}`);
    const { nodeId } = await browser.send("DOM.querySelector", { nodeId: root.nodeId, selector: "#still" });
    const { model } = await browser.send("DOM.getBoxModel", { nodeId });
    assert.ok(model.height > 200, `${model.height}`);
    await browser.scripts(true);
  },

  async "it prints, in light colours"() {
    await browser.media("dark");
    await sound("explained", page("explained", explained));
    const paper = () => browser.value("charts[0].color.paper");
    const dark = await paper();
    await browser.value("window.dispatchEvent(new Event('beforeprint'))");
    assert.notEqual(await paper(), dark);
    await browser.value("window.dispatchEvent(new Event('afterprint'))");
    assert.equal(await paper(), dark);
    assert.ok((await browser.print()).length > 20_000);
    assert.deepEqual(browser.complaints, []);
    await browser.media("light");
  },

  async "20,000 calls move smoothly"() {
    const took = await sound("large", page("large", histories.large()));
    const frame = await browser.value(`(async () => {
      fitAll();
      let slowest = 0;
      const times = [];
      for (let i = 0; i < 40; i++) {
        zoom(i < 20 ? 0.8 : 1.25);
        pan(0.05);
        await new Promise((done) => requestAnimationFrame(done));
        const began = performance.now();
        charts[0].draw();
        times.push(performance.now() - began);
      }
      return times.sort((a, b) => a - b)[30];
    })()`);
    console.log(`    opened in ${took} ms; three of four frames are drawn within ${frame.toFixed(1)} ms`);
  },
};

let failed = 0;
for (const [name, test] of Object.entries(tests)) {
  const began = Date.now();
  try {
    await test();
    console.log(`ok    ${name} (${Date.now() - began} ms)`);
  } catch (error) {
    failed++;
    console.log(`FAIL  ${name}\n${error.stack}`);
  }
}
await browser.end();
rmSync(folder, { recursive: true });
console.log(failed ? `${failed} of ${Object.keys(tests).length} failed` : "all passed");
process.exit(failed ? 1 : 0);
