// Text in, speech out; and what the text became before it was spoken.
import { ask } from "./api.js";
import { $, attempt, make, say } from "./dom.js";
import { speak, stop } from "./player.js";
import { t } from "./texts.js";

let hasLexicon = false;

export function start(status) {
  hasLexicon = status.has_lexicon;
  if (!$("text").value) $("text").value = t("sample");
  $("speed").addEventListener("input", () => ($("speed-value").value = `${Number($("speed").value)}×`));
  $("stop").addEventListener("click", stop);
  $("speak").addEventListener("submit", (event) => {
    event.preventDefault();
    attempt("speak-message", hear);
  });
  $("show-words").addEventListener("click", () => attempt("speak-message", showWords));
  $("lexicon").addEventListener("submit", (event) => {
    event.preventDefault();
    attempt("lexicon-message", addWord);
  });
}

async function hear() {
  say("speak-message", t("speaking"));
  $("stop").disabled = false;
  try {
    const file = await speak($("text").value, $("voice").value, Number($("speed").value));
    say("speak-message", "");
    if (file) offer(file);
  } finally {
    $("stop").disabled = true;
  }
}

function offer(file) {
  URL.revokeObjectURL($("audio").src);
  $("audio").src = $("save").href = URL.createObjectURL(file);
  $("result").hidden = false;
}

async function showWords() {
  const { sentences } = await ask("POST", "api/normalize", { json: { text: $("text").value } });
  $("sentences").replaceChildren(
    ...sentences.map(({ written, spoken }) =>
      make("li", {}, make("div", { textContent: written }), make("div", { className: "spoken", textContent: spoken })),
    ),
  );
  $("words").hidden = false;
  for (const field of $("lexicon").querySelectorAll("input, button")) field.disabled = !hasLexicon;
  if (!hasLexicon) say("lexicon-message", t("noLexicon"));
}

async function addWord() {
  const [written, spoken] = [$("written").value, $("spoken").value];
  await ask("POST", "api/lexicon", { json: { written, spoken } });
  $("lexicon").reset();
  await showWords();
  say("lexicon-message", t("wordAdded", written, spoken));
}
