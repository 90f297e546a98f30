// What pages do beside what HTML does by itself. Without it all but live tail and passkeys works.
"use strict";
if (window.trustedTypes) {
  // Answers of this server are the only texts that become elements, and none of them runs anything.
  // A text is parsed as the page will parse it, as a document and as a part of one, where nothing runs.
  let parsing = false;
  const parts = (s) => {
    parsing = true;
    try {
      const part = document.implementation.createHTMLDocument("").createElement("template");
      part.innerHTML = s;
      return [new DOMParser().parseFromString(s, "text/html"), part.content];
    } finally { parsing = false; }
  };
  const address = /^(href|xlink:href|src|action|formaction|data)$/;
  const runs = (el) => el.localName === "script" || [...el.attributes].some((a) => /^on|^(data-)?hx-on|^srcdoc$/.test(a.name) ||
    address.test(a.name) && /^javascript:/i.test(a.value.replace(/[\u0000-\u0020]/g, "")));
  const safe = (root) => [...root.querySelectorAll("*")].every((el) => !runs(el) && (el.localName !== "template" || safe(el.content)));
  trustedTypes.createPolicy("default", {
    createHTML: (s) => {
      if (!parsing && !parts(s).every(safe)) throw new TypeError("refused");
      return s;
    },
  });
}
const say = (text) => { const l = document.getElementById("live"); if (l) { l.textContent = ""; requestAnimationFrame(() => { l.textContent = text; }); } };
const typing = (e) => e.target.closest("input, textarea, select, [contenteditable]");

function localTimes(root) {
  const f = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });
  root.querySelectorAll("time[datetime]").forEach((t) => {
    const at = new Date(t.dateTime);
    if (!isNaN(at)) { t.title = t.dateTime; t.textContent = f.format(at); }
  });
}

// What does not fit is scrolled with the keyboard, too: it takes the focus while it is too wide.
function reachable() {
  document.querySelectorAll(".wide, pre").forEach((w) => {
    if (w.scrollWidth > w.clientWidth && !w.querySelector("a, button, input, select")) w.tabIndex = 0;
    else if (w.matches(".wide")) w.removeAttribute("tabindex");
  });
}
addEventListener("resize", reachable);

function prepare(root) {
  localTimes(root);
  reachable();
  root.querySelectorAll("[data-copy], [data-copy-from], [data-js]").forEach((b) => { b.hidden = false; });
  root.querySelectorAll("[data-nojs]").forEach((b) => { b.hidden = true; });
  root.querySelectorAll("[data-seconds]:not([data-counts])").forEach((b) => { b.dataset.counts = ""; count(b); });
}

// A value that was asked for goes away by itself.
function count(box) {
  let left = Number(box.dataset.seconds);
  const out = box.querySelector("[data-left]");
  const timer = setInterval(() => {
    left -= 1;
    if (out) out.textContent = String(Math.max(left, 0));
    if (left <= 0 || !box.isConnected) {
      clearInterval(timer);
      if (box.isConnected) { box.replaceChildren(); say(document.getElementById("live").dataset.hidden); }
    }
  }, 1000);
}

document.addEventListener("click", async (e) => {
  const b = e.target.closest("[data-copy], [data-copy-from]");
  if (b) {
    let text = b.dataset.copy;
    if (text === undefined) { // a value that is not shown: asked for, copied, dropped
      const r = await fetch(b.dataset.copyFrom, { method: "POST", headers: { "Content-Type": "application/x-www-form-urlencoded" }, body: "as=text" });
      if (!r.ok || r.redirected) { location.reload(); return; }
      text = await r.text();
    }
    await navigator.clipboard.writeText(text);
    say(document.getElementById("live").dataset.copied);
    return;
  }
  const menu = document.querySelector("details.menu[open]");
  if (menu && !menu.contains(e.target)) menu.open = false;
});

// Keyboard.
let go = 0;
document.addEventListener("keydown", (e) => {
  if ((e.ctrlKey || e.metaKey) && e.key.toLowerCase() === "k") { e.preventDefault(); palette(); return; }
  if (typing(e) || e.ctrlKey || e.metaKey || e.altKey || document.querySelector("dialog[open]")) return;
  const find = document.getElementById("find");
  if (e.key === "/" && find) { e.preventDefault(); (document.querySelector("[data-find]") || find).focus(); return; }
  if (e.key === "?") { document.getElementById("keys").showModal(); return; }
  if (e.key === "g") { go = Date.now(); return; }
  if (go && Date.now() - go < 1500) {
    go = 0;
    const a = document.querySelector('nav.side a[data-key="' + CSS.escape(e.key) + '"]');
    if (a) { e.preventDefault(); a.click(); }
  }
});

function palette() {
  const d = document.getElementById("palette"), input = d.querySelector("input"), list = d.querySelector("ul");
  const all = [...document.querySelectorAll("nav.side a, main a[href], main [data-command]")].map((el) => ({ el, text: (el.dataset.command || el.querySelector("span")?.textContent || el.textContent).trim() })).filter((x) => x.text);
  let at = 0, shown = [];
  const draw = () => {
    const words = input.value.toLowerCase().split(/\s+/);
    shown = all.filter((x) => words.every((w) => x.text.toLowerCase().includes(w))).slice(0, 12);
    at = Math.min(at, Math.max(shown.length - 1, 0));
    list.replaceChildren(...shown.map((x, i) => {
      const li = document.createElement("li");
      li.id = "command-" + i; li.role = "option"; li.textContent = x.text;
      li.setAttribute("aria-selected", String(i === at));
      li.onclick = () => { d.close(); x.el.click(); };
      return li;
    }));
    if (shown.length) input.setAttribute("aria-activedescendant", "command-" + at); else input.removeAttribute("aria-activedescendant");
  };
  input.value = ""; input.oninput = () => { at = 0; draw(); };
  input.onkeydown = (e) => {
    if (e.key === "ArrowDown") { at = Math.min(at + 1, shown.length - 1); e.preventDefault(); draw(); }
    if (e.key === "ArrowUp") { at = Math.max(at - 1, 0); e.preventDefault(); draw(); }
    if (e.key === "Enter" && shown[at]) { e.preventDefault(); d.close(); shown[at].el.click(); }
  };
  draw();
  d.showModal();
  input.focus();
}

// What a part of a page brought: how many rows a search left is said, not only shown.
document.addEventListener("htmx:after:swap", (e) => {
  prepare(document);
  const n = e.target.closest && document.querySelector("[data-count]");
  if (n && e.target.closest("form[role=search]")) say(n.textContent);
});
document.addEventListener("DOMContentLoaded", () => prepare(document));
if (document.readyState !== "loading") prepare(document);

// The log as it grows. The table is made of the server's own rows: each event asks for nothing more.
document.addEventListener("click", (e) => {
  const b = e.target.closest("[data-tail]");
  if (!b) return;
  const state = document.querySelector("[data-tail-state]");
  if (b.source) {
    b.source.close(); b.source = null; b.setAttribute("aria-pressed", "false"); state.textContent = "";
    return;
  }
  b.source = new EventSource(b.dataset.tail);
  b.setAttribute("aria-pressed", "true");
  b.source.onopen = () => { state.textContent = state.dataset.on; };
  b.source.onerror = () => { if (b.source.readyState === EventSource.CLOSED) state.textContent = state.dataset.off; };
  b.source.onmessage = (m) => {
    const ev = JSON.parse(m.data), d = ev.details || {};
    const rows = document.querySelector("main table tbody");
    if (!rows) { location.reload(); return; }
    const row = document.createElement("tr");
    const when = document.createElement("time");
    when.dateTime = ev.created_at;
    const outcome = document.createElement("span");
    outcome.className = "tag " + (d.outcome === "success" ? "good" : d.outcome === "denied" ? "bad" : "warn");
    outcome.textContent = d.outcome || "";
    for (const part of [when, ev.actor_name || ev.actor_id, ev.action, d.path || ev.resource_type, outcome]) {
      const cell = document.createElement("td");
      cell.append(part);
      row.append(cell);
    }
    rows.prepend(row);
    localTimes(row);
    while (rows.rows.length > 200) rows.lastElementChild.remove();
  };
});

// Passkeys. What the authenticator answers goes with the form that the button is in.
document.addEventListener("click", async (e) => {
  const b = e.target.closest("[data-passkey]");
  if (!b || "new" in b.dataset && !b.form.reportValidity()) return;
  const said = b.form.querySelector("[data-passkey-said]");
  const tell = (text) => { said.textContent = text; said.hidden = !text; };
  tell("");
  b.disabled = true;
  try {
    const r = await fetch(b.dataset.passkey, { method: "POST" });
    if (!r.ok) { tell(await r.text()); return; }
    if (!r.headers.get("Content-Type").includes("json")) { location.reload(); return; } // a login, or a proof of who is there, comes first
    const asked = await r.json();
    const answer = "new" in b.dataset
      ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(asked) })
      : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(asked) });
    b.form.elements.passkey.value = JSON.stringify(answer);
    b.form.submit();
  } catch {
    tell(said.dataset.failed);
  } finally {
    b.disabled = false;
  }
});
// The enter key in the form of a new passkey does what its button does.
document.addEventListener("submit", (e) => {
  const b = e.target.querySelector("[data-passkey][data-new]");
  if (!b || e.target.elements.passkey.value) return;
  e.preventDefault();
  b.click();
});
