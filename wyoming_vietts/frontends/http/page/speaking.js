// Text in, speech out; and what the text became before it was spoken.
import { ask } from "./api.js";
import { $, attempt, make, say } from "./dom.js";
import * as lexicon from "./lexicon.js";
import { speak, stop } from "./player.js";
import { number, t } from "./texts.js";

const MESSAGE = "speak-message";

export function start() {
  $("text").value ||= t("sample");
  showSpeed();
  $("speed").addEventListener("input", showSpeed);
  $("stop").addEventListener("click", () => {
    stop();
    say(MESSAGE, "");
  });
  $("speak").addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(MESSAGE, hear);
  });
  $("show-words").addEventListener("click", () => attempt(MESSAGE, showWords));
}

export function showSpeed() {
  $("speed-value").value = `${number(Number($("speed").value))}×`;
}

async function hear() {
  say(MESSAGE, t("speaking"));
  const isHeard = await speak($("text").value, $("voice").value, Number($("speed").value), offer);
  if (isHeard) say(MESSAGE, "");
}

function offer(file) {
  URL.revokeObjectURL($("audio").src);
  $("audio").src = $("save").href = URL.createObjectURL(file);
  $("result").hidden = false;
}

export async function showWords() {
  const { sentences } = await ask("POST", "api/normalize", { json: { text: $("text").value } });
  $("sentences").replaceChildren(
    ...sentences.map(({ written, spoken }) =>
      make("li", {}, make("div", { textContent: written }), make("div", { className: "spoken", textContent: spoken })),
    ),
  );
  if (!sentences.length) say(MESSAGE, t("nothingToSay"));
  $("words").hidden = false;
  await lexicon.refresh();
}
