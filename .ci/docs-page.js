// Looks at the page at /docs in Chromium. .ci/docs-page calls it.
"use strict";
const assert = require("node:assert/strict");
const fs = require("node:fs");
const puppeteer = require("puppeteer-core");

const [browserPath, url, axePath, pictures] = process.argv.slice(2);
const axe = fs.readFileSync(axePath, "utf8");
const screens = { wide: { width: 1280, height: 900 }, phone: { width: 390, height: 844, isMobile: true, hasTouch: true } };

async function look(browser, screen, scheme) {
  const page = await browser.newPage();
  const troubles = [];
  page.on("console", (m) => m.type() === "error" && !/status of 4\d\d/.test(m.text()) && troubles.push(m.text()));
  page.on("pageerror", (e) => troubles.push(String(e)));
  page.on("request", (r) => new URL(r.url()).origin === url || troubles.push(`asked for ${r.url()}`));
  await page.setViewport(screens[screen]);
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  const answer = await page.goto(`${url}/docs`);
  assert.match(answer.headers()["content-security-policy"], /default-src 'none'.*script-src 'sha256-/);
  assert.ok(answer.status() === 304 || answer.headers()["content-encoding"] === "gzip");

  // Each of the reader's tools, so that axe sees them too.
  assert.equal(await page.$$eval("pre", (all) => all.every((pre) => pre.nextElementSibling.textContent === "Copy")), true, "copy buttons");
  await page.type("#token", process.env.TOKEN);
  const tryIt = async (id) => {
    await page.$eval(`#${id} button[aria-label^="Try it"]`, (b) => b.click());
    await page.$eval(`#${id} form`, (f) => f.requestSubmit());
    await page.waitForFunction((id) => /^\d/.test(document.querySelector(`#${id} form pre`).textContent), {}, id);
    return page.$eval(`#${id} form pre`, (pre) => pre.textContent);
  };
  assert.match(await tryIt("placeOrder"), /^201 [^]*"status": "placed"/);
  assert.match(await tryIt("getOrder"), /^200 [^]*"status": "placed"/);
  assert.match(await tryIt("amendOrder"), /^200 [^]*"version": 2/);
  assert.match(await tryIt("deleteOrder"), /^204 /);

  await page.$eval("#deleteOrder", (e) => e.scrollIntoView());
  await page.waitForFunction(() => document.querySelector("nav [aria-current]")?.hash === "#deleteOrder");
  assert.equal(await page.$$eval("nav [aria-current]", (all) => all.length), 1);

  // axe sees no more than what is shown.
  if (screen === "phone") await page.$eval("nav details", (d) => (d.open = true));
  await page.$$eval("main details", (all) => all.forEach((d) => (d.open = true)));
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run());
  assert.deepEqual(violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map((n) => n.html + " " + n.failureSummary).join("; ")}`), [], `${screen} ${scheme}`);
  const wider = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.equal(wider, 0, "the page is wider than the screen");

  await page.type("#search", "idempotency tab");
  const found = () => page.$$eval("article", (all) => all.filter((a) => !a.hidden).map((a) => a.id));
  assert.ok((await found()).includes("takePayment") && !(await found()).includes("getHealth"), `found ${await found()}`);
  if (pictures) await page.screenshot({ path: `${pictures}/${screen}-${scheme}-search.png` });
  await page.focus("#search");
  await page.keyboard.press("Escape");
  assert.ok((await found()).includes("getHealth"));
  if (pictures) {
    if (screen === "phone") await page.$eval("nav details", (d) => (d.open = false));
    for (const id of ["top", "placeOrder"]) {
      await page.$eval("#" + id, (e) => e.scrollIntoView());
      await new Promise((done) => setTimeout(done, 200));
      await page.screenshot({ path: `${pictures}/${screen}-${scheme}-${id}.png` });
    }
  }
  assert.deepEqual(troubles, []);
  await page.close();
}

(async () => {
  const browser = await puppeteer.launch({ executablePath: browserPath, args: ["--no-sandbox"] });
  try {
    await browser.defaultBrowserContext().overridePermissions(url, ["clipboard-read", "clipboard-write"]);
    for (const screen of Object.keys(screens)) for (const scheme of ["light", "dark"]) await look(browser, screen, scheme);
    const page = await browser.newPage();
    await page.goto(`${url}/docs`);
    await page.bringToFront();
    await page.click("#getHealth .copy");
    await page.waitForFunction(() => document.querySelector("#getHealth .copy").textContent === "Copied");
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), 'curl "$CAFE/health"');
  } finally {
    await browser.close();
  }
  console.log("axe found nothing; search, copy, the mark and Try it work");
})().catch((e) => {
  console.error(e);
  process.exit(1);
});
