// Has AsyncAPI's own parser read the document, references and examples too. .ci/events calls it.
"use strict";
const { Parser, fromFile } = require("@asyncapi/parser");

(async () => {
  const { document, diagnostics } = await fromFile(new Parser(), process.argv[2]).parse();
  // Few tools know 3.1 yet.
  const left = diagnostics.filter((d) => d.code !== "asyncapi-latest-version");
  for (const d of left) console.error(`${d.code} at ${d.path.join("/")}: ${d.message}`);
  if (!document || left.length > 0) process.exit(1);
  console.log(`asyncapi.json: AsyncAPI ${document.version()}, ${document.messages().length} messages, no finding`);
})();
