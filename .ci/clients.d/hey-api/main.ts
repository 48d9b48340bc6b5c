// Places, reads, amends and cancels an order with the client that @hey-api/openapi-ts makes.
import { amendOrder, getOrder, placeOrder, putOrderStatus } from "./client";
import { client } from "./client/client.gen";

async function main() {
  client.setConfig({ baseUrl: process.env.CAFE!, auth: () => process.env.TOKEN! });
  const placed = await placeOrder({
    headers: { "Idempotency-Key": "hey-api" },
    body: { lines: [{ sku: "latte", quantity: 1, options: ["oat"] }], note: "from hey-api" },
  });
  if (!placed.data) throw new Error(`placed: ${JSON.stringify(placed.error)}`);
  const path = { id: placed.data.id };
  const got = await getOrder({ path });
  if (got.data?.total !== placed.data.total) throw new Error(`read: ${JSON.stringify(got)}`);
  const headers = { "If-Match": got.response!.headers.get("ETag")! };
  const amended = await amendOrder({ path, headers, body: { note: "amended" } });
  if (amended.data?.note !== "amended" || amended.data.version !== 2) throw new Error(`amended: ${JSON.stringify(amended)}`);
  const stale = await amendOrder({ path, headers, body: { note: "amended" } });
  if (stale.error?.type !== "/problems/precondition-failed") throw new Error(`amended with an old tag: ${JSON.stringify(stale)}`);
  const cancelled = await putOrderStatus({ path, body: { status: "cancelled" } });
  if (cancelled.data?.status !== "cancelled") throw new Error(`cancelled: ${JSON.stringify(cancelled)}`);
  console.log("placed, read, amended and cancelled", path.id);
}

main().catch((e) => {
  console.error(e);
  process.exit(1);
});
