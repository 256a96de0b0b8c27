// What is drawn over the picture, and the plan from above.
const FILL = ["#35b04a", "#f0bb00", "#d9441e"];

function path(draw, points, close = false) {
  draw.beginPath();
  points.forEach(([x, y], i) => (i ? draw.lineTo(x, y) : draw.moveTo(x, y)));
  if (close) draw.closePath();
}

function twice(draw, dark, light, width) {
  for (const [colour, w] of [[dark, width + 2], [light, width]]) {
    draw.strokeStyle = colour;
    draw.lineWidth = w;
    draw.stroke();
  }
}

function text(draw, words, x, y, colour = "#fff") {
  draw.font = "600 13px system-ui, sans-serif";
  draw.lineJoin = "round";
  draw.strokeStyle = "#000b";
  draw.lineWidth = 4;
  draw.strokeText(words, x, y);
  draw.fillStyle = colour;
  draw.fillText(words, x, y);
}

/** A class of the error map by colour and, for who sees no colours, by hatching. */
export function errorMap(draw, cells, to) {
  const { side, columns, classes } = cells;
  for (let i = 0; i < classes.length; i++) {
    const kind = classes[i];
    if (kind < 0) continue;
    const column = i % columns, row = Math.floor(i / columns);
    const [x, y] = to([column * side - 0.5, row * side - 0.5]), [x2, y2] = to([(column + 1) * side - 0.5, (row + 1) * side - 0.5]);
    draw.globalAlpha = 0.28;
    draw.fillStyle = FILL[kind];
    draw.fillRect(x, y, x2 - x, y2 - y);
    if (!kind) continue;
    draw.globalAlpha = 0.6;
    draw.strokeStyle = FILL[kind];
    draw.lineWidth = 1;
    path(draw, [[x, y2], [x2, y]]);
    if (kind === 2) { draw.moveTo(x, y); draw.lineTo(x2, y2); }
    draw.stroke();
  }
  draw.globalAlpha = 1;
}

export function grid(draw, lines, to) {
  draw.strokeStyle = "#ffffff99";
  draw.lineWidth = 1;
  for (const line of lines) { path(draw, line.map(to)); draw.stroke(); }
}

export function horizon(draw, points, to) {
  if (points.length < 2) return;
  path(draw, points.map(to));
  draw.setLineDash([10, 6]);
  twice(draw, "#0008", "#ff5a3c", 2);
  draw.setLineDash([]);
}

export function zone(draw, corners, to, { name, chosen, closed = true }) {
  const at = corners.map(to);
  if (!at.length) return;
  path(draw, at, closed);
  if (closed && at.length > 2) { draw.fillStyle = chosen ? "#1e78ff40" : "#1e78ff22"; draw.fill(); }
  twice(draw, "#0009", chosen ? "#7db8ff" : "#4c97ff", chosen ? 2.5 : 2);
  for (const [x, y] of at) dot(draw, x, y, chosen ? 5 : 3.5, "#7db8ff");
  if (closed && name) text(draw, name, at.reduce((s, p) => s + p[0], 0) / at.length - 4 * name.length, at.reduce((s, p) => s + p[1], 0) / at.length, "#d9eaff");
}

/** A counting line with an arrow to the side that counts as "in": from left to right. */
export function countingLine(draw, from, to, name) {
  const [dx, dy] = [to[0] - from[0], to[1] - from[1]], length = Math.max(1, Math.hypot(dx, dy));
  const right = [-dy / length, dx / length], along = [dx / length, dy / length];
  const middle = [(from[0] + to[0]) / 2, (from[1] + to[1]) / 2], tip = [middle[0] + right[0] * 26, middle[1] + right[1] * 26];
  path(draw, [from, to]);
  twice(draw, "#0009", "#ffd23c", 3);
  path(draw, [middle, tip]);
  for (const side of [-1, 1]) {
    draw.moveTo(tip[0], tip[1]);
    draw.lineTo(tip[0] - right[0] * 9 + side * along[0] * 6, tip[1] - right[1] * 9 + side * along[1] * 6);
  }
  twice(draw, "#0009", "#ffd23c", 2);
  dot(draw, ...from, 5, "#ffd23c");
  dot(draw, ...to, 5, "#ffd23c");
  text(draw, name, from[0] + 8, from[1] - 9, "#ffe9a0");
}

export function dot(draw, x, y, radius, colour) {
  draw.beginPath();
  draw.arc(x, y, radius, 0, 7);
  draw.fillStyle = colour;
  draw.fill();
  draw.strokeStyle = "#000a";
  draw.lineWidth = 1.5;
  draw.stroke();
}

/** A clicked point; `fitted`: where the calibration puts it. */
export function point(draw, [x, y], { name, off, chosen, fitted, sigmas }) {
  const bad = sigmas > 3;
  if (fitted) { path(draw, [[x, y], fitted]); twice(draw, "#000a", bad ? "#ff5a3c" : "#fff", 1.5); }
  draw.beginPath();
  draw.arc(x, y, 8, 0, 7);
  twice(draw, "#000a", bad ? "#ff5a3c" : chosen ? "#7dffb0" : "#fff", chosen ? 3 : 2);
  draw.beginPath();
  draw.moveTo(x - 4, y); draw.lineTo(x + 4, y); draw.moveTo(x, y - 4); draw.lineTo(x, y + 4);
  twice(draw, "#000a", "#fff", 1);
  text(draw, off ? `${name}  ${off}` : name, x + 12, y - 8, bad ? "#ffb3a3" : "#fff");
}

/** The plan from above: field of view, camera, zones, points, and a bar of so many metres. */
export function plan(canvas, drawing, zones, points) {
  const draw = canvas.getContext("2d"), all = [...zones.flatMap((z) => z.polygon), ...points];
  draw.clearRect(0, 0, canvas.width, canvas.height);
  if (!drawing) return;
  if (drawing.camera) all.push(drawing.camera);
  // The far end of the view may lie a street away: what matters is near.
  const foot = drawing.camera ?? drawing.view[0], reach = Math.max(15, ...all.map((p) => 1.4 * Math.hypot(p[0] - foot[0], p[1] - foot[1])));
  const view = drawing.view.map((p) => {
    const gap = Math.hypot(p[0] - foot[0], p[1] - foot[1]), part = Math.min(1, reach / Math.max(gap, 1e-9));
    return [foot[0] + (p[0] - foot[0]) * part, foot[1] + (p[1] - foot[1]) * part];
  });
  all.push(...view);
  if (!all.length) return;
  const low = [0, 1].map((i) => Math.min(...all.map((p) => p[i]))), high = [0, 1].map((i) => Math.max(...all.map((p) => p[i])));
  const scale = Math.min((canvas.width - 20) / Math.max(1, high[0] - low[0]), (canvas.height - 34) / Math.max(1, high[1] - low[1]));
  const left = (canvas.width - (high[0] - low[0]) * scale) / 2;
  const to = ([x, y]) => [left + (x - low[0]) * scale, canvas.height - 24 - (y - low[1]) * scale];
  path(draw, view.map(to), true);
  draw.fillStyle = "#fff";
  draw.fill();
  draw.strokeStyle = "#8a93a0";
  draw.lineWidth = 1;
  draw.stroke();
  draw.font = "600 12px system-ui, sans-serif";
  for (const { name, polygon, lines } of zones) {
    path(draw, polygon.map(to), true);
    draw.fillStyle = "#1e78ff33";
    draw.fill();
    draw.strokeStyle = "#0b4f8a";
    draw.stroke();
    for (const line of lines) { path(draw, line.map(to)); draw.strokeStyle = "#a37800"; draw.lineWidth = 2; draw.stroke(); draw.lineWidth = 1; }
    const at = polygon.map(to);
    draw.fillStyle = "#0b2f55";
    draw.textAlign = "center";
    draw.fillText(name, at.reduce((s, p) => s + p[0], 0) / at.length, at.reduce((s, p) => s + p[1], 0) / at.length);
  }
  for (const p of points) dot(draw, ...to(p), 3, "#111");
  if (drawing.camera) {
    const [x, y] = to(drawing.camera);
    path(draw, [[x - 6, y + 6], [x, y - 6], [x + 6, y + 6]], true);
    draw.fillStyle = "#d1006c";
    draw.fill();
  }
  const bar = [1, 2, 5, 10, 20, 50, 100].findLast((m) => m * scale < canvas.width / 3) ?? 1;
  draw.strokeStyle = "#111";
  draw.lineWidth = 2;
  path(draw, [[10, canvas.height - 8], [10 + bar * scale, canvas.height - 8]]);
  draw.stroke();
  draw.fillStyle = "#111";
  draw.textAlign = "left";
  draw.fillText(`${bar} m`, 14 + bar * scale, canvas.height - 4);
}
