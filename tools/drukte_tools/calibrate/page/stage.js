// The picture with everything on it. Places are in px of the picture, (0, 0) in the middle of its first pixel.
const SLOP = 6, NEAR = { mouse: 11, touch: 24, pen: 16 }, LOUPE = 6;

/** `host`: handles(), place(p), moved(handle, p, begun), paint(draw, scale), hover(p), choose(handle). */
export class Stage {
  constructor(canvas, loupe, host) {
    Object.assign(this, { canvas, loupe, host, image: null, size: [640, 480], scale: 1, shift: [0, 0], cursor: null });
    this.fingers = new Map();
    this.drag = null;
    canvas.addEventListener("pointerdown", (e) => this.down(e));
    canvas.addEventListener("pointermove", (e) => this.move(e));
    canvas.addEventListener("pointerup", (e) => this.up(e));
    canvas.addEventListener("pointercancel", (e) => this.up(e, true));
    canvas.addEventListener("pointerleave", () => { if (!this.fingers.size) { loupe.hidden = true; host.hover(null); } });
    canvas.addEventListener("wheel", (e) => { e.preventDefault(); this.zoom(Math.exp(-e.deltaY / 400), this.at(e)); }, { passive: false });
    new ResizeObserver(() => this.resize()).observe(canvas);
  }

  resize() {
    const ratio = window.devicePixelRatio || 1, box = this.canvas.getBoundingClientRect();
    const whole = !this.width || this.fitted;
    [this.width, this.height] = [box.width, box.height];
    this.canvas.width = Math.max(1, Math.round(box.width * ratio));
    this.canvas.height = Math.max(1, Math.round(box.height * ratio));
    if (whole) this.fit();
    else this.paint();
  }

  fit() {
    this.scale = Math.max(0.01, Math.min(this.width / this.size[0], this.height / this.size[1]));
    this.shift = [(this.width - this.size[0] * this.scale) / 2, (this.height - this.size[1] * this.scale) / 2];
    this.fitted = true;
    this.paint();
  }

  at(e) {
    const box = this.canvas.getBoundingClientRect();
    return [e.clientX - box.left, e.clientY - box.top];
  }

  toPicture([x, y]) { return [(x - this.shift[0]) / this.scale - 0.5, (y - this.shift[1]) / this.scale - 0.5]; }
  toScreen([x, y]) { return [(x + 0.5) * this.scale + this.shift[0], (y + 0.5) * this.scale + this.shift[1]]; }
  inside([x, y]) { return x >= -0.5 && y >= -0.5 && x <= this.size[0] - 0.5 && y <= this.size[1] - 0.5; }

  zoom(factor, middle = [this.width / 2, this.height / 2]) {
    const least = Math.min(this.width / this.size[0], this.height / this.size[1]) * 0.5;
    const scale = Math.max(least, Math.min(40, this.scale * factor)), by = scale / this.scale;
    this.shift = [0, 1].map((i) => middle[i] - (middle[i] - this.shift[i]) * by);
    this.scale = scale;
    this.fitted = false;
    this.paint();
  }

  nearest(screen, kind) {
    let best = null, least = NEAR[kind] ?? NEAR.mouse;
    for (const handle of this.host.handles()) {
      const [x, y] = this.toScreen(handle.pixel), gap = Math.hypot(x - screen[0], y - screen[1]);
      if (gap < least) [best, least] = [handle, gap];
    }
    return best;
  }

  down(e) {
    this.canvas.focus({ preventScroll: true });
    this.canvas.setPointerCapture(e.pointerId);
    this.cursor = null;
    const at = this.at(e);
    this.fingers.set(e.pointerId, at);
    if (this.fingers.size > 1) { this.drag = { pinch: true }; return; }
    const handle = this.nearest(at, e.pointerType);
    const [x, y] = handle ? this.toScreen(handle.pixel) : at;
    this.drag = { start: at, last: at, handle, grip: [x - at[0], y - at[1]], far: false };
  }

  move(e) {
    const at = this.at(e), before = this.fingers.get(e.pointerId);
    if (!before) {
      this.look(this.toPicture(at), e.pointerType === "mouse");
      return;
    }
    if (this.drag?.pinch && this.fingers.size === 2) {
      const other = [...this.fingers].find(([id]) => id !== e.pointerId)[1];
      const spread = (p) => Math.max(20, Math.hypot(p[0] - other[0], p[1] - other[1]));
      const middle = [(at[0] + other[0]) / 2, (at[1] + other[1]) / 2];
      this.shift = this.shift.map((v, i) => v + (at[i] - before[i]) / 2);
      this.fingers.set(e.pointerId, at);
      this.zoom(spread(at) / spread(before), middle);
      return;
    }
    this.fingers.set(e.pointerId, at);
    const drag = this.drag;
    if (!drag || drag.pinch) return;
    const begun = !drag.far && Math.hypot(at[0] - drag.start[0], at[1] - drag.start[1]) > SLOP;
    drag.far ||= begun;
    if (!drag.far) return;
    if (drag.handle) {
      const to = this.toPicture([at[0] + drag.grip[0], at[1] + drag.grip[1]]);
      this.host.moved(drag.handle, this.clamped(to), begun);
      this.look(to, true);
    } else {
      this.shift = this.shift.map((v, i) => v + at[i] - drag.last[i]);
      this.fitted = false;
      this.paint();
    }
    drag.last = at;
  }

  up(e, cancelled = false) {
    const known = this.fingers.delete(e.pointerId), drag = this.drag;
    if (!this.fingers.size) this.drag = null;
    if (e.pointerType !== "mouse") this.loupe.hidden = true;
    if (cancelled || !known || !drag || drag.pinch || drag.far) return;
    if (drag.handle) this.host.choose(drag.handle);
    else {
      const p = this.toPicture(drag.start);
      if (this.inside(p)) this.host.place(this.clamped(p));
    }
  }

  clamped([x, y]) {
    const round = (v) => Math.round(v * 10) / 10;
    return [round(Math.max(0, Math.min(this.size[0] - 1, x))), round(Math.max(0, Math.min(this.size[1] - 1, y)))];
  }

  /** Move the keyboard's cross by (dx, dy) px. */
  step(dx, dy) {
    const at = this.cursor ?? this.toPicture([this.width / 2, this.height / 2]).map(Math.round);
    this.cursor = this.clamped([at[0] + dx, at[1] + dy]);
    this.paint();
    this.look(this.cursor, true);
  }

  /** Show what lies around `p`, enlarged. */
  look(p, large) {
    this.host.hover(p);
    const size = this.loupe.width;
    this.loupe.hidden = !large || !this.inside(p) || !this.image || this.scale > LOUPE;
    if (this.loupe.hidden) return;
    this.loupe.classList.toggle("right", this.toScreen(p)[0] < size + 40 && this.toScreen(p)[1] < size + 40);
    const draw = this.loupe.getContext("2d"), span = size / LOUPE;
    draw.imageSmoothingEnabled = false;
    draw.fillStyle = "#2a2f36";
    draw.fillRect(0, 0, size, size);
    draw.drawImage(this.image, p[0] + 0.5 - span / 2, p[1] + 0.5 - span / 2, span, span, 0, 0, size, size);
    for (const [colour, width] of [["#fff", 3], ["#d1006c", 1]]) {
      draw.strokeStyle = colour;
      draw.lineWidth = width;
      draw.beginPath();
      for (const [a, b] of [[0, size / 2 - 6], [size / 2 + 6, size]]) {
        draw.moveTo(a, size / 2); draw.lineTo(b, size / 2);
        draw.moveTo(size / 2, a); draw.lineTo(size / 2, b);
      }
      draw.stroke();
    }
  }

  paint() {
    if (!this.width) return;
    const draw = this.canvas.getContext("2d"), ratio = this.canvas.width / this.width;
    draw.setTransform(ratio, 0, 0, ratio, 0, 0);
    draw.fillStyle = "#2a2f36";
    draw.fillRect(0, 0, this.width, this.height);
    const [x, y] = this.shift, [w, h] = this.size.map((v) => v * this.scale);
    draw.imageSmoothingEnabled = this.scale < 3;
    if (this.image) draw.drawImage(this.image, x, y, w, h);
    else { draw.fillStyle = "#808080"; draw.fillRect(x, y, w, h); }
    draw.save();
    draw.beginPath();
    draw.rect(x, y, w, h);
    draw.clip();
    this.host.paint(draw, (p) => this.toScreen(p), this.scale);
    draw.restore();
    if (this.cursor) {
      const [cx, cy] = this.toScreen(this.cursor);
      for (const [colour, width] of [["#fff", 4], ["#d1006c", 1.5]]) {
        draw.strokeStyle = colour;
        draw.lineWidth = width;
        draw.beginPath();
        draw.moveTo(cx - 18, cy); draw.lineTo(cx + 18, cy); draw.moveTo(cx, cy - 18); draw.lineTo(cx, cy + 18);
        draw.stroke();
      }
    }
  }
}
