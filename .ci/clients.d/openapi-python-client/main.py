"""Places, reads, amends and cancels an order with the client that openapi-python-client makes."""

import os

from client import AuthenticatedClient
from client.api.orders import amend_order, get_order, place_order, put_order_status
from client.models import LineInput, Order, OrderInput, OrderPatch, Problem, Status, StatusInput

cafe = AuthenticatedClient(base_url=os.environ["CAFE"], token=os.environ["TOKEN"])
placed = place_order.sync(
    client=cafe,
    idempotency_key="openapi-python-client",
    body=OrderInput(lines=[LineInput(sku="latte", quantity=1, options=["oat"])], note="from openapi-python-client"),
)
assert isinstance(placed, Order), placed
got = get_order.sync_detailed(placed.id, client=cafe)
assert isinstance(got.parsed, Order) and got.parsed.total == placed.total, got
tag = got.headers["ETag"]
amended = amend_order.sync(placed.id, client=cafe, body=OrderPatch(note="amended"), if_match=tag)
assert isinstance(amended, Order) and amended.note == "amended" and amended.version == 2, amended
stale = amend_order.sync(placed.id, client=cafe, body=OrderPatch(note="amended"), if_match=tag)
assert isinstance(stale, Problem) and stale.status == 412, stale
cancelled = put_order_status.sync(placed.id, client=cafe, body=StatusInput(status=Status.CANCELLED))
assert isinstance(cancelled, Order) and cancelled.status == Status.CANCELLED, cancelled
print("placed, read, amended and cancelled", placed.id)
