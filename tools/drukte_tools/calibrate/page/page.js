"use strict";
import * as paint from "./paint.js";
import { build, panel, translated } from "./panel.js";
import { Stage } from "./stage.js";
import { language, number, say, speak } from "./words.js";

const get = (id) => document.getElementById(id);
const DAY = 86400;
/** What the technician made; all of it goes to the program at every change. */
let model = { mode: "metres", points: [], distances: [], zones: [], lens: null, click: null, measured: null };
/** What the program last said about it. */
let answer = null;
const ui = { tool: "point", zone: 0, chosen: null, draft: [], line: [], state: null, ends: 0, saved: "", closed: false };
let past = [];

/** The zone that is worked on. */
const zone = () => model.zones[ui.zone];
const snapshot = () => JSON.stringify(model);

/** Keep what was before a change, for `undo`. */
function remember() {
  const now = snapshot();
  if (past.at(-1) !== now) past = [...past.slice(-99), now];
}

function change(act, redraw = true) {
  remember();
  act();
  changed(redraw);
}

function changed(redraw = true) {
  if (redraw) build(model, ui, act);
  stage.paint();
  ask();
}

function undo() {
  const before = past.pop();
  if (!before) return;
  model = JSON.parse(before);
  Object.assign(ui, { chosen: null, draft: [], line: [] });
  changed();
}

// ---------------------------------------------------------------- the program

let asked = 0, told = 0, timer = 0;
function ask(soon = false) {
  clearTimeout(timer);
  timer = setTimeout(async () => {
    const number_ = ++asked;
    const reply = await post("check", model);
    if (!reply || number_ < told) return;
    told = number_;
    answer = reply;
    show();
  }, soon ? 0 : 120);
}

async function post(name, body) {
  try {
    const reply = await fetch(name, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
    if (reply.ok) return await reply.json();
    said([await reply.text()], true);
  } catch {
    if (!ui.closed) said([say("gone")], true);
  }
  return null;
}

function said(lines, bad = false) {
  get("said").replaceChildren(...lines.map((line) => Object.assign(document.createElement("p"), { textContent: line })));
  get("said").classList.toggle("bad", bad);
}

async function save() {
  get("save").disabled = true;
  const body = { ...model, by: get("by").value };
  const reply = await post("save", body);
  get("save").disabled = false;
  if (!reply) return;
  if (reply.saved) ui.saved = JSON.stringify(model);
  said([say(reply.saved ? "saved" : "notSaved"), ...reply.said.map(translated)], !reply.saved);
}

async function close_() {
  if (snapshot() !== ui.saved && !confirm(say("unsaved"))) return;
  ui.closed = true;
  await post("close", {});
  document.querySelector("main").replaceChildren(Object.assign(document.createElement("h1"), { textContent: say("closed") }));
}

// ---------------------------------------------------------------- the picture

const host = {
  /** All marks that can be dragged. */
  handles() {
    const found = [];
    model.points.forEach((p, i) => found.push({ kind: "point", i, pixel: p.pixel }));
    const known = answer?.zones ?? [];
    model.zones.forEach((zone, z) => {
      const shown = known[z];
      zone.polygon.forEach((c, i) => {
        const pixel = c.pixel ?? shown?.polygon[i]?.pixel;
        if (pixel) found.push({ kind: "corner", z, i, pixel });
      });
      zone.lines.forEach((line, n) => ["from", "to"].forEach((end, k) => {
        const pixel = line[end].pixel ?? shown?.lines[n]?.ends[k]?.pixel;
        if (pixel) found.push({ kind: "end", z, n, end, pixel });
      }));
    });
    ui.draft.forEach((pixel, i) => found.push({ kind: "draft", i, pixel }));
    return found;
  },
  moved(handle, pixel, begun) {
    if (begun) { remember(); ui.chosen = handle; }
    handle.pixel = pixel;
    if (handle.kind === "point") model.points[handle.i].pixel = pixel;
    if (handle.kind === "corner") model.zones[handle.z].polygon[handle.i] = { pixel };
    if (handle.kind === "end") model.zones[handle.z].lines[handle.n][handle.end] = { pixel };
    if (handle.kind === "draft") ui.draft[handle.i] = pixel;
    changed(false);
    tell();
  },
  choose(handle) {
    if (handle.kind === "draft" && handle.i === 0 && ui.draft.length > 2) return finishZone();
    // Neighbouring zones share corners, and a line may start at one: drawing snaps to what is there.
    if ((ui.tool === "zone" && handle.kind !== "draft") || (ui.tool === "line" && zone())) return host.place(handle.pixel);
    ui.chosen = handle;
    if (handle.z !== undefined) ui.zone = handle.z;
    build(model, ui, act);
    tell();
  },
  place(pixel) {
    if (ui.tool === "point") {
      change(() => model.points.push({ name: fresh("p", model.points), pixel, metres: null, check: false }));
      ui.chosen = { kind: "point", i: model.points.length - 1, pixel };
      build(model, ui, act);
      // On a touch screen the keyboard would come up over the picture.
      if (matchMedia("(pointer: fine)").matches) panel.focusPoint(model.points.length - 1);
    } else if (ui.tool === "zone") {
      ui.draft.push(pixel);
    } else if (ui.tool === "line" && zone()) {
      ui.line.push(pixel);
      if (ui.line.length === 2) {
        const [from, to] = ui.line.splice(0), { lines } = zone();
        change(() => lines.push({ name: fresh("line-", lines), from: { pixel: from }, to: { pixel: to } }));
      }
    } else ui.chosen = null;
    tell();
  },
  hover(pixel) { panel.where(pixel, answer?.drawing?.plane); },
  paint(draw, to) {
    const drawing = answer?.drawing;
    if (drawing && get("showMap").checked) paint.errorMap(draw, drawing.cells, to);
    if (drawing && get("showGrid").checked) paint.grid(draw, drawing.grid, to);
    if (drawing) paint.horizon(draw, drawing.horizon, to);
    const shown = answer?.zones ?? [];
    model.zones.forEach((zone, z) => {
      const corners = zone.polygon.map((c, i) => c.pixel ?? shown[z]?.polygon[i]?.pixel);
      if (corners.every(Boolean)) paint.zone(draw, corners, to, { name: zone.name, chosen: z === ui.zone });
      zone.lines.forEach((line, n) => {
        const ends = ["from", "to"].map((end, k) => line[end].pixel ?? shown[z]?.lines[n]?.ends[k]?.pixel);
        if (ends.every(Boolean)) paint.countingLine(draw, to(ends[0]), to(ends[1]), line.name);
      });
    });
    paint.zone(draw, ui.draft, to, { chosen: true, closed: false });
    ui.line.forEach((p) => paint.dot(draw, ...to(p), 5, "#ffd23c"));
    model.points.forEach((p, i) => {
      const residual = model.mode === "metres" ? answer?.fit?.residuals.find((r) => r.name === p.name) : null;
      paint.point(draw, to(p.pixel), {
        name: p.name, chosen: ui.chosen?.kind === "point" && ui.chosen.i === i, sigmas: residual?.sigmas ?? 0,
        off: residual?.m == null ? "" : `${number(residual.m, 2)} m`, fitted: residual?.fitted && to(residual.fitted),
      });
    });
  },
};
const stage = new Stage(get("canvas"), get("loupe"), host);

function fresh(stem, items) {
  for (let n = 1; ; n++) if (!items.some((item) => item.name === stem + n)) return stem + n;
}

function finishZone() {
  if (ui.draft.length < 3) return;
  const polygon = ui.draft.splice(0).map((pixel) => ({ pixel }));
  change(() => model.zones.push({ name: fresh("zone-", model.zones), polygon, lines: [] }));
  ui.zone = model.zones.length - 1;
  build(model, ui, act);
  tell();
}

function remove() {
  const c = ui.chosen;
  ui.chosen = null;
  if (!c) return;
  if (c.kind === "point") return act.removePoint(c.i);
  if (c.kind === "draft") { ui.draft.splice(c.i, 1); tell(); return; }
  if (c.kind === "end") return act.removeLine(c.z, c.n);
  if (model.zones[c.z].polygon.length > 3) change(() => model.zones[c.z].polygon.splice(c.i, 1));
  else act.removeZone(c.z);
  tell();
}

function nudge(dx, dy) {
  const c = ui.chosen && host.handles().find((h) => h.kind === ui.chosen.kind && ["i", "z", "n", "end"].every((k) => h[k] === ui.chosen[k]));
  if (!c) return stage.step(dx, dy);
  const to = stage.clamped([c.pixel[0] + dx, c.pixel[1] + dy]);
  host.moved(c, to, true);
  stage.look(to, true);
}

// ---------------------------------------------------------------- the panel

/** What the panel's fields and buttons do. */
const act = {
  change, choose(handle) { ui.chosen = handle; stage.paint(); tell(); },
  pickZone(z) { ui.zone = z; stage.paint(); },
  removePoint(i) {
    const { name } = model.points[i];
    ui.chosen = null;
    change(() => {
      model.points.splice(i, 1);
      model.distances = model.distances.filter((d) => !d.between.includes(name));
    });
    tell();
  },
  renamePoint(i, name) {
    change(() => {
      const before = model.points[i].name;
      model.points[i].name = name;
      model.distances.forEach((d) => { d.between = d.between.map((n) => (n === before ? name : n)); });
    }, model.mode === "distances");
  },
  removeZone(z) { ui.chosen = null; change(() => { model.zones.splice(z, 1); ui.zone = Math.max(0, ui.zone - (z <= ui.zone)); }); tell(); },
  removeLine(z, n) { ui.chosen = null; change(() => model.zones[z].lines.splice(n, 1)); tell(); },
  addLine(z) { ui.zone = z; use("line"); },
};

function use(tool) {
  Object.assign(ui, { tool, draft: [], line: [], chosen: null });
  tell();
}

/** Words, buttons and hints that follow from the page's own state. */
function tell() {
  document.querySelectorAll("[data-tool]").forEach((b) => b.setAttribute("aria-pressed", b.dataset.tool === ui.tool));
  get("canvas").classList.toggle("look", ui.tool === "look");
  get("pad").hidden = !ui.chosen;
  const hints = { look: "hintLook", point: "hintPoint", zone: "hintZone", line: zone() ? "hintLine" : "hintNoZone" };
  get("hint").textContent = say(hints[ui.tool], [zone()?.name]);
  get("hint").hidden = (ui.tool === "point" && model.points.length > 3) || ui.tool === "look";
  stage.paint();
}

function show() {
  panel.show(model, answer, ui);
  stage.paint();
}

function words() {
  document.documentElement.lang = language;
  document.querySelectorAll("[data-t]").forEach((e) => { e.textContent = say(e.dataset.t); });
  document.querySelectorAll("[data-label]").forEach((e) => { e.setAttribute("aria-label", say(e.dataset.label)); e.title = say(e.dataset.label); });
  get("language").textContent = say("language");
  get("language").lang = language === "en" ? "nl" : "en";
  build(model, ui, act);
  tell();
  if (answer) show();
}

// ---------------------------------------------------------------- keys and buttons

const tools = { v: "look", p: "point", z: "zone", l: "line" };
const arrows = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
addEventListener("keydown", (e) => {
  if ((e.ctrlKey || e.metaKey) && e.key.toLowerCase() === "z" && e.target.tagName !== "INPUT") { e.preventDefault(); undo(); return; }
  if (/INPUT|SELECT/.test(e.target.tagName) || e.ctrlKey || e.metaKey) return;
  if (tools[e.key.toLowerCase()]) { use(tools[e.key.toLowerCase()]); get("canvas").focus(); return; }
  if (e.target !== get("canvas")) return;
  const step = e.shiftKey ? 20 : e.altKey ? 0.2 : 1;
  if (arrows[e.key]) nudge(...arrows[e.key].map((v) => v * step));
  else if (e.key === "Enter" && stage.cursor && !nearFirst()) host.place(stage.cursor);
  else if (e.key === "Enter") finishZone();
  else if (e.key === "Escape") Object.assign(ui, { draft: [], line: [], chosen: null });
  else if (e.key === "Backspace" && ui.draft.length) ui.draft.pop();
  else if (e.key === "Delete" || e.key === "Backspace") remove();
  else if (e.key === "+" || e.key === "=") stage.zoom(1.25, stage.cursor ? stage.toScreen(stage.cursor) : undefined);
  else if (e.key === "-") stage.zoom(0.8);
  else return;
  e.preventDefault();
  tell();
});

/** Whether Enter means "close the zone": the cross has not moved since the last corner, or is back at the first. */
function nearFirst() {
  if (ui.tool !== "zone" || ui.draft.length < 3) return false;
  return [ui.draft[0], ui.draft.at(-1)].some(([x, y]) => Math.hypot(x - stage.cursor[0], y - stage.cursor[1]) < 4);
}

document.querySelectorAll("[data-tool]").forEach((b) => b.addEventListener("click", () => use(b.dataset.tool)));
document.querySelectorAll("[data-nudge]").forEach((b) => b.addEventListener("click", () => nudge(...b.dataset.nudge.split(",").map(Number))));
document.querySelectorAll("[name=mode]").forEach((b) => b.addEventListener("change", () => change(() => { model.mode = b.value; })));
const buttons = {
  undo, in: () => stage.zoom(1.4), out: () => stage.zoom(1 / 1.4), fit: () => stage.fit(), remove, save, close: close_,
  language: () => { speak(language === "en" ? "nl" : "en"); words(); },
  addDistance: () => change(() => model.distances.push({ between: [model.points[0]?.name ?? "", model.points[1]?.name ?? ""], metres: null })),
};
for (const [id, run] of Object.entries(buttons)) get(id).addEventListener("click", () => run());
for (const id of ["showMap", "showGrid"]) get(id).addEventListener("change", () => stage.paint());
addEventListener("beforeunload", (e) => { if (!ui.closed && snapshot() !== ui.saved) e.preventDefault(); });

setInterval(() => {
  if (!ui.ends || ui.closed) return;
  const left = Math.max(0, (ui.ends - Date.now()) / 1000);
  get("left").textContent = left > 90 ? say("minutes", [Math.round(left / 60)]) : say("seconds", [Math.round(left)]);
}, 1000);

async function begin() {
  const state = ui.state = await (await fetch("state")).json();
  ui.ends = Date.now() + Math.min(DAY, state.seconds_left) * 1000;
  model.points = state.points;
  model.zones = state.zones;
  ui.saved = snapshot();
  ui.tool = state.old && !state.points.length ? "zone" : "point";
  get("site").textContent = state.site;
  get("by").value = state.by;
  stage.size = state.picture;
  speak((navigator.language || "en").slice(0, 2));
  panel.cameras(state.cameras, model, act);
  words();
  ask(true);
  stage.fit();
  if (state.plate) {
    const image = new Image();
    image.onload = () => { stage.image = image; stage.paint(); };
    image.src = "plate";
  }
}
begin();
