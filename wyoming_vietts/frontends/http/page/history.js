// The last texts that were heard, kept in this browser alone.
import { $, fill, make } from "./dom.js";
import { recall, remember } from "./memory.js";
import { t } from "./texts.js";

const MOST = 10;

let reuse; // puts a text, its voice and its speed back

export function start(onReuse) {
  reuse = onReuse;
  $("forget").addEventListener("click", () => {
    remember("history", []);
    show();
  });
}

export function add(wanted) {
  const others = recall("history", []).filter(({ input }) => input !== wanted.input);
  remember("history", [wanted, ...others].slice(0, MOST));
  show();
}

export function show() {
  const texts = recall("history", []);
  $("history").hidden = !texts.length;
  $("history-count").textContent = t("history", texts.length);
  fill($("texts"), texts.map(row));
}

function row(wanted) {
  const button = make("button", { type: "button", textContent: wanted.input, lang: "vi" });
  button.addEventListener("click", () => reuse(wanted));
  const item = make("li", {}, button);
  item.dataset.name = wanted.input;
  return item;
}
