// The fields beside the picture.
import * as paint from "./paint.js";
import { number, say, share } from "./words.js";

const get = (id) => document.getElementById(id);

/** An element with properties, attributes (`aria-...`), listeners (`on...`) and children. */
function make(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key.includes("-") || key === "list") element.setAttribute(key, value);
    else element[key] = value;
  }
  element.append(...children);
  return element;
}

/** A number as people type it, or null; a comma is as good as a point. */
function read(value) {
  const text = value.trim().replace(",", ".");
  return text && Number.isFinite(Number(text)) ? Number(text) : null;
}

function numberField(value, label, put, id = "") {
  return make("input", {
    value: value ?? "", inputMode: "decimal", id, "aria-label": label, autocomplete: "off",
    oninput: (e) => {
      const found = read(e.target.value);
      e.target.setAttribute("aria-invalid", found === null && e.target.value.trim() !== "");
      put(found);
    },
  });
}

const small = (words, label, run) => make("button", { className: "small", textContent: words, title: label, "aria-label": label, onclick: run });
const head = (...names) => make("thead", {}, make("tr", {}, ...names.map((n) => make("th", { scope: "col", textContent: n }))));

/** The fields for the model as it is. Called when rows come or go; figures come by `panel.show`. */
export function build(model, ui, act) {
  const byMetres = model.mode === "metres";
  get("distances").hidden = get("addDistance").hidden = byMetres;
  document.querySelector(`[name=mode][value=${model.mode}]`).checked = true;
  get("points").replaceChildren(
    head(say("name"), ...(byMetres ? [say("x"), say("y"), say("check"), say("off")] : []), ""),
    make("tbody", {}, ...model.points.map((p, i) => pointRow(p, i, byMetres, ui, act))));
  get("distances").replaceChildren(
    head(say("from"), say("to"), say("metres"), say("off"), ""),
    make("tbody", {}, ...model.distances.map((d, i) => distanceRow(d, i, model, act))));
  get("zones").replaceChildren(...model.zones.map((zone, z) => zoneBox(zone, z, ui, act)));
}

function pointRow(p, i, byMetres, ui, act) {
  const choose = () => act.choose({ kind: "point", i, pixel: p.pixel });
  // One of the two may be typed first: a place counts when both are there.
  const typed = [...(p.metres ?? p.typed ?? [null, null])];
  const put = (k) => (value) => act.change(() => {
    typed[k] = value;
    p.metres = typed[0] !== null && typed[1] !== null ? [...typed] : null;
    p.typed = p.metres ? undefined : [...typed];
  }, false);
  const cells = [make("td", { className: "name" }, make("input", { value: p.name, "aria-label": say("name"), onchange: (e) => act.renamePoint(i, e.target.value.trim()) }))];
  if (byMetres) {
    for (const [k, axis] of ["x", "y"].entries()) {
      cells.push(make("td", { className: "metres" }, numberField(typed[k], `${p.name}: ${say(axis)}`, put(k), `${axis}${i}`)));
    }
    cells.push(make("td", {}, make("input", { type: "checkbox", checked: p.check, "aria-label": say("check"), onchange: (e) => act.change(() => { p.check = e.target.checked; }, false) })),
      make("td", { className: "number", id: `off${i}` }));
  }
  cells.push(make("td", {}, small("✕", `${say("remove")} ${p.name}`, () => act.removePoint(i))));
  return make("tr", { className: ui.chosen?.kind === "point" && ui.chosen.i === i ? "chosen" : "", onfocusin: choose }, ...cells);
}

function distanceRow(d, i, model, act) {
  const pick = (k) => make("select", { "aria-label": say(k ? "to" : "from"), onchange: (e) => act.change(() => { d.between[k] = e.target.value; }, false) },
    ...model.points.map((p) => make("option", { value: p.name, textContent: p.name, selected: p.name === d.between[k] })));
  return make("tr", {}, make("td", {}, pick(0)), make("td", {}, pick(1)),
    make("td", { className: "metres" }, numberField(d.metres, say("metres"), (value) => act.change(() => { d.metres = value; }, false), `length${i}`)),
    make("td", { className: "number", id: `lengthOff${i}` }),
    make("td", {}, small("✕", say("remove"), () => act.change(() => model.distances.splice(i, 1)))));
}

function zoneBox(zone, z, ui, act) {
  const lines = zone.lines.map((line, n) => make("div", { className: "row line" },
    make("input", { value: line.name, "aria-label": say("lineName"), onchange: (e) => act.change(() => { line.name = e.target.value.trim(); }, false) }),
    small("⇄", say("turn"), () => act.change(() => { [line.from, line.to] = [line.to, line.from]; })),
    small("✕", `${say("remove")} ${line.name}`, () => act.removeLine(z, n))));
  return make("div", { className: z === ui.zone ? "zone chosen" : "zone", onfocusin: (e) => {
    document.querySelectorAll(".zone").forEach((box) => box.classList.toggle("chosen", box === e.currentTarget));
    act.pickZone(z);
  } },
    make("div", { className: "row" },
      make("input", { value: zone.name, "aria-label": say("zoneName"), id: `zone${z}`, onchange: (e) => act.change(() => { zone.name = e.target.value.trim(); }, false) }),
      small(`+ ${say("line")}`, say("addLine"), () => act.addLine(z)),
      small("✕", `${say("remove")} ${zone.name}`, () => act.removeZone(z))),
    make("p", { className: "figures", id: `area${z}` }), ...lines,
    make("details", {}, make("summary", { textContent: say("corners") }), make("table", { className: "corners" },
      ...zone.polygon.map((c, i) => make("tr", {}, make("td", { className: "number", textContent: i + 1 }),
        ...[0, 1].map((k) => make("td", {}, make("input", { inputMode: "decimal", id: `corner${z}-${i}-${k}`, "aria-label": say(k ? "y" : "x"), onchange: (e) => corner(e, c, zone, i, k, z, act) }))))))));
}

/** A corner given in metres; the other coordinate stays what it is. */
function corner(e, c, zone, i, k, z, act) {
  const value = read(e.target.value), other = read(get(`corner${z}-${i}-${1 - k}`).value);
  if (value === null || other === null) { e.target.setAttribute("aria-invalid", "true"); return; }
  act.change(() => { zone.polygon[i] = { metres: k ? [other, value] : [value, other] }; }, false);
}

function list(id, items) {
  get(id).replaceChildren(...items.map(([words, stops]) => make("li", { textContent: words, className: stops ? "stops" : "" })));
}

/** What the program says of something that was found wrong, in this language. */
export const translated = ({ code, text, values = [] }) => say(code, values.map((v) => (typeof v === "number" ? number(v, Number.isInteger(v) ? 0 : 2) : v)), text);

export const panel = {
  focusPoint(i) { get(`x${i}`)?.focus({ preventScroll: true }); },

  cameras(cameras, model, act) {
    const choose = get("camera");
    choose.append(make("option", { value: "", textContent: say("noCamera") }), ...cameras.map((name) => make("option", { value: name, textContent: name })));
    choose.addEventListener("change", () => { get("fov").value = ""; act.change(() => { model.lens = choose.value ? { camera: choose.value } : null; }, false); });
    get("fov").addEventListener("change", () => {
      const fov = read(get("fov").value);
      choose.value = "";
      act.change(() => { model.lens = fov === null ? null : { fov }; }, false);
    });
    for (const key of ["click", "measured"]) get(key).addEventListener("change", () => act.change(() => { model[key] = read(get(key).value); }, false));
  },

  /** Where the pointer is on the ground; told only for a lens that keeps lines straight. */
  where(pixel, plane) {
    get("where").textContent = "";
    if (!pixel || !plane) return;
    const [x, y, w] = plane.map((row) => row[0] * pixel[0] + row[1] * pixel[1] + row[2]);
    if (w > 0) get("where").textContent = `${number(x / w, 2)}, ${number(y / w, 2)} m`;
  },

  show(model, answer, ui) {
    const { fit, verdict, drawing, problem } = answer, limit = ui.state.distance;
    const word = verdict ? (verdict.passed ? "pass" : "fail") : "notYet";
    get("verdict").textContent = say(word, verdict ? [number(limit, 2), number(verdict.tolerance, 2)] : []);
    get("verdict").className = verdict ? word : "";
    list("reasons", problem ? [[translated(problem), true]] : (verdict?.why ?? []).map((reason) => [translated(reason), true]));
    list("notes", (fit?.notes ?? []).map((note) => [translated(note), false]));
    get("leftOut").textContent = fit?.left_out == null ? "" : say("leftOut", [number(fit.left_out, 2)]);
    document.querySelector(".key.good").textContent = say("told", [`${number(limit, 1)} m`, `${number(verdict?.tolerance ?? ui.state.tolerance, 2)} m`]);
    get("gridLabel").textContent = drawing ? say("gridStep", [number(drawing.step, 0)]) : say("grid");
    const figures = (cell, residual) => {
      if (!cell) return;
      cell.textContent = residual?.m == null ? "" : `${number(Math.abs(residual.m), 2)} m${residual.px == null ? "" : ` · ${number(residual.px, 1)} px`}`;
      cell.title = residual?.left_out == null ? "" : say("leftOut", [number(Math.abs(residual.left_out), 2)]);
      cell.classList.toggle("off", (residual?.sigmas ?? 0) > 3);
    };
    const residuals = fit?.residuals ?? [];
    model.points.forEach((p, i) => figures(get(`off${i}`), residuals.find((r) => r.name === p.name)));
    model.distances.forEach((d, i) => figures(get(`lengthOff${i}`), residuals.find((r) => r.name === d.between.join(" - "))));
    answer.zones.forEach((zone, z) => {
      const area = verdict?.areas.find((a) => a.name === zone.name), size = zone.area == null ? "–" : number(zone.area, 1);
      const words = area ? say("areaTold", [size, share(area.good), area.worst == null ? "–" : `${number(area.worst, 2)} m`]) : say("area", [size]);
      if (get(`area${z}`)) get(`area${z}`).textContent = words;
      zone.polygon.forEach((c, i) => [0, 1].forEach((k) => {
        const field = get(`corner${z}-${i}-${k}`);
        if (field && field !== document.activeElement) field.value = c.metres ? Math.round(c.metres[k] * 1000) / 1000 : "";
      }));
    });
    list("warnings", answer.warnings.map((w) => [translated({ ...w, values: [w.zone, w.value, w.other || ui.state.limits.area] }), w.stops]));
    const plain = answer.zones.filter((z) => z.polygon.length > 2 && z.polygon.every((c) => c.metres));
    paint.plan(get("plan"), drawing, plain.map((z) => ({
      name: z.name, polygon: z.polygon.map((c) => c.metres),
      lines: z.lines.filter((n) => n.ends.every((e) => e.metres)).map((n) => n.ends.map((e) => e.metres)),
    })), model.points.filter((p) => model.mode === "metres" && p.metres).map((p) => p.metres));
    const at = drawing?.camera;
    get("cameraAt").textContent = at ? say("cameraAt", [number(at[2], 2), number(at[0], 2), number(at[1], 2), number(drawing.tilt, 0)]) : "";
  },
};
