"use strict";
// Marks lie in pixels of the picture; the canvas is the picture, stretched by `zoom`.
const get = (id) => document.getElementById(id);
const canvas = get("canvas"), draw = canvas.getContext("2d"), view = get("view");
const REACH = 12; // pixels of the screen within which a click hits a mark
let task, at = 0, zoom = 1, image = new Image(), aim = null;

const WORDS = {
  en: {
    back: "Back", next: "Next", undo: "Undo", unsure: "Cannot tell", fit: "Fit", other: "Nederlands",
    foot: "Click the feet of every person who stands inside the yellow line.",
    head: "Click the head of every person who stands inside the yellow line.",
    echoes: "Click the middle of every cluster of points inside the yellow line that is a person. Dark points are new, large ones high.",
    all: " A click on a mark removes it. Nobody there? Just go on. \"Cannot tell\" leaves the picture out. Keys: arrows, Enter, Backspace, u, + and -; w a s d and the space bar mark without a mouse.",
    settle: "A yellow ? is where only one of the two counters saw somebody. Click it if there is a person, leave it if not. Blue marks are agreed; you can add and remove marks.",
    where: (n, of, marked) => `picture ${n} of ${of}, ${marked} marked`,
    open: (n) => `, ${n} to decide`,
    saved: "saved", lost: "NOT SAVED: the program has ended", bad: "NOT SAVED: ",
    done: (of) => `All ${of} pictures are done. You can go back to correct, or close this page.`,
  },
  nl: {
    back: "Terug", next: "Volgende", undo: "Ongedaan", unsure: "Niet te zien", fit: "Passend", other: "English",
    foot: "Klik op de voeten van iedereen die binnen de gele lijn staat.",
    head: "Klik op het hoofd van iedereen die binnen de gele lijn staat.",
    echoes: "Klik op het midden van elke groep punten binnen de gele lijn die een mens is. Donkere punten zijn nieuw, grote hoog.",
    all: " Klik op een stip om die weg te halen. Niemand? Ga gewoon verder. \"Niet te zien\" laat het beeld buiten de telling. Toetsen: pijlen, Enter, Backspace, u, + en -; w a s d en de spatiebalk zetten stippen zonder muis.",
    settle: "Bij een geel ? zag maar een van de twee tellers iemand. Klik erop als daar een mens is, laat het anders staan. Over blauwe stippen zijn ze het eens; stippen erbij zetten of weghalen kan.",
    where: (n, of, marked) => `beeld ${n} van ${of}, ${marked} gezet`,
    open: (n) => `, ${n} te beslissen`,
    saved: "bewaard", lost: "NIET BEWAARD: het programma is gestopt", bad: "NIET BEWAARD: ",
    done: (of) => `Alle ${of} beelden zijn klaar. Verbeteren kan met Terug; of sluit deze pagina.`,
  },
};
let words = navigator.language.startsWith("nl") ? WORDS.nl : WORDS.en;

const picture = () => task.pictures[at];
const done = (p) => p.index in task.marks;
// What is not saved yet lies in `drafts`, so that looking at a picture does not count it.
const drafts = {};
const marks = () => task.marks[picture().index] ?? (drafts[picture().index] ??= { people: picture().agreed ?? [], unsure: false });
const near = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]) * zoom < REACH;
const undecided = () => (picture().open ?? []).filter((o) => !marks().people.some((m) => m[0] === o[0] && m[1] === o[1]));

function disc(x, y, radius, fill, stroke) {
  draw.beginPath();
  draw.arc(x * zoom, y * zoom, radius, 0, 7);
  draw.fillStyle = fill;
  draw.fill();
  draw.lineWidth = 2;
  draw.strokeStyle = stroke;
  draw.stroke();
}

function paint() {
  const [width, height] = picture().size;
  canvas.width = width * zoom;
  canvas.height = height * zoom;
  draw.drawImage(image, 0, 0, canvas.width, canvas.height);
  draw.lineWidth = 2.5;
  draw.strokeStyle = "#ffd400";
  draw.beginPath();
  picture().outline.forEach(([x, y]) => draw.lineTo(x * zoom, y * zoom));
  draw.closePath();
  draw.stroke();
  for (const [x, y] of undecided()) {
    disc(x, y, 10, "#ffd400cc", "#000");
    draw.fillStyle = "#000";
    draw.font = "bold 15px sans-serif";
    draw.textAlign = "center";
    draw.fillText("?", x * zoom, y * zoom + 5);
  }
  const fill = task.mode === "settle" ? "#0072b2cc" : "#e6007e99";
  for (const [x, y] of marks().people) disc(x, y, 7, fill, "#fff");
  if (aim) {
    draw.strokeStyle = "#00e5ff";
    draw.strokeRect(aim[0] * zoom - 9, aim[1] * zoom - 9, 18, 18);
  }
  const left = undecided().length;
  get("where").textContent =
    words.where(at + 1, task.pictures.length, marks().people.length) + (left ? words.open(left) : "");
  get("unsure").setAttribute("aria-pressed", marks().unsure);
  const counted = task.pictures.filter(done).length;
  get("progress").value = counted;
  get("progress").max = task.pictures.length;
}

function label() {
  for (const id of ["back", "next", "undo", "unsure", "fit"]) get(id).textContent = words[id];
  get("language").textContent = words.other;
  document.documentElement.lang = words === WORDS.nl ? "nl" : "en";
  get("help").textContent = task.mode === "settle" ? words.settle : words[task.mark] + words.all;
}

function tell(text, bad) {
  get("state").textContent = text;
  get("state").className = bad ? "bad" : "";
}

// One after the other, so that an earlier state never overwrites a later one.
let saving = Promise.resolve();
function save() {
  const kept = marks();
  task.marks[picture().index] = kept;
  const body = JSON.stringify({ index: picture().index, ...kept });
  saving = saving.then(() => send(body));
  return saving;
}

async function send(body) {
  try {
    const answer = await fetch("marks", { method: "POST", body });
    tell(answer.ok ? words.saved : words.bad + (await answer.text()), !answer.ok);
  } catch {
    tell(words.lost, true);
  }
}

function show(number) {
  at = Math.max(0, Math.min(task.pictures.length - 1, number));
  aim = null;
  image = new Image();
  image.onload = paint;
  image.src = String(picture().index);
}

async function forward() {
  await save();
  if (at < task.pictures.length - 1) show(at + 1);
  else paint();
  if (task.pictures.every(done) && !get("state").className) tell(words.done(task.pictures.length));
}

function fit() {
  const [width, height] = picture().size;
  zoom = Math.min(view.clientWidth / width, view.clientHeight / height);
}

function magnify(factor, x = view.clientWidth / 2, y = view.clientHeight / 2) {
  const before = zoom;
  zoom = Math.max(0.2, Math.min(8, zoom * factor));
  const left = (view.scrollLeft + x) * (zoom / before) - x, top = (view.scrollTop + y) * (zoom / before) - y;
  paint();
  view.scrollTo(left, top);
}

function toggle(x, y) {
  const people = marks().people;
  const hit = people.findIndex((m) => near(m, [x, y]));
  if (hit >= 0) people.splice(hit, 1);
  else people.push(undecided().find((o) => near(o, [x, y])) ?? [x, y]);
  paint();
  save();
}

function steer(x, y) {
  const [width, height] = picture().size;
  aim ??= [width / 2, height / 2];
  aim = [Math.max(0, Math.min(width, aim[0] + (x * 6) / zoom)), Math.max(0, Math.min(height, aim[1] + (y * 6) / zoom))];
  paint();
}

canvas.addEventListener("click", (event) => {
  const box = canvas.getBoundingClientRect();
  toggle((event.clientX - box.left) / zoom, (event.clientY - box.top) / zoom);
});
view.addEventListener("wheel", (event) => {
  if (!event.ctrlKey) return;
  event.preventDefault();
  const box = view.getBoundingClientRect();
  magnify(event.deltaY < 0 ? 1.15 : 1 / 1.15, event.clientX - box.left, event.clientY - box.top);
}, { passive: false });

const acts = {
  back: () => show(at - 1),
  next: forward,
  undo: () => { marks().people.pop(); paint(); save(); },
  unsure: () => { marks().unsure = !marks().unsure; paint(); save(); },
  in: () => magnify(1.25),
  out: () => magnify(0.8),
  fit: () => { fit(); paint(); },
  language: () => { words = words === WORDS.nl ? WORDS.en : WORDS.nl; label(); paint(); },
  up: () => steer(0, -1), down: () => steer(0, 1), left: () => steer(-1, 0), right: () => steer(1, 0),
  mark: () => { if (aim) toggle(...aim); },
};
for (const [id, act] of Object.entries(acts)) get(id)?.addEventListener("click", act);
const keys = {
  ArrowLeft: "back", ArrowRight: "next", Enter: "next", Backspace: "undo", u: "unsure", "+": "in", "-": "out", 0: "fit",
  w: "up", s: "down", a: "left", d: "right", " ": "mark",
};
addEventListener("keydown", (event) => {
  if (event.target.tagName === "BUTTON" && (event.key === "Enter" || event.key === " ")) return;
  const act = keys[event.key];
  if (act && !event.ctrlKey && !event.metaKey) { event.preventDefault(); acts[act](); }
});
fetch("task").then((answer) => answer.json()).then((found) => {
  task = found;
  label();
  at = Math.max(0, task.pictures.findIndex((p) => !done(p)));
  fit();
  show(at);
});
