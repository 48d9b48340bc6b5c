#!/usr/bin/env python3
"""An independent model of what an order costs, in exact fractions.

It reads a JSON value a line on standard input: a case of a pricing document, a menu and
an order. It writes what the order costs as a JSON value a line. It was written from the
contract's five steps and shares nothing with the Go code. The test TestPythonAgrees in
model/pricing compares the two.
"""

import json
import sys
from datetime import datetime, timedelta
from fractions import Fraction
from math import floor

CUTOFF = timedelta(hours=4)
DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def rounded(x, how):
    """Rounds a fraction of at least 0 to a whole number."""
    whole = floor(x)
    rest = x - whole
    if how == "down" or rest < Fraction(1, 2):
        return whole
    if rest > Fraction(1, 2) or how != "half_even":
        return whole + 1
    return whole if whole % 2 == 0 else whole + 1


def whole_shares(exact, total):
    """Rounds shares so that they add up to total: largest remainder, then the earlier."""
    shares = [floor(x) for x in exact]
    order = sorted(range(len(exact)), key=lambda i: (shares[i] - exact[i], i))
    for i in order[: total - sum(shares)]:
        shares[i] += 1
    assert sum(shares) == total
    return shares


def percent(text):
    return Fraction(text) / 100


def minutes(text):
    hours, mins = text.split(":")
    return int(hours) * 60 + int(mins)


def is_open(offer, case):
    if offer.get("roles") and case["role"] not in offer["roles"]:
        return False
    at = datetime.fromisoformat(case["at"].replace("Z", "+00:00"))
    day = (at - CUTOFF).date()
    if offer.get("days") and DAYS[day.weekday()] not in offer["days"]:
        return False
    if offer.get("starts_on") and day.isoformat() < offer["starts_on"]:
        return False
    if offer.get("ends_on") and day.isoformat() > offer["ends_on"]:
        return False
    # Minutes since the business day began make every span that does not hold the
    # cutoff a plain interval.
    cutoff = int(CUTOFF.total_seconds()) // 60
    since = lambda m: (m - cutoff) % 1440
    now = since(at.hour * 60 + at.minute)
    start = since(minutes(offer["from"])) if offer.get("from") else 0
    end = since(minutes(offer["to"])) if offer.get("to") else 1440
    if offer.get("to") and end == 0:
        end = 1440
    if start < end:
        return start <= now < end
    return now >= start or now < end


def find_discounts(case, items):
    """Returns the discounts in the order of their kinds, and the codes at fault."""
    found, good = [], set()
    codes = [c.upper() for c in case["codes"]]
    for offer in case["document"]["offers"]:
        code = offer.get("code", "").upper()
        if code and code not in codes or not is_open(offer, case):
            continue
        lines = None
        if offer.get("skus") or offer.get("categories"):
            wanted = [c.lower() for c in offer.get("categories", [])]
            lines = [
                i
                for i, line in enumerate(case["lines"])
                if line["sku"] in offer.get("skus", []) or items[line["sku"]]["category"].lower() in wanted
            ]
            if not lines:
                continue
        good.add(code)
        found.append((offer["id"], offer.get("percent"), offer.get("amount", 0), lines))
    faults = [i for i, c in enumerate(codes) if c not in good or c in codes[:i]]
    for given in case["discounts"]:
        found.append(("", given.get("percent"), given.get("amount", 0), given.get("lines")))
    kind = lambda d: (0 if d[1] else 1, 0 if d[3] is not None else 1)
    return sorted(found, key=kind), faults


def price(case):
    items = {item["sku"]: item for item in case["items"]}
    document = case["document"]
    how = document.get("rounding", "half_up")
    totals = []
    for line in case["lines"]:
        item = items[line["sku"]]
        options = {o["id"]: o["price"] for o in item["options"]}
        totals.append(line["quantity"] * (item["price"] + sum(options[o] for o in line["options"])))
    discounts, faults = find_discounts(case, items)
    if faults:
        return {"faults": faults}

    left = list(totals)
    taken = []
    for name, pct, amount, lines in discounts:
        of = range(len(left)) if lines is None else lines
        base = sum(left[i] for i in of)
        take = rounded(base * percent(pct), how) if pct else min(amount, base)
        if base:
            shares = whole_shares([Fraction(take * left[i], base) for i in of], take)
            for i, share in zip(of, shares):
                left[i] -= share
        taken.append([name, take])

    dining = case["dining"]
    parts = [(left[i], items[line["sku"]].get("tax_class") or "standard") for i, line in enumerate(case["lines"])]
    charges = []
    for charge in document["charges"]:
        if charge.get("dining") and dining not in charge["dining"]:
            continue
        amount = rounded(sum(left) * percent(charge["percent"]), how)
        charges.append([charge["id"], amount])
        parts.append((amount, charge.get("tax_class") or "standard"))

    applies = lambda tax, kind: any(a["class"] == kind and a.get("dining", dining) == dining for a in tax["applies"])
    bears = [[tax for tax in document["taxes"] if applies(tax, kind)] for _, kind in parts]
    inclusive = [sum(percent(tax["rate"]) for tax in taxes if tax["inclusive"]) for taxes in bears]
    shares_of = [[] for _ in parts]
    amounts = {}
    for tax in document["taxes"]:
        on = [p for p, taxes in enumerate(bears) if tax in taxes]
        if not on:
            continue
        exact = [parts[p][0] * percent(tax["rate"]) / (1 + inclusive[p]) for p in on]
        amounts[tax["id"]] = rounded(sum(exact), how)
        for p, share in zip(on, whole_shares(exact, amounts[tax["id"]])):
            shares_of[p].append([tax["id"], share, tax["inclusive"]])
    taxes = []
    for tax in document["taxes"]:
        if tax["id"] not in amounts:
            continue
        net = 0
        for p, shares in enumerate(shares_of):
            if any(s[0] == tax["id"] for s in shares):
                net += parts[p][0] - sum(s[1] for s in shares if s[2])
        taxes.append([tax["id"], net, amounts[tax["id"]]])
    extra = sum(amounts[tax["id"]] for tax in document["taxes"] if tax["id"] in amounts and not tax["inclusive"])
    plain = lambda shares: [[s[0], s[1]] for s in shares]
    n = len(totals)
    return {
        "subtotal": sum(totals),
        "discounts": taken,
        "charges": [c + [plain(s)] for c, s in zip(charges, shares_of[n:])],
        "taxes": taxes,
        "lines": [[totals[i] - left[i], plain(shares_of[i])] for i in range(n)],
        "total": sum(left) + sum(c[1] for c in charges) + extra + case["tip"],
    }


def main():
    for line in sys.stdin:
        print(json.dumps(price(json.loads(line)), separators=(",", ":")))


if __name__ == "__main__":
    main()
