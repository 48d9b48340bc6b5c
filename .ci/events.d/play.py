"""The play of .ci/events: a café, a proxy that cuts connections, clients, and who orders."""
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

work, cuts_wanted, browser = sys.argv[1], int(sys.argv[2]), sys.argv[3]
here = os.path.dirname(os.path.abspath(__file__))
kills_wanted = 3


def fail(text):
    sys.exit("events: " + text)


class Cafe:
    """A café that can be killed and opened again, at the same address."""

    def __init__(self):
        self.address = "127.0.0.1:0"
        self.open()

    def open(self):
        environment = dict(os.environ, CAFE_THROTTLE_RATE="5000", CAFE_THROTTLE_BURST="5000")
        with open(f"{work}/log", "a") as log:
            self.process = subprocess.Popen(
                [f"{work}/cafe", "serve", "-addr", self.address, "-data", f"{work}/data"],
                stdout=subprocess.PIPE, stderr=log, text=True, env=environment)
        for line in self.process.stdout:
            if line.startswith("listening on "):
                self.url = line.split()[-1]
                self.address = self.url.removeprefix("http://")
                # What it prints later is nobody's business, but the pipe must not fill up.
                threading.Thread(target=self.process.stdout.read, daemon=True).start()
                return
        fail("the café did not open")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


cafe = Cafe()
token = subprocess.run([f"{work}/cafe", "token", "-data", f"{work}/data", "-role", "owner"],
                       check=True, capture_output=True, text=True).stdout.strip()


def call(method, path, body=None, **headers):
    """Calls until the café answers: it may be away for a moment."""
    for _ in range(200):
        request = urllib.request.Request(cafe.url + path, method=method, data=body and json.dumps(body).encode())
        for name, value in {"Authorization": f"Bearer {token}", "Accept": "application/json", **headers}.items():
            request.add_header(name.replace("_", "-"), value)
        if body:
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as e:
            if e.code not in (409, 429, 503):
                fail(f"{method} {path}: {e.code} {e.read()}")
            if e.code == 409:
                return None
        except (OSError, ValueError):
            pass
        time.sleep(0.05)
    fail(f"{method} {path}: no answer")


class Cutter:
    """A proxy that cuts connections after a random number of bytes. It adds the token."""

    def __init__(self):
        self.cuts, self.cutting, self.lock = 0, True, threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, client):
        with client:
            try:
                self.forward(client)
            except OSError:
                pass

    def forward(self, client):
        head = b""
        while b"\r\n\r\n" not in head:
            more = client.recv(4096)
            if not more:
                return
            head += more
        lines = head.split(b"\r\n\r\n")[0].split(b"\r\n")
        if not lines[0].startswith(b"GET /events"):
            page = b"<!doctype html><title>Listening</title>"
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(page) + page)
            return
        kept = [line for line in lines if not line.lower().startswith((b"authorization:", b"connection:"))]
        kept += [b"Authorization: Bearer " + token.encode(), b"Connection: close"]
        host, port = cafe.address.split(":")
        left = random.randrange(1, 6000)
        with socket.create_connection((host, int(port)), timeout=30) as upstream:
            upstream.sendall(b"\r\n".join(kept) + b"\r\n\r\n")
            while True:
                data = upstream.recv(4096)
                if not data:
                    return
                if self.cutting and len(data) >= left:
                    client.sendall(data[:left])
                    # A reset, where a close would look like an end.
                    if random.random() < 0.5:
                        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                    with self.lock:
                        self.cuts += 1
                    return
                left -= len(data)
                client.sendall(data)


cutter = Cutter()
begin = call("GET", "/events")["next_cursor"]
origin = f"http://127.0.0.1:{cutter.port}"
url = f"{origin}/events?after={begin}"
clients, files = [], []


def start(name, *command):
    with open(f"{work}/{name}.err", "w") as errors:
        clients.append((name, subprocess.Popen(command, stderr=errors, stdout=errors)))


for i in range(6):
    files.append(f"{work}/eventsource-{i}")
    start(f"npm eventsource {i}", "node", f"{here}/client.js", url, token, files[-1])
for i in range(4):
    files.append(f"{work}/httpx-sse-{i}")
    start(f"httpx-sse {i}", sys.executable, f"{here}/client.py", url, token, files[-1])
for i in range(4):
    files.append(f"{work}/go-sse-{i}")
    start(f"go-sse {i}", f"{work}/go-client", url, token, files[-1])
pages = [f"{work}/chromium-{i}" for i in range(3)]
files += pages
start("chromium", "node", f"{here}/browser.js", origin, begin, browser, *pages)

began, kills, orders, over = time.time(), 0, [], False


def sell(who):
    """Places orders and moves them, until it is over."""
    n = 0
    while not over:
        n += 1
        order = call("POST", "/orders", {"lines": [{"sku": "latte", "quantity": 1}]}, Idempotency_Key=f"{who}-{n}")
        orders.append(order["id"])
        for status in ("preparing", "ready", "collected")[: n % 4]:
            call("PUT", f"/orders/{order['id']}/status", {"status": status})
        time.sleep(0.05)


sellers = [threading.Thread(target=sell, args=(f"seller{i}",)) for i in range(2)]
for seller in sellers:
    seller.start()
while cutter.cuts < cuts_wanted:
    time.sleep(0.2)
    for name, process in clients:
        if process.poll() is not None:
            over = True
            fail(f"{name} ended: {open(f'{work}/{name}.err').read()}")
    if time.time() - began > 900:
        over = True
        fail(f"only {cutter.cuts} cuts in a quarter of an hour")
    if kills < kills_wanted and cutter.cuts > (kills + 1) * cuts_wanted / (kills_wanted + 1):
        cafe.kill()
        cafe.open()
        kills += 1
over = True
for seller in sellers:
    seller.join()
cutter.cutting = False
call("PUT", "/menu/the-end", {"name": "The end", "price": 1})
for name, process in clients:
    try:
        code = process.wait(120)
    except subprocess.TimeoutExpired:
        fail(f"{name} does not end: {open(f'{work}/{name}.err').read()}")
    if code != 0:
        fail(f"{name}: {open(f'{work}/{name}.err').read()}")


def distinct(told):
    """Leaves out what was told before, and wants each subject's versions in their order."""
    seen, last, kept = set(), {}, []
    for event, subject, version, kind in told:
        if event in seen:
            continue
        seen.add(event)
        if version < last.get(subject, 0):
            fail(f"{subject}: version {version} came after {last[subject]}")
        last[subject] = version
        kept.append(event)
    return kept


logged, cursor = [], begin
while True:
    page = call("GET", f"/events?after={cursor}")
    if not page["events"]:
        break
    logged += [(e["id"], e["subject"], e["version"], e["type"]) for e in page["events"]]
    cursor = page["next_cursor"]
want = distinct(logged)
placed = {e[1] for e in logged if e[3] == "order.placed"}
if placed != {f"/orders/{order}" for order in orders}:
    fail(f"the log tells of {len(placed)} orders, and {len(set(orders))} were placed")
for file in files:
    told = []
    for line in open(file):
        event, subject, version, kind = line.split()
        told.append((event, subject, int(version), kind))
    got = distinct(told)
    if got != want:
        fail(f"{os.path.basename(file)} heard of {len(got)} events, want the {len(want)} of the log in their order")
cafe.process.send_signal(signal.SIGTERM)
cafe.process.wait(10)
print(f"{len(files)} clients heard each of {len(want)} events once and in order, over {cutter.cuts} cuts and {kills} kills, "
      f"in {time.time() - began:.0f} s")
