// Listens with npm's eventsource. .ci/events.d/play.py calls it.
"use strict";
const fs = require("node:fs");
const { EventSource } = require("eventsource");

const [url, token, file] = process.argv.slice(2);
const source = new EventSource(url, {
  fetch: (input, init) => fetch(input, { ...init, headers: { ...init.headers, Authorization: `Bearer ${token}` } }),
});
source.onmessage = (message) => {
  const event = JSON.parse(message.data);
  fs.appendFileSync(file, `${event.id} ${event.subject} ${event.version} ${event.type}\n`);
  if (event.subject === "/menu/the-end") source.close();
};
source.addEventListener("resync", () => {
  console.error("eventsource: resync");
  process.exit(1);
});
