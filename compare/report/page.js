// Tables sort by the column whose header is clicked, or on which Enter is pressed.
"use strict";
for (const table of document.querySelectorAll("table.sorts")) {
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const sort = (head, column) => {
    const down = head.getAttribute("aria-sort") === "ascending";
    for (const other of heads) other.setAttribute("aria-sort", "none");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const key = (row) => {
      const cell = row.cells[column];
      return "value" in cell.dataset ? Number(cell.dataset.value) : cell.textContent;
    };
    const empty = (value) => value === "" || Number.isNaN(value);
    const compare = (a, b) => {
      if (typeof a === "number" && typeof b === "number") return a - b;
      // A number stands before a text, as in "not reached".
      if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
      return a.localeCompare(b, "en", { numeric: true });
    };
    const rows = [...body.rows].map((row) => [key(row), row]);
    rows.sort(([a], [b]) => {
      if (empty(a) || empty(b)) return empty(a) - empty(b);
      return down ? compare(b, a) : compare(a, b);
    });
    body.append(...rows.map(([, row]) => row));
  };
  heads.forEach((head, column) => {
    // A button brings the keyboard with it; without a script there is none to press.
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    head.setAttribute("aria-sort", "none");
    head.addEventListener("click", () => sort(head, column));
  });
}
