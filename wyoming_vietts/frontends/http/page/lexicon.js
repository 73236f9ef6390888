// The user's own words: add one, hear it, see all, remove one.
import { ask } from "./api.js";
import { $, attempt, button, clearErrorOnInput, fill, make, say } from "./dom.js";
import { t } from "./texts.js";
import { hearButton } from "./transport.js";

const MESSAGE = "lexicon-message";

let showWords; // what a change may have changed
let taken = ""; // what a selection has put into the field

export function start(onChange) {
  showWords = onChange;
  $("lexicon").addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(MESSAGE, add);
  });
  clearErrorOnInput(MESSAGE, $("lexicon"));
  $("text").addEventListener("select", () => {
    const { value, selectionStart, selectionEnd } = $("text");
    const selected = value.slice(selectionStart, selectionEnd).trim();
    const isWhole = selected === value.trim() && /\s/.test(selected); // to be replaced or copied, not taught
    if (!isWhole) take(selected);
  });
  document.addEventListener("selectionchange", () => {
    const selection = document.getSelection();
    const [from, to] = [selection.anchorNode, selection.focusNode].map(sentenceAt);
    if (from && from === to) take(selection.toString());
  });
}

function sentenceAt(node) {
  return (node instanceof Element ? node : node?.parentElement)?.closest("#sentences .written");
}

// Takes a selected word as one to teach, unless the user has typed another.
function take(selected) {
  const [word, field] = [selected.trim(), $("written")];
  if (!word || $("words").hidden || /[=\n]/.test(word) || word.length > field.maxLength) return;
  if (field.value && field.value !== taken) return;
  field.value = taken = word;
}

export async function refresh() {
  list(await ask("GET", "api/lexicon"));
}

function list({ entries, total }, shown = []) {
  const rows = [...shown, ...entries.map(row)];
  $("entry-count").textContent = t("entryCount", total);
  fill($("entries"), rows);
  if (rows.length < total) $("entries").append(more(rows));
}

function more(shown) {
  const next = async () => list(await ask("GET", `api/lexicon?offset=${shown.length}`), shown);
  return make("li", {}, button("moreWords", t("moreWords"), MESSAGE, next));
}

function row({ written, spoken }) {
  const remove = button("remove", t("removeWord", written), MESSAGE, async () => {
    await ask("DELETE", "api/lexicon", { json: { written } });
    await showWords();
    say(MESSAGE, t("wordRemoved", written));
  });
  const item = make("li", {}, make("span", { textContent: `${written} = ${spoken}` }), hearWord(written), remove);
  item.dataset.name = written;
  return item;
}

async function add() {
  const [written, spoken] = [$("written").value.trim(), $("spoken").value.trim()];
  await ask("POST", "api/lexicon", { json: { written, spoken } });
  $("lexicon").reset();
  await showWords();
  say(MESSAGE, t("wordAdded", written, spoken));
  $(MESSAGE).append(" ", hearWord(written));
}

function hearWord(written) {
  const wanted = () => ({ input: written, voice: $("voice").value, speed: Number($("speed").value) });
  return hearButton(`word ${written}`, t("hearWord", written), () => t("spokenWord", written), wanted);
}
