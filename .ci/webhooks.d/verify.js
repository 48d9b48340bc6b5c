// Verifies recorded deliveries with the library of npm.
const fs = require("fs");
const { Webhook } = require("standardwebhooks");

const deliveries = JSON.parse(fs.readFileSync(process.argv[2]));
const verifies = (secret, body, headers) => {
  try {
    new Webhook(secret).verify(body, headers);
    return true;
  } catch {
    return false;
  }
};
for (const { body, headers, secret } of deliveries) {
  const old = String(Math.floor(Date.now() / 1000) - 360);
  const replayed = new Webhook(secret).sign(headers["webhook-id"], new Date(old * 1000), body);
  const wrong = [
    !verifies(secret, body, headers) && "a delivery was refused",
    verifies(secret, body + " ", headers) && "an altered body was taken",
    verifies("whsec_" + "MfKQ".repeat(8), body, headers) && "a delivery signed by somebody else was taken",
    verifies(secret, body, { ...headers, "webhook-timestamp": old, "webhook-signature": replayed }) && "a replayed delivery was taken",
  ].filter(Boolean);
  if (wrong.length > 0) {
    console.error(`webhooks: ${wrong.join("; ")}: ${body}`);
    process.exit(1);
  }
}
if (deliveries.length < 7) {
  console.error(`webhooks: only ${deliveries.length} deliveries`);
  process.exit(1);
}
console.log(`npm: ${deliveries.length} deliveries verified`);
