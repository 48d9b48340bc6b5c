// Listens with Chromium's own EventSource, in three pages. An EventSource cannot send a token:
// the pages' origin is the proxy of .ci/events.d/play.py, which adds it.
"use strict";
const fs = require("node:fs");
const puppeteer = require("puppeteer-core");

const [origin, after, browserPath, ...files] = process.argv.slice(2);
(async () => {
  const browser = await puppeteer.launch({ executablePath: browserPath, args: ["--no-sandbox"] });
  await Promise.all(files.map(async (file) => {
    const page = await browser.newPage();
    const over = new Promise((resolve, reject) => {
      page.exposeFunction("heard", (text) => {
        const event = JSON.parse(text);
        fs.appendFileSync(file, `${event.id} ${event.subject} ${event.version} ${event.type}\n`);
        if (event.subject === "/menu/the-end") resolve();
      });
      page.exposeFunction("resync", () => reject(new Error("browser: resync")));
    });
    await page.goto(`${origin}/page`);
    await page.evaluate((after) => {
      const source = new EventSource(`/events?after=${after}`);
      source.onmessage = (message) => window.heard(message.data);
      source.addEventListener("resync", () => window.resync());
    }, after);
    await over;
  }));
  await browser.close();
})().catch((e) => {
  console.error(e);
  process.exit(1);
});
