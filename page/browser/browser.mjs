// Drives a headless Chromium by its debugging pipe: no packages, no port.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const WAIT = 15_000;

/** A browser with one page. */
export class Browser {
  constructor(program = process.env.CHROMIUM || "chromium") {
    this.profile = mkdtempSync(join(tmpdir(), "page-"));
    this.process = spawn(program, [
      "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
      "--disable-background-networking", "--remote-debugging-pipe", `--user-data-dir=${this.profile}`,
    ], { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
    const [input, output] = this.process.stdio.slice(3);
    this.input = input;
    this.calls = new Map();
    this.listeners = [];
    this.number = 0;
    let rest = Buffer.alloc(0);
    output.on("data", (data) => {
      rest = Buffer.concat([rest, data]);
      for (let end = rest.indexOf(0); end >= 0; end = rest.indexOf(0)) {
        this.take(JSON.parse(rest.subarray(0, end).toString()));
        rest = rest.subarray(end + 1);
      }
    });
    this.process.on("error", (error) => this.fail(`failed to start ${program}: ${error.message}`));
    this.process.on("exit", () => this.fail("the browser has ended"));
  }

  fail(why) {
    for (const { reject } of this.calls.values()) reject(new Error(why));
    this.calls.clear();
  }

  take(message) {
    const call = this.calls.get(message.id);
    if (!call) return this.listeners.forEach((listener) => listener(message));
    this.calls.delete(message.id);
    if (message.error) call.reject(new Error(`${call.method}: ${message.error.message}`));
    else call.resolve(message.result);
  }

  send(method, params = {}) {
    const id = ++this.number;
    this.input.write(`${JSON.stringify({ id, method, params, sessionId: this.session })}\0`);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${method}: no answer`)), WAIT);
      const done = (then) => (value) => (clearTimeout(timer), then(value));
      this.calls.set(id, { method, resolve: done(resolve), reject: done(reject) });
    });
  }

  /** Makes the page, and notes what it complains of and what it asks the network for. */
  async begin() {
    const { targetId } = await this.send("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await this.send("Target.attachToTarget", { targetId, flatten: true });
    this.session = sessionId;
    this.complaints = [];
    this.requests = [];
    this.listeners.push(({ method, params }) => {
      if (method === "Runtime.exceptionThrown") {
        this.complaints.push(params.exceptionDetails.exception?.description || params.exceptionDetails.text);
      } else if (method === "Log.entryAdded") this.complaints.push(params.entry.text);
      else if (method === "Runtime.consoleAPICalled") {
        this.complaints.push(params.args.map((value) => value.value).join(" "));
      } else if (method === "Network.requestWillBeSent") this.requests.push(params.request.url);
    });
    for (const domain of ["Page", "Runtime", "Log", "Network"]) await this.send(`${domain}.enable`);
    return this;
  }

  async size(width, height) {
    await this.send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: false });
  }

  /** Emulates a colour scheme, and a medium. */
  async media(scheme, media = "") {
    const features = [{ name: "prefers-color-scheme", value: scheme }];
    await this.send("Emulation.setEmulatedMedia", { media, features });
  }

  async scripts(isOn) {
    await this.send("Emulation.setScriptExecutionDisabled", { value: !isOn });
  }

  once(wanted) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${wanted} didn't come`)), WAIT);
      const listener = ({ method, params }) => {
        if (method !== wanted) return;
        clearTimeout(timer);
        this.listeners.splice(this.listeners.indexOf(listener), 1);
        resolve(params);
      };
      this.listeners.push(listener);
    });
  }

  /** Opens a file, or what is behind `#` of the open one; returns how many ms that took. */
  async open(url) {
    // A link within the page that is open would load nothing.
    const left = this.once("Page.loadEventFired");
    await this.send("Page.navigate", { url: "about:blank" });
    await left;
    this.complaints.length = 0;
    this.requests.length = 0;
    const loaded = this.once("Page.loadEventFired");
    const began = Date.now();
    await this.send("Page.navigate", { url });
    await loaded;
    return Date.now() - began;
  }

  /** The value of an expression in the page; waits for promises. */
  async value(expression) {
    const answer = await this.send("Runtime.evaluate", {
      expression, returnByValue: true, awaitPromise: true, userGesture: true,
    });
    if (answer.exceptionDetails) {
      throw new Error(`${expression}: ${answer.exceptionDetails.exception?.description}`);
    }
    return answer.result.value;
  }

  /** Until the page has drawn what it was to draw. */
  settle() {
    return this.value("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))");
  }

  async mouse(type, x, y, more = {}) {
    await this.send("Input.dispatchMouseEvent", { type, x, y, ...more });
  }

  async click(x, y) {
    const button = { button: "left", clickCount: 1 };
    await this.mouse("mousePressed", x, y, button);
    await this.mouse("mouseReleased", x, y, button);
    await this.settle();
  }

  async key(key, more = {}) {
    const text = key.length === 1 ? key : undefined;
    await this.send("Input.dispatchKeyEvent", { type: "keyDown", key, text, ...more });
    await this.send("Input.dispatchKeyEvent", { type: "keyUp", key, ...more });
    await this.settle();
  }

  /** A picture of the window as PNG, or of a part of it. */
  async picture(clip) {
    const { data } = await this.send("Page.captureScreenshot", { format: "png", clip });
    return Buffer.from(data, "base64");
  }

  async print() {
    const { data } = await this.send("Page.printToPDF", { printBackground: true, landscape: true });
    return Buffer.from(data, "base64");
  }

  async end() {
    const gone = new Promise((done) => this.process.once("exit", done));
    this.session = undefined;
    this.send("Browser.close").catch(() => {});
    await gone;
    rmSync(this.profile, { recursive: true, force: true });
  }
}
