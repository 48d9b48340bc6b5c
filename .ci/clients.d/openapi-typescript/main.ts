// Places, reads, amends and cancels an order with openapi-fetch and the types that
// openapi-typescript makes.
import createClient from "openapi-fetch";
import type { paths } from "./schema";

async function main() {
  const client = createClient<paths>({ baseUrl: process.env.CAFE!, headers: { Authorization: `Bearer ${process.env.TOKEN}` } });
  const placed = await client.POST("/orders", {
    params: { header: { "Idempotency-Key": "openapi-typescript" } },
    body: { lines: [{ sku: "latte", quantity: 1, options: ["oat"] }], note: "from openapi-typescript" },
  });
  if (!placed.data) throw new Error(`placed: ${placed.error.detail}`);
  const path = { id: placed.data.id };
  const got = await client.GET("/orders/{id}", { params: { path } });
  if (got.data?.total !== placed.data.total) throw new Error(`read: ${JSON.stringify(got)}`);
  const header = { "If-Match": got.response.headers.get("ETag")! };
  const amend = () =>
    client.PATCH("/orders/{id}", {
      params: { path, header },
      body: { note: "amended" },
      headers: { "Content-Type": "application/merge-patch+json" },
    });
  const amended = await amend();
  if (amended.data?.note !== "amended" || amended.data.version !== 2) throw new Error(`amended: ${JSON.stringify(amended)}`);
  const stale = await amend();
  if (stale.error?.type !== "/problems/precondition-failed") throw new Error(`amended with an old tag: ${JSON.stringify(stale)}`);
  const cancelled = await client.PUT("/orders/{id}/status", { params: { path }, body: { status: "cancelled" } });
  if (cancelled.data?.status !== "cancelled") throw new Error(`cancelled: ${JSON.stringify(cancelled)}`);
  console.log("placed, read, amended and cancelled", path.id);
}

main().catch((e) => {
  console.error(e);
  process.exit(1);
});
