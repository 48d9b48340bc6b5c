#!/usr/bin/env python3
"""Measures well-known forecasts on the days that `cafe backtest` scores.

It prints the error of each over that of "the same as this weekday last week": the mean of
|expected - sold| per item and day, one day ahead, each forecast made anew every day from
all days before. It is no part of CI: the packages are large, and the whole takes minutes.

    python3 -m venv env && env/bin/pip install -r tools/peers/requirements.txt
    env/bin/python tools/peers/peers.py [--full]

The peers want a number for every day. A closed day gets that of the same weekday a week
before, and is not scored. The sales are looked for in ../shared/data.
"""
import argparse
import csv
import datetime
import json
import os
import pathlib
import subprocess
import warnings

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data"

CAFES = {
    "bakery": dict(sales="boulangerie.csv", menu="boulangerie-menu.csv", zone="Europe/Paris", date="date", item="article", quantity="quantity"),
    "café": dict(sales="BreadBasket_DMS.csv", menu="menu.csv", zone="Europe/London", date="Date", item="Item", quantity=None),
}

# Name, café, first and last day, how many best sellers (0: all), only with --full.
PERIODS = [
    ("bakery, season's end, 12 items", "bakery", "2022-08-27", "2022-09-30", 12, False),
    ("bakery, season's end, 60 items", "bakery", "2022-08-27", "2022-09-30", 60, True),
    ("café, five weeks of spring", "café", "2017-03-05", "2017-04-09", 0, False),
    ("bakery, 2022, 12 items", "bakery", "2022-01-01", "2022-09-30", 12, True),
]


def read(cafe):
    """Returns the first day, and by item its sales of every day; closed days are None."""
    c = CAFES[cafe]
    with open(DATA / c["menu"], newline="") as f:
        names = {r["name"].lower(): r["sku"] for r in csv.DictReader(f) if r["counted"] == "true"}
    sold, opened = {}, set()
    with open(DATA / c["sales"], newline="") as f:
        for r in csv.DictReader(f):
            day = datetime.date.fromisoformat(r[c["date"]])
            if r.get("Time", "").startswith("1:"):
                day -= datetime.timedelta(1)  # the business day turns at four
            if r[c["item"]] in ("NONE", "Adjustment"):
                continue
            opened.add(day)
            sku = names.get(r[c["item"]].lower())
            if sku:
                of = sold.setdefault(sku, {})
                of[day] = of.get(day, 0) + int(r[c["quantity"]] if c["quantity"] else 1)
    first, last = min(opened), max(opened)
    days = [first + datetime.timedelta(n) for n in range((last - first).days + 1)]
    best = sorted(sold, key=lambda s: (-sum(sold[s].values()), s))
    return first, {s: [sold[s].get(d, 0) if d in opened else None for d in days] for s in best}


def filled(series):
    full = []
    for i, n in enumerate(series):
        full.append(float(n) if n is not None else (full[i - 7] if i >= 7 else 0.0))
    return full


def models():
    from statsforecast.models import AutoCES, AutoETS, SeasonalWindowAverage
    return {
        "AutoETS": lambda: AutoETS(season_length=7),
        "CES": lambda: AutoCES(season_length=7),
        "SeasonalWindowAverage(4)": lambda: SeasonalWindowAverage(season_length=7, window_size=4),
    }


def measure(cafe, start, end, items):
    import numpy

    first, sold = read(cafe)
    begin = (datetime.date.fromisoformat(start) - first).days
    stop = (datetime.date.fromisoformat(end) - first).days
    series = list(sold.values())[: items or None]
    error, naive = {}, 0
    for s in series:
        history = filled(s)
        for t in range(begin, stop + 1):
            if s[t] is None or s[t - 7] is None:
                continue
            naive += abs(s[t] - s[t - 7])
            for name, make in models().items():
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    try:
                        said = make().forecast(y=numpy.array(history[:t]), h=1)["mean"][0]
                    except Exception:  # a series of zeros: some models refuse it
                        said = history[t - 7]
                error[name] = error.get(name, 0) + abs(max(0, round(float(said))) - s[t])
    return {name: e / naive for name, e in error.items()}


def ours(cafe, start, end, items):
    c = CAFES[cafe]
    args = ["go", "run", "./cmd/cafe", "backtest", "-json", "-menu", str(DATA / c["menu"]), "-from", start, "-to", end]
    args += ["-items", str(items)] if items else []
    env = dict(os.environ, CAFE_TIME_ZONE=c["zone"])
    out = subprocess.run(args + [str(DATA / c["sales"])], cwd=ROOT, env=env, check=True, capture_output=True, text=True)
    e = json.loads(out.stdout)["all"]["error"]
    return {"this forecast": e["forecast"] / e["last_week"], "seasonal median": e["median"] / e["last_week"], "former forecast": e["former"] / e["last_week"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="the long periods, too: half an hour more")
    options = parser.parse_args()
    if not DATA.is_dir():
        raise SystemExit(f"the sales are not here: {DATA}")
    for name, cafe, start, end, items, long in PERIODS:
        if long and not options.full:
            continue
        print(name)
        figures = ours(cafe, start, end, items) | measure(cafe, start, end, items)
        for model, ratio in sorted(figures.items(), key=lambda f: f[1]):
            print(f"  {model:26} {ratio:.2f}", flush=True)


if __name__ == "__main__":
    main()
