"""Listens with PyPI's httpx-sse. .ci/events.d/play.py calls it."""
import json
import sys
import time

import httpx
from httpx_sse import connect_sse

url, token, file = sys.argv[1:]
last = ""
with open(file, "a", buffering=1) as out, httpx.Client(timeout=30) as client:
    while True:
        headers = {"Authorization": f"Bearer {token}"}
        if last:
            headers["Last-Event-ID"] = last
        try:
            with connect_sse(client, "GET", url, headers=headers) as source:
                source.response.raise_for_status()
                for sse in source.iter_sse():
                    last = sse.id or last
                    if sse.event == "resync":
                        sys.exit("httpx-sse: resync")
                    if sse.event != "message":
                        continue
                    event = json.loads(sse.data)
                    out.write(f"{event['id']} {event['subject']} {event['version']} {event['type']}\n")
                    if event["subject"] == "/menu/the-end":
                        sys.exit(0)
        except httpx.TransportError:
            time.sleep(0.05)
