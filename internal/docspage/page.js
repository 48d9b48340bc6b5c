"use strict";
(() => {
  const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];
  const make = (tag, properties, ...content) => {
    const e = Object.assign(document.createElement(tag), properties);
    e.append(...content);
    return e;
  };
  for (const e of all("[data-script]")) e.hidden = false;
  const articles = all("article");
  const links = new Map(all("nav a").map((a) => [a.hash.slice(1), a]));

  // Copy.
  for (const pre of all("pre")) {
    const button = make("button", { type: "button", className: "copy", textContent: "Copy" });
    button.onclick = async () => {
      try {
        await navigator.clipboard.writeText(pre.textContent);
      } catch { // there is no clipboard without TLS, except on one's own machine
        getSelection().selectAllChildren(pre);
        document.execCommand("copy");
        getSelection().removeAllRanges();
      }
      button.textContent = "Copied";
      setTimeout(() => (button.textContent = "Copy"), 1500);
    };
    const box = make("div", { className: "box" });
    pre.replaceWith(box);
    box.append(pre, button);
  }

  // Search.
  const search = document.getElementById("search");
  const found = document.getElementById("found");
  const texts = articles.map((a) => a.textContent.toLowerCase());
  search.oninput = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let n = 0;
    articles.forEach((a, i) => {
      a.hidden = !words.every((w) => texts[i].includes(w));
      if (!a.hidden) n++;
      const link = links.get(a.id);
      if (link) link.parentNode.hidden = a.hidden;
    });
    for (const s of all("section")) {
      const inside = all("article", s);
      s.hidden = words.length > 0 && (inside.length ? inside.every((a) => a.hidden) : !words.every((w) => s.textContent.toLowerCase().includes(w)));
      const link = links.get(s.getAttribute("aria-labelledby"));
      if (link) link.closest("li").hidden = s.hidden;
    }
    found.textContent = words.length ? n + (n === 1 ? " entry" : " entries") : "";
  };
  addEventListener("keydown", (e) => {
    if (e.key === "/" && !/^(INPUT|TEXTAREA)$/.test(e.target.tagName)) {
      e.preventDefault();
      search.closest("details").open = true;
      search.focus();
    } else if (e.key === "Escape" && e.target === search) {
      search.value = "";
      search.oninput();
    }
  });

  // The entry that is being read.
  const nav = document.querySelector("nav");
  nav.firstElementChild.open = getComputedStyle(nav).position === "sticky";
  let current, waiting;
  const mark = () => {
    waiting = false;
    let at;
    for (const [id, link] of links) {
      const e = document.getElementById(id);
      if (e && !e.closest("[hidden]") && e.getBoundingClientRect().top < innerHeight / 4) at = link;
    }
    if (at === current) return;
    if (current) current.removeAttribute("aria-current");
    current = at;
    if (!at) return;
    at.setAttribute("aria-current", "location");
    const place = at.getBoundingClientRect(), frame = nav.getBoundingClientRect();
    if (place.top < frame.top || place.bottom > frame.bottom) nav.scrollTop += place.top - frame.top - frame.height / 2;
  };
  const soon = () => waiting || (waiting = !!requestAnimationFrame(mark));
  addEventListener("scroll", soon, { passive: true });
  addEventListener("resize", soon);
  mark();
  nav.onclick = (e) => {
    if (e.target.closest("a") && getComputedStyle(nav).position !== "sticky") nav.firstElementChild.open = false;
  };

  // Try it: a form made of the curl line.
  const kept = {};
  const fill = (s) => s.replace("$(date +%s%N)", Date.now()).replace(/\$(\w+)/g, (name, n) => kept[n] || name);
  const parse = (line) => {
    const words = line.match(/'(?:[^']|'\\'')*'|"[^"]*"|[^\s'"]+/g).map((w) => (/^['"]/.test(w) ? w.slice(1, -1).replaceAll("'\\''", "'") : w));
    const after = (option) => words.filter((_, i) => words[i - 1] === option);
    return {
      keeps: (/^(\w+)=\$/.exec(line) || [])[1],
      method: after("-X")[0] || "GET",
      path: words.find((w) => w.startsWith("$CAFE")).slice(5),
      headers: after("-H").map((h) => h.split(/: (.*)/s)),
      body: after("-d")[0],
    };
  };
  const send = async (call, path, headers, body) => {
    const answer = await fetch(new URL("." + path, new URL(".", location.href)), { method: call.method, headers, body, cache: "no-store" });
    let text = await answer.text();
    if (/json/.test(answer.headers.get("Content-Type"))) {
      const value = JSON.parse(text);
      text = JSON.stringify(value, null, 2);
      if (answer.ok && call.keeps) kept[call.keeps] = value.id;
    }
    const shown = ["ETag", "Location", "Retry-After"].filter((h) => answer.headers.get(h)).map((h) => `${h}: ${answer.headers.get(h)}\n`);
    return `${answer.status} ${answer.statusText}\n${shown.join("")}\n${text.length > 20000 ? text.slice(0, 20000) + "…" : text}`;
  };
  const form = (line) => {
    const call = parse(line);
    const field = (name, input) => {
      const label = make("label", {}, make("span", { textContent: name }), input);
      return { name, label, input };
    };
    const path = field(call.method, make("input", { value: fill(call.path), spellcheck: false }));
    const headers = call.headers.filter(([n]) => n !== "Authorization").map(([n, v]) => field(n, make("input", { value: fill(v), spellcheck: false })));
    const fields = [path, ...headers];
    if (call.body) fields.push(field("Body", make("textarea", { value: call.body, rows: call.body.split("\n").length, spellcheck: false })));
    const result = make("pre", { tabIndex: 0, hidden: true });
    result.setAttribute("aria-live", "polite");
    const f = make("form", { className: "try" }, ...fields.map((x) => x.label), make("button", { textContent: "Send" }), result);
    f.onsubmit = async (e) => {
      e.preventDefault();
      result.hidden = false;
      const to = fill(path.input.value);
      if (to.includes("$")) {
        result.textContent = "Send the call that creates it first: its id belongs in the path.";
        return;
      }
      const sent = Object.fromEntries(headers.map((h) => [h.name, fill(h.input.value)]).filter(([, v]) => v));
      const token = document.getElementById("token").value.trim();
      if (token && call.headers.some(([n]) => n === "Authorization")) sent.Authorization = "Bearer " + token;
      result.textContent = "…";
      try {
        result.textContent = await send(call, to, sent, call.body && fields.at(-1).input.value);
      } catch (error) {
        result.textContent = String(error);
      }
    };
    return f;
  };
  for (const pre of all("pre.line")) {
    const button = make("button", { type: "button", textContent: "Try it" });
    button.setAttribute("aria-label", "Try it: " + pre.closest("article").querySelector("h3").textContent);
    button.onclick = () => {
      const f = form(pre.textContent);
      button.replaceWith(f);
      f.querySelector("input").focus();
    };
    pre.parentNode.after(button);
  }
})();
