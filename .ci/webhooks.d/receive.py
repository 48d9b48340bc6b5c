"""An endpoint that verifies what it gets with the library of PyPI, and keeps it for others.

It refuses the first delivery of each order's first event, so that the café tries again.
"""

import datetime
import http.server
import json
import sys
import threading
import time
import urllib.request

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

cafe, owner, keep = sys.argv[1:]
got, refused, failures = [], set(), []
secrets = []


def call(method, path, body=None):
    request = urllib.request.Request(
        cafe + path, method=method, data=json.dumps(body).encode() if body is not None else None,
        headers={"Authorization": "Bearer " + owner, "Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.loads(answer.read() or b"null")


def verifies(secret, body, headers):
    try:
        Webhook(secret).verify(body, headers)
        return True
    except WebhookVerificationError:
        return False


class Receiver(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {k.lower(): v for k, v in self.headers.items() if k.lower().startswith("webhook-")}
        for secret in secrets[:]:
            if not verifies(secret, body, headers):
                failures.append("a delivery was refused: %s" % headers)
            if verifies(secret, body + b" ", headers):
                failures.append("an altered body was taken")
            if verifies("whsec_" + "MfKQ" * 8, body, headers):
                failures.append("a delivery signed by somebody else was taken")
            old = dict(headers, **{"webhook-timestamp": str(int(time.time()) - 360)})
            if verifies(secret, body, old):
                failures.append("an old timestamp was taken")
            replayed = Webhook(secret).sign(headers["webhook-id"], datetime.datetime.now(tz=datetime.timezone.utc) - datetime.timedelta(minutes=6), body.decode())
            if verifies(secret, body, dict(old, **{"webhook-signature": replayed})):
                failures.append("a replayed delivery was taken")
        event = json.loads(body)
        if event["id"] != headers["webhook-id"]:
            failures.append("the ids differ")
        status = 204
        if event["type"] == "order.placed" and event["id"] not in refused:
            refused.add(event["id"])
            status = 503
        else:
            got.append({"body": body.decode(), "headers": headers, "secret": secrets[-1]})
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
threading.Thread(target=server.serve_forever, daemon=True).start()
hook = call("POST", "/webhooks", {"url": "http://127.0.0.1:%d/hook" % server.server_port})
secrets.append(hook["secret"])
orders = [call("POST", "/orders", {"lines": [{"sku": "latte", "quantity": 1}]})["id"] for _ in range(3)]
for order in orders:
    call("PUT", "/orders/%s/status" % order, {"status": "preparing"})


def types(order):
    seen = []
    for d in got:
        event = json.loads(d["body"])
        if event["subject"] == "/orders/" + order and event["type"] not in seen:
            seen.append(event["type"])
    return seen


def eventually(what, holds):
    for _ in range(400):
        if holds():
            return
        time.sleep(0.1)
    sys.exit("webhooks: still not: %s; got %s" % (what, [json.loads(d["body"]) for d in got]))


for order in orders:
    eventually("both events of %s, in their order" % order, lambda: "order.placed" in types(order) and "order.preparing" in types(order))
    if types(order).index("order.placed") > types(order).index("order.preparing"):
        failures.append("out of order: %s" % types(order))
# After a rotation both secrets verify.
secrets.append(call("POST", "/webhooks/%s/rotate" % hook["id"])["secret"])
test = call("POST", "/webhooks/%s/test" % hook["id"])["event_id"]
eventually("the test event", lambda: any(d["headers"]["webhook-id"] == test for d in got))
if len(got[-1]["headers"]["webhook-signature"].split()) != 2:
    failures.append("one signature after a rotation")
json.dump(got, open(keep, "w"))
if failures:
    sys.exit("webhooks: " + "; ".join(sorted(set(failures))))
print("PyPI: %d deliveries verified, %d refused at first and sent again" % (len(got), len(refused)))
