// The stand-in's page: draws what the server says, and sends it what people do. No library, no innerHTML.
"use strict";

const $ = (id) => document.getElementById(id);
const el = (tag, cls, ...inside) => {
  const made = document.createElement(tag);
  if (cls) made.className = cls;
  made.append(...inside.filter((one) => one !== null && one !== undefined));
  return made;
};

let state = null;
let me = new URLSearchParams(location.search).get("user") || sessionStorage.getItem("me") || "";
let asking = null;
const busy = new Set();

// --- Slack's mrkdwn -----------------------------------------------------------------------------------------

const unescape = (words) => words.replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&");
const PIECES = /<([^<>\n]+)>|```([\s\S]+?)```|`([^`\n]+)`|(?<![\p{L}\p{N}*])\*([^*\n]+)\*(?![\p{L}\p{N}*])|(?<![\p{L}\p{N}_])_([^_\n]+)_(?![\p{L}\p{N}_])|(?<![\p{L}\p{N}~])~([^~\n]+)~(?![\p{L}\p{N}~])/gu;

function marked(words) {
  const out = document.createDocumentFragment();
  let at = 0;
  for (const found of words.matchAll(PIECES)) {
    out.append(drawn(unescape(words.slice(at, found.index))));
    out.append(piece(found));
    at = found.index + found[0].length;
  }
  out.append(drawn(unescape(words.slice(at))));
  return out;
}

// Slack draws emoji as pictures of its own; so do we, for machines without a font for them.
const EMOJI = {
  "🟥": ["#d3352b", "M3 3h18v18H3z"],
  "🟦": ["#2f7fd6", "M3 3h18v18H3z"],
  "⬜": ["#c3cad3", "M3 3h18v18H3zm3 3v12h12V6z"],
  "✅": ["#0c7a4b", "M3 3h18v18H3zm7.6 14.2 8-8.6-1.9-1.8-6.1 6.6-3-3-1.8 1.8z"],
  "⛔": ["#b3261e", "M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20zM6 10.5h12v3H6z"],
  "⚠": ["#c27a00", "M12 2 1 21h22zm-1.2 7h2.4v6h-2.4zm0 7.6h2.4V19h-2.4z"],
  "✏": ["#3b5b86", "M3 17.2V21h3.8L18 9.8 14.2 6zM20.7 7.1a1 1 0 0 0 0-1.4l-2.4-2.4a1 1 0 0 0-1.4 0L15.1 5l3.8 3.8z"],
  "↩": ["#3b5b86", "M10 5 3 11.5 10 18v-4.2c5 0 8.5 1.6 11 5.2-1-5.2-4-10-11-10.6z"],
  "🔁": ["#5a6675", "M7 7h9v3l5-4.5L16 1v3H4v7h3zm10 10H8v-3l-5 4.5L8 23v-3h12v-7h-3z"],
  "🗑": ["#5a6675", "M6 21h12V8H6zM9 3l-1 1H5v2h14V4h-3l-1-1z"],
};
const EMOJI_PATTERN = new RegExp(`(${Object.keys(EMOJI).join("|")})\\ufe0f?`, "u");

function drawn(plain) {
  const out = document.createDocumentFragment();
  for (const part of plain.split(EMOJI_PATTERN)) out.append(EMOJI[part] ? picture(part) : part);
  return out;
}

function picture(emoji) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  const [fill, shape] = EMOJI[emoji];
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "emoji");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", emoji);
  path.setAttribute("d", shape);
  path.setAttribute("fill", fill);
  path.setAttribute("fill-rule", "evenodd");
  svg.append(path);
  return svg;
}

function piece([, link, block, code, bold, italic, struck]) {
  if (link) return linked(link);
  if (block || code) return el("code", "", unescape(block || code));
  if (bold) return el("strong", "", marked(bold));
  if (italic) return el("em", "", marked(italic));
  return el("s", "", marked(struck));
}

function linked(inside) {
  const [target, label] = inside.split("|");
  if (target.startsWith("@")) return el("span", "mention", "@" + nameOf(target.slice(1)));
  if (target.startsWith("!")) return el("span", "mention", "@" + target.slice(1));
  if (!/^(https?|mailto):/.test(target)) return document.createTextNode(unescape(label || target));
  const link = el("a", "", unescape(label || target));
  link.href = unescape(target);
  link.target = "_blank";
  link.rel = "noreferrer noopener";
  return link;
}

const words = (given) => (given.type === "mrkdwn" ? marked(given.text) : document.createTextNode(given.text));

// --- Blocks -------------------------------------------------------------------------------------------------

function block(one, press) {
  switch (one.type) {
    case "header": return el("div", "head", drawn(one.text.text));
    case "divider": return el("hr");
    case "context": return el("div", "small", ...one.elements.map((each) => el("span", "", words(each))));
    case "actions": return el("div", "buttons", ...one.elements.map((each) => key(each, press)));
    case "section": return section(one, press);
    case "rich_text": return el("div", "exact", richText(one));
    default: return el("div", "small", `（${one.type}）`);
  }
}

function section(one, press) {
  const whole = el("div", one.text && one.text.type === "plain_text" ? "exact" : "said");
  if (one.text) whole.append(words(one.text));
  if (one.fields) whole.append(el("div", "fields", ...one.fields.map((each) => el("div", "", words(each)))));
  if (one.accessory && one.accessory.type === "button") whole.append(el("div", "buttons", key(one.accessory, press)));
  return whole;
}

const richText = (one) => (one.elements || []).map((each) => each.text || richText(each)).join("");

function key(one, press) {
  const made = el("button", `key ${one.style || ""}`, one.text.text);
  made.type = "button";
  made.dataset.action = one.action_id;
  if (busy.has(`${press.ts} ${one.action_id}`)) made.disabled = true;
  made.addEventListener("click", () => (one.confirm ? ask(one.confirm, () => press(one)) : press(one)));
  return made;
}

const card = (blocks, press) => el("div", "card", ...blocks.map((one) => block(one, press)));

function pressing(ts) {
  const press = async (one) => {
    const name = `${ts} ${one.action_id}`;
    if (one.url) window.open(one.url, "_blank", "noreferrer");
    busy.add(name);
    draw();
    try {
      await send("click", { user: me, ts, action_id: one.action_id });
    } finally {
      busy.delete(name);
      draw();
    }
  };
  press.ts = ts;
  return press;
}

// --- The channel --------------------------------------------------------------------------------------------

const personOf = (user) => [...state.people, ...state.faces].find((one) => one.user === user);
const nameOf = (user) => (personOf(user) || { name: user }).name;
const clock = (ts) => new Date(Number(ts) * 1000);
const TIME = new Intl.DateTimeFormat("ja-JP", { hour: "numeric", minute: "2-digit", timeZone: "Asia/Tokyo" });
const DAY = new Intl.DateTimeFormat("ja-JP", { month: "long", day: "numeric", weekday: "short", timeZone: "Asia/Tokyo" });

function face(user) {
  const index = state.people.findIndex((one) => one.user === user);
  if (index < 0) {
    const bot = el("span", "face bot");
    bot.append(document.querySelector(".bell").cloneNode(true));
    bot.firstChild.removeAttribute("class");
    return bot;
  }
  const made = el("span", `face hue${index % 6}`, [...state.people[index].name][0]);
  made.setAttribute("aria-hidden", "true");
  return made;
}

function message(one) {
  const who = personOf(one.user) || { name: one.user, role: "" };
  const when = el("time", "", TIME.format(clock(one.ts)));
  when.dateTime = clock(one.ts).toISOString();
  const by = el("div", "by", el("b", "", who.name), el("span", "badge", who.role), when,
    one.edited ? el("span", "edited", `（${TIME.format(clock(one.edited))} 更新）`) : null);
  const body = one.blocks.length ? card(one.blocks, pressing(one.ts)) : el("div", "plain", marked(one.text));
  const whole = el("div", "", by, body);
  if (one.to) {
    whole.className = "private";
    whole.prepend(el("div", "only", "あなただけに見えています"));
  }
  const row = el("li", "message", face(one.user), whole);
  row.dataset.ts = one.ts;
  return row;
}

function drawRoom() {
  const all = [...state.messages, ...state.ephemerals].sort((a, b) => Number(a.ts) - Number(b.ts));
  const list = $("messages");
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 160 || !list.childElementCount;
  const rows = [];
  let day = "";
  for (const one of all) {
    const today = DAY.format(clock(one.ts));
    if (today !== day) rows.push(el("li", "day", (day = today)));
    rows.push(message(one));
  }
  list.replaceChildren(...rows);
  list.hidden = !all.length;
  $("empty").hidden = Boolean(all.length);
  const newest = all.length ? all[all.length - 1].ts : "";
  if (atEnd && drawRoom.newest !== newest) showNewest(list);
  drawRoom.newest = newest;
}

function showNewest(list) {
  // A card taller than the window is shown from its top: people must read it from there.
  const last = list.lastElementChild;
  if (last) last.scrollIntoView({ block: last.offsetHeight > list.clientHeight ? "start" : "end" });
}

function drawPeople() {
  if (!state.people.some((one) => one.user === me)) me = state.people.length ? state.people[0].user : "";
  $("me").replaceChildren(...state.people.map((one) => {
    const option = el("option", "", `${one.name}（${one.role}）`);
    option.value = one.user;
    option.selected = one.user === me;
    return option;
  }));
  $("people").replaceChildren(...state.people.map((one) => {
    const button = el("button", "person", face(one.user),
      el("span", "", el("b", "", one.name), el("small", "", one.role)),
      one.user === me ? el("span", "now", "操作中") : null);
    button.type = "button";
    button.setAttribute("aria-pressed", String(one.user === me));
    button.addEventListener("click", () => become(one.user));
    return el("li", "", button);
  }));
  $("line").placeholder = "発言または /hansho";
}

function drawLink(up) {
  const note = $("link");
  note.className = `link ${up ? "up" : "down"}`;
  const said = up ? "半鐘と接続中" : "半鐘と切れています";
  if (note.textContent !== said) note.textContent = said;
}

function draw() {
  if (!state) return;
  $("town").textContent = state.town;
  $("channel").textContent = state.channel;
  drawPeople();
  drawRoom();
  drawLink(state.connected);
  drawModal();
}

// --- Dialogs ------------------------------------------------------------------------------------------------

function ask(confirm, yes) {
  const box = $("ask");
  const no = el("button", "key", confirm.deny.text);
  const go = el("button", `key ${confirm.style === "danger" ? "danger full" : "primary"}`, confirm.confirm.text);
  no.addEventListener("click", () => box.close());
  go.addEventListener("click", () => { box.close(); yes(); });
  const title = el("div", "bar", confirm.title.text);
  title.id = "ask-title";
  box.setAttribute("aria-labelledby", "ask-title");
  box.replaceChildren(title, el("div", "inside", el("div", "askwords", words(confirm.text))), el("div", "feet", no, go));
  box.showModal();
  no.focus();
}

function drawModal() {
  const box = $("modal");
  const open = state.views[state.views.length - 1];
  if (!open) {
    asking = null;
    if (box.open) box.close();
    return;
  }
  const name = `${open.id} ${open.hash}`;
  if (asking !== name) buildModal(box, open);
  asking = name;
  showErrors(box, open.errors);
  if (box.open) return;
  box.showModal();
  const first = box.querySelector("[data-block] input, [data-block] textarea, [data-block] select");
  if (first) first.focus();
}

function buildModal(box, open) {
  const view = open.view;
  const title = el("div", "bar", view.title.text);
  title.id = "modal-title";
  box.setAttribute("aria-labelledby", "modal-title");
  const form = el("form", "inside");
  form.id = "form";
  form.noValidate = true;
  for (const one of view.blocks) form.append(one.type === "input" ? field(one) : el("div", "card", block(one, () => {})));
  const away = el("button", "key", view.close ? view.close.text : "閉じる");
  away.type = "button";
  away.addEventListener("click", () => {
    state.views = state.views.filter((each) => each.id !== open.id);
    drawModal();
    send("dismiss", { user: me, view_id: open.id });
  });
  const go = view.submit ? el("button", "key primary", view.submit.text) : null;
  if (go) { go.type = "submit"; go.setAttribute("form", "form"); }
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    go.disabled = true;
    try {
      await send("submit", { user: me, view_id: open.id, values: collect(form) });
    } finally {
      go.disabled = false;
    }
  });
  box.replaceChildren(title, form, el("div", "feet", away, go));
  box.oncancel = (event) => { event.preventDefault(); away.click(); };
}

function field(one) {
  const kind = one.element.type;
  const group = ["radio_buttons", "checkboxes", "multi_static_select"].includes(kind);
  const whole = el(group ? "fieldset" : "div", `field ${kind === "plain_text_input" && one.element.multiline ? "long" : ""}`);
  const name = one.block_id;
  const label = el(group ? "legend" : "label", "", one.label.text, one.optional ? el("span", "free", "（任意）") : null);
  whole.dataset.block = name;
  whole.dataset.kind = kind;
  const input = group ? picks(one.element, name) : typed(one.element);
  if (!group) { input.id = `f-${name}`; label.htmlFor = input.id; }
  whole.append(label, input);
  if (one.hint) whole.append(el("p", "hint", one.hint.text));
  return whole;
}

function typed(element) {
  if (element.type === "static_select") {
    const none = el("option", "", element.placeholder ? element.placeholder.text : "選んでください");
    none.value = "";
    return el("select", "", none, ...element.options.map((one) => {
      const option = el("option", "", one.text.text);
      option.value = one.value;
      option.selected = Boolean(element.initial_option && element.initial_option.value === one.value);
      return option;
    }));
  }
  const input = el(element.multiline ? "textarea" : "input");
  if (element.type === "datepicker") input.type = "date";
  if (element.type === "timepicker") input.type = "time";
  input.value = element.initial_value || element.initial_date || element.initial_time || "";
  if (element.placeholder) input.placeholder = element.placeholder.text;
  return input;
}

function picks(element, name) {
  const one = element.type === "radio_buttons";
  const start = [element.initial_option, ...(element.initial_options || [])].filter(Boolean).map((each) => each.value);
  return el("div", one ? "picks one" : "picks", ...element.options.map((each) => {
    const box = el("input");
    box.type = one ? "radio" : "checkbox";
    box.name = `f-${name}`;
    box.value = each.value;
    box.checked = start.includes(each.value);
    return el("label", "", box, el("span", "", words(each.text)));
  }));
}

function collect(form) {
  const values = {};
  for (const one of form.querySelectorAll("[data-block]")) {
    const chosen = [...one.querySelectorAll("input:checked")].map((each) => each.value);
    const kind = one.dataset.kind;
    if (kind === "radio_buttons") values[one.dataset.block] = chosen[0] || "";
    else if (kind === "checkboxes" || kind === "multi_static_select") values[one.dataset.block] = chosen;
    else values[one.dataset.block] = one.querySelector("input, textarea, select").value;
  }
  return values;
}

function showErrors(box, errors) {
  for (const one of box.querySelectorAll("[data-block]")) {
    const wrong = errors[one.dataset.block];
    one.querySelectorAll(".wrong").forEach((each) => each.remove());
    one.classList.toggle("bad", Boolean(wrong));
    if (!wrong) continue;
    const note = el("p", "wrong", wrong);
    note.setAttribute("role", "alert");
    one.append(note);
  }
  const first = box.querySelector(".bad");
  const fresh = JSON.stringify(errors);
  if (first && box.dataset.errors !== fresh) first.scrollIntoView({ block: "nearest" });
  box.dataset.errors = fresh;
}

// --- To and from the server ---------------------------------------------------------------------------------

async function send(what, said) {
  const answer = await fetch(`/api-standin/${what}`, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(said),
  });
  await look();
  return answer.json();
}

async function look(since) {
  const query = new URLSearchParams({ user: me });
  if (since !== undefined) { query.set("since", since); query.set("wait", "20"); }
  const who = me;
  const answer = await fetch(`/api-standin/state?${query}`, { cache: "no-store" });
  const fresh = await answer.json();
  if (who !== me) return;
  // While waiting, a newer state may have come by another way.
  if (state && fresh.version < state.version && state.of === who) return;
  const redraw = !state || fresh.version !== state.version || state.of !== who || fresh.connected !== state.connected;
  state = Object.assign(fresh, { of: who });
  if (redraw) draw();
}

async function become(user) {
  me = user;
  sessionStorage.setItem("me", user);
  asking = null;
  await look();
}

async function follow() {
  for (;;) {
    try {
      if (!state) {
        await look();
        if (!me || !state.people.some((one) => one.user === me)) await become(state.people[0].user);
      }
      await look(state.version);
    } catch {
      drawLink(false);
      await new Promise((again) => setTimeout(again, 1500));
    }
  }
}

$("me").addEventListener("change", (event) => become(event.target.value));
$("compose").addEventListener("submit", async (event) => {
  event.preventDefault();
  const line = $("line");
  const text = line.value.trim();
  if (!text) return;
  line.value = "";
  await send("command", { user: me, text });
});
follow();
