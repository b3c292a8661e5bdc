"use strict";

// Sorting by a click on a column's head. Missing values stand last in both orders.

function valueOf(row, column) {
  const cell = row.cells[column];
  if (cell.dataset.value !== undefined) return Number(cell.dataset.value);
  const text = cell.textContent.trim();
  return column > 0 && cell.closest(".pictures") ? null : text || null;
}

function compareValues(first, second) {
  if (typeof first === "number" && typeof second === "number") return first - second;
  return String(first).localeCompare(String(second), "en", { numeric: true });
}

function sortBy(table, head) {
  const column = head.cellIndex;
  const rising = head.getAttribute("aria-sort") !== "ascending";
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", rising ? "ascending" : "descending");
  const missing = (value) => value === null || Number.isNaN(value);
  const keyed = [...table.tBodies[0].rows].map((row) => ({ row, value: valueOf(row, column) }));
  keyed.sort((a, b) => {
    if (missing(a.value) || missing(b.value)) return missing(a.value) - missing(b.value);
    return (rising ? 1 : -1) * compareValues(a.value, b.value);
  });
  table.tBodies[0].append(...keyed.map((entry) => entry.row));
}

function makeSortable(table) {
  for (const head of table.tHead.rows[0].cells) {
    const rows = [...table.tBodies[0].rows];
    if (rows.length < 2 || rows.every((row) => valueOf(row, head.cellIndex) === null)) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sort";
    button.append(...[...head.childNodes].filter((node) => node.nodeName !== "SMALL"));
    button.addEventListener("click", () => sortBy(table, head));
    head.prepend(button);
  }
}

// Thumbnails are parsed when the first of a data set comes near the visible part, and put into the page row by row.

const parsed = new Map();

function thumbnail(gallery, place) {
  const id = gallery.dataset.thumbnails;
  if (!parsed.has(id)) parsed.set(id, JSON.parse(document.getElementById(id).textContent));
  return parsed.get(id)[Number(place)];
}

function picture(gallery, place, alt, kind) {
  const image = document.createElement("img");
  image.alt = alt;
  image.src = thumbnail(gallery, place);
  if (kind) image.className = kind;
  return image;
}

const near = { rootMargin: "400px", scrollMargin: "400px" };

function whenNear(elements, act) {
  const observer = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      observer.unobserve(entry.target);
      act(entry.target);
    }
  }, near);
  for (const element of elements) observer.observe(element);
}

function labelOf(head) {
  return [...head.querySelectorAll("small, svg")].reduce(
    (text, part) => text.replace(part.textContent, ""), head.textContent).trim();
}

// A gallery: a grid of images, one of which is in the tab order, and the two images under the slider.

class Gallery {
  constructor(element) {
    this.element = element;
    this.table = element.querySelector(".pictures");
    this.body = this.table.tBodies[0];
    this.rows = [...this.body.rows]; // in the order of the file; data-row of a case is an index into them
    this.labels = [...this.table.tHead.rows[0].cells].slice(1).map(labelOf);
    this.compare = element.querySelector(".compare");
    this.pair = this.compare.querySelector(".pair");
    this.range = this.compare.querySelector("input");
    this.picks = [...this.compare.querySelectorAll("select")];
    this.row = this.rows[0];
    this.listen();
    whenNear(this.rows, (row) => this.fill(row));
    whenNear(element.querySelectorAll(".case"), (button) => this.fillCase(button));
    whenNear([this.compare], () => this.show());
    this.compare.hidden = false;
  }

  listen() {
    this.table.addEventListener("click", (event) => {
      const shot = event.target.closest(".shot");
      if (shot) this.choose(shot.closest("tr"), shot.closest("td").cellIndex - 1);
    });
    this.table.addEventListener("keydown", (event) => this.move(event));
    this.table.addEventListener("focusin", (event) => {
      if (event.target.matches(".shot")) this.makeCurrent(event.target);
    });
    this.element.addEventListener("click", (event) => {
      const button = event.target.closest(".case");
      if (!button) return;
      this.choose(this.rows[Number(button.dataset.row)], Number(button.dataset.column));
      this.compare.scrollIntoView({ block: "nearest" });
      this.range.focus();
    });
    this.range.addEventListener("input", () => this.slide());
    for (const pick of this.picks) pick.addEventListener("change", () => this.show());
    for (const [name, by] of [["previous", -1], ["next", 1]]) {
      this.compare.querySelector(`.${name}`).addEventListener("click", () => this.turn(by));
    }
  }

  stem(row) {
    return row.cells[0].textContent.trim();
  }

  fill(row) {
    if (row.dataset.filled) return;
    row.dataset.filled = "yes";
    for (const cell of [...row.cells].slice(1)) {
      if (cell.dataset.image === undefined) continue;
      const button = document.createElement("button");
      button.type = "button";
      button.className = "shot";
      const label = this.labels[cell.cellIndex - 1];
      button.append(picture(this.element, cell.dataset.image, `${this.stem(row)}, ${label}`));
      if (cell.dataset.attention !== undefined) {
        button.append(picture(this.element, cell.dataset.attention, `attention of ${label}`, "attention"));
      }
      button.tabIndex = this.current ? -1 : 0;
      this.current ??= button;
      cell.prepend(button);
    }
  }

  fillCase(button) {
    const cells = this.rows[Number(button.dataset.row)].cells;
    for (const column of button.dataset.shown.trim().split(" ")) {
      button.append(picture(this.element, cells[Number(column) + 1].dataset.image, ""));
    }
  }

  makeCurrent(shot) {
    this.current.tabIndex = -1;
    shot.tabIndex = 0;
    this.current = shot;
  }

  move(event) {
    const shot = event.target.closest(".shot");
    const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    if (!shot || !steps) return;
    event.preventDefault();
    const cell = shot.closest("td");
    let row = cell.parentElement;
    let column = cell.cellIndex;
    for (;;) {
      row = steps[0] === 0 ? row : steps[0] > 0 ? row.nextElementSibling : row.previousElementSibling;
      column += steps[1];
      if (!row || !row.cells[column] || column < 1) return;
      this.fill(row);
      const next = row.cells[column].querySelector(".shot");
      if (next) {
        next.focus();
        return;
      }
    }
  }

  choose(row, column) {
    this.row = row;
    const [left, right] = this.picks;
    if (left.value === String(column) && column > 0) left.value = right.value;
    if (column > 0) right.value = String(column);
    else left.value = "0";
    this.show();
  }

  turn(by) {
    const rows = [...this.body.rows];
    this.row = rows[(rows.indexOf(this.row) + by + rows.length) % rows.length];
    this.show();
  }

  show() {
    for (const [side, pick] of [["left", this.picks[0]], ["right", this.picks[1]]]) {
      const image = this.pair.querySelector(`.${side}`);
      const attention = pick.value.endsWith("a");
      const cell = this.row.cells[Number.parseInt(pick.value, 10) + 1];
      const place = attention ? cell.dataset.attention : cell.dataset.image;
      const label = pick.selectedOptions[0].textContent;
      image.hidden = place === undefined;
      image.alt = place === undefined ? "" : `${this.stem(this.row)}, ${label}`;
      if (place !== undefined) image.src = thumbnail(this.element, place);
    }
    for (const row of this.rows) row.classList.toggle("chosen", row === this.row);
    const place = [...this.body.rows].indexOf(this.row) + 1;
    this.compare.querySelector(".which").textContent = `${this.stem(this.row)} (${place} of ${this.rows.length})`;
    this.slide();
  }

  slide() {
    const share = Number(this.range.value);
    this.pair.style.setProperty("--at", `${share}%`);
    const [left, right] = this.picks.map((pick) => pick.selectedOptions[0].textContent);
    this.range.setAttribute("aria-label", `Border between ${left} and ${right}`);
    this.range.setAttribute("aria-valuetext", `${share} % ${left}, ${100 - share} % ${right}`);
  }
}

// Long parts are open in the file, so that they can be read without a script. They are closed on a narrow screen, and
// open on paper.

const long = [...document.querySelectorAll("details.long")];
let closed = [];

function openForPrint() {
  closed = long.filter((details) => !details.open);
  for (const details of closed) details.open = true;
}

function closeAgain() {
  for (const details of closed) details.open = false;
  closed = [];
}

if (window.matchMedia("(max-width: 52rem)").matches) for (const details of long) details.open = false;
window.addEventListener("beforeprint", openForPrint);
window.addEventListener("afterprint", closeAgain);

for (const table of document.querySelectorAll(".scores table, .pictures")) makeSortable(table);
for (const element of document.querySelectorAll(".gallery")) new Gallery(element);
