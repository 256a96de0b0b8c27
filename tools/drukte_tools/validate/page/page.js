"use strict";
// Marks lie in pixels of the picture; the canvas is the picture, stretched by `zoom`.
const get = (id) => document.getElementById(id);
const canvas = get("canvas"), draw = canvas.getContext("2d"), view = get("view");
let task, at = 0, zoom = 1, image = new Image();

const picture = () => task.pictures[at];
const marks = () => (task.marks[picture().index] ??= { people: [], unsure: false });

function paint() {
  const [width, height] = picture().size;
  canvas.width = width * zoom;
  canvas.height = height * zoom;
  draw.drawImage(image, 0, 0, canvas.width, canvas.height);
  draw.lineWidth = 2;
  draw.strokeStyle = "#ffd400";
  draw.beginPath();
  picture().outline.forEach(([x, y]) => draw.lineTo(x * zoom, y * zoom));
  draw.closePath();
  draw.stroke();
  for (const [x, y] of marks().people) {
    draw.beginPath();
    draw.arc(x * zoom, y * zoom, 7, 0, 7);
    draw.fillStyle = "#e6007e99";
    draw.fill();
    draw.strokeStyle = "#fff";
    draw.stroke();
  }
  get("where").textContent = `picture ${at + 1} of ${task.pictures.length}, ${marks().people.length} marked`;
  get("unsure").setAttribute("aria-pressed", marks().unsure);
}

// One after the other, so that an earlier state never overwrites a later one.
let saving = Promise.resolve();
function save() {
  const body = JSON.stringify({ index: picture().index, ...marks() });
  saving = saving.then(() => send(body));
  return saving;
}

async function send(body) {
  try {
    const answer = await fetch("marks", { method: "POST", body });
    get("state").textContent = answer.ok ? "saved" : "NOT SAVED: " + (await answer.text());
  } catch {
    get("state").textContent = "NOT SAVED: the program has ended";
  }
}

function show(number) {
  at = Math.max(0, Math.min(task.pictures.length - 1, number));
  image = new Image();
  image.onload = paint;
  image.src = String(picture().index);
}

async function go(step) {
  await save();
  show(at + step);
}

function fit() {
  const [width, height] = picture().size;
  zoom = Math.min(view.clientWidth / width, view.clientHeight / height);
}

function magnify(factor) {
  zoom = Math.max(0.2, Math.min(8, zoom * factor));
  paint();
}

canvas.addEventListener("click", (event) => {
  const x = event.offsetX / zoom, y = event.offsetY / zoom;
  const people = marks().people;
  const hit = people.findIndex(([a, b]) => Math.hypot(a - x, b - y) * zoom < 8);
  if (hit >= 0) people.splice(hit, 1);
  else people.push([x, y]);
  paint();
  save();
});

const acts = {
  back: () => go(-1),
  next: () => go(1),
  undo: () => { marks().people.pop(); paint(); save(); },
  unsure: () => { marks().unsure = !marks().unsure; paint(); save(); },
  in: () => magnify(1.25),
  out: () => magnify(0.8),
};
for (const [id, act] of Object.entries(acts)) get(id).addEventListener("click", act);
const keys = { ArrowLeft: "back", ArrowRight: "next", Enter: "next", Backspace: "undo", u: "unsure", "+": "in", "-": "out" };
addEventListener("keydown", (event) => {
  if (event.target.tagName === "BUTTON" && event.key === "Enter") return;
  const act = keys[event.key];
  if (act) { event.preventDefault(); acts[act](); }
});
fetch("task").then((answer) => answer.json()).then((found) => { task = found; fit(); show(0); });
