// The page: what a person does becomes requests, and what comes back is shown.

import { Adapters } from "./adapters.js";
import { ask, fileOf, follow } from "./api.js";
import { Brush } from "./brush.js";
import { History } from "./history.js";
import { Settings } from "./settings.js";
import { Sheet } from "./sheet.js";
import { Stage, promptOf } from "./stage.js";
import { Sweep } from "./sweep.js";
import { Chips, wordButton } from "./words.js";

const find = (id) => document.getElementById(id);
const TYPING_PAUSE = 180; // milliseconds
const beside = matchMedia("(min-width: 1081px)"); // the edit stands beside the picture, as the style sheet has it

const model = await ask("GET", "/api/model");
const stage = new Stage(model.colours);
const brush = new Brush();
const history = new History(select, forget, (problem) => tell(problem.message));
const settings = new Settings(model.defaults, explainSoon);
const adapters = new Adapters(model.adapters, explainSoon);
const chips = new Chips(settings, lookAtChip, explainSoon);
const sheet = new Sheet((picture) => history.go(history.entries.indexOf(picture)), () => cancel(underway.at(-1))?.catch((problem) => tell(problem.message)));
const sweep = new Sweep(() => read.chips, sweepOver);
const mapsOf = new Map(); // of a picture's id, so that pointing at a word asks for nothing
let source = null;
let result = null;
let photo = null;
let read = { text: "", weights: {}, chips: [] };
let typing = 0;
const underway = []; // the jobs that are not over, in the order in which they were asked for: the id and state of each, and what it edits
let preview = onStage; // where a picture is seen while it is made

// --- running ---

const DOING = { generate: "drawing", edit: "editing", invert: "taking the photograph apart" };

// Have a job done; gives its pictures.
async function run(kind, body) {
  tell(null);
  try {
    return await watch(await ask("POST", `/api/${kind}`, body), body.source);
  } catch (problem) {
    tell(problem.message);
    return [];
  }
}

// `of` is the id of the picture that is edited.
async function watch(job, of) {
  const own = { id: job.id, state: job.state, of };
  try {
    underway.push(own);
    find("run").hidden = false;
    const over = await follow(job, progress, () => (find("run-text").textContent = "the server does not answer; your picture goes on when it is back"));
    if (over.state === "cancelled") stage.show(source, result);
    return await Promise.all(over.pictures.map((id) => ask("GET", `/api/pictures/${id}`)));
  } catch (problem) {
    tell(problem.message);
    stage.show(source, result);
    return [];
  } finally {
    underway.splice(underway.indexOf(own), 1);
    find("run").hidden = underway.length === 0;
  }
}

const cancel = (job) => job && ask("DELETE", `/api/jobs/${job.id}`);

// Of several the one that runs is shown: the others wait for it.
const shownJob = () => underway.find(({ state }) => state === "running") ?? underway[0];

function progress(job) {
  underway.find(({ id }) => id === job.id).state = job.state;
  if (job.id !== shownJob().id) return;
  const more = underway.length > 1 ? `, ${underway.length - 1} more after it` : "";
  find("progress").max = job.total || 1;
  find("progress").value = job.step;
  const waits = job.state === "waiting";
  find("run-text").textContent = (waits ? "waiting for its turn" : `${DOING[job.kind]}: step ${job.step} of ${job.total || "…"}`) + more;
  preview(job);
}

function onStage(job) {
  if (job.preview) stage.preview(job.preview, job.kind === "edit");
}

function tell(problem) {
  find("problem").hidden = !problem;
  find("problem").textContent = problem ?? "";
}

const generation = (seed) => ({
  seed,
  num_inference_steps: Number(find("steps").value),
  guidance_scale: Number(find("guidance").value),
  ...(find("negative").value ? { negative_prompt: find("negative").value } : {}),
  source_adapters: adapters.source(),
});

async function draw(seed = Number(find("seed").value)) {
  const made = await run("generate", { prompt: find("prompt").value, options: generation(seed) });
  return made[0] ?? null;
}

async function editBody(hold, change, of) {
  clearTimeout(typing);
  await explain();
  if (brush.painted && !brush.id) brush.id = (await ask("POST", "/api/uploads", await brush.blob())).id;
  const options = { ...settings.options(read.chips, hold), target_adapters: adapters.target() };
  const weights = { ...options.equalizer, ...read.weights };
  if (Object.keys(weights).length) options.equalizer = weights;
  if (brush.painted) options.local_blend = { words: [], ...options.local_blend, hold_pixels: true };
  change?.(options);
  return { source: of.id, target: read.text, options, ...(brush.painted ? { mask: brush.id } : {}) };
}

// `hold` stands for the slider, `change` is given the options, `of` is what is edited.
async function edit(hold, change, of = source) {
  let body;
  try {
    body = await editBody(hold, change, of);
  } catch (problem) {
    tell(problem.message);
    return null;
  }
  return (await run("edit", body))[0] ?? null;
}

// --- showing ---

function keep(picture) {
  if (!picture) return false;
  history.add(picture);
  show(picture);
  return true;
}

// An edit is shown beside what it was made of; `alone` shows it as the picture that is edited next.
function show(picture, alone = false) {
  const isEdit = picture.kind === "edit" && !alone;
  stand(isEdit ? history.find(picture.source) : picture, isEdit ? picture : null);
  brush.fit(source);
  showSaid();
  find("download").href = fileOf(picture.id);
  find("download").download = `${picture.kind === "edit" ? "edited" : "source"}.png`;
  for (const one of [source, result]) if (one) loadMaps(one);
}

function showNothing() {
  stand(null, null);
  brush.clear();
  brush.toggle(false);
  find("source-words").replaceChildren();
  find("words-hint").hidden = true;
  showSaid();
  tell(null);
}

// What is known of the picture, but for what is said of the edit that is typed.
function showSaid() {
  const lines = (result ?? source)?.said.filter((line) => !read.recipe?.includes(line)) ?? [];
  find("said").replaceChildren(...lines.map((line) => Object.assign(document.createElement("li"), { textContent: line })));
}

function stand(before, after) {
  [source, result] = [before, after];
  stage.show(source, result);
  for (const id of ["download", "code"]) find(id).hidden = !source;
  find("onward").hidden = !result;
  for (const id of ["edit", "strengths", "best", "sweep", "brush"]) find(id).disabled = !source;
}

// Pictures that are removed: nothing more is made of them.
function forget(ids) {
  for (const id of ids) mapsOf.delete(id);
  for (const job of underway) if (ids.has(job.of)) cancel(job).catch((problem) => tell(problem.message));
}

async function loadMaps(picture) {
  try {
    if (!mapsOf.has(picture.id)) {
      const maps = await ask("GET", `/api/pictures/${picture.id}/maps`);
      mapsOf.set(picture.id, new Map(maps.words.map(({ word, values }) => [word, values])));
    }
    if (picture === source) showSourceWords();
  } catch (problem) {
    tell(problem.message);
  }
}

function showSourceWords() {
  const words = [...mapsOf.get(source.id).keys()].filter((word) => /[\p{L}\p{N}]/u.test(word));
  const buttons = words.map((word) => wordButton(word, (at) => look(source, at, false), chooseSourceWord));
  find("source-words").replaceChildren(...buttons);
  find("words-hint").textContent = matchMedia("(hover: none)").matches
    ? "Press a word to see where it is. Press it again to change its weight."
    : "Point at a word to see where it is. Press it to change its weight.";
  find("words-hint").hidden = false;
}

function look(picture, word, after) {
  const values = word === null ? null : mapsOf.get(picture?.id)?.get(word);
  stage.showMap(values ?? null, word, after);
}

function lookAtChip(chip) {
  if (!chip) stage.showMap(null);
  else if (chip.kind === "dropped") look(source, chip.selector, false);
  else if (result && mapsOf.get(result.id)?.has(chip.selector)) look(result, chip.selector, true);
  else look(source, chip.stands_for || chip.selector, false);
}

function chooseSourceWord(word) {
  const same = read.chips.find((chip) => chip.kind !== "dropped" && [chip.stands_for, chip.selector].includes(word));
  const again = same?.selector === chips.chosen;
  if (same) chips.choose(same.selector);
  // Where the map would be scrolled away, a word is pressed once for its map and once more for its controls.
  if (again || beside.matches) find("word").scrollIntoView({ block: "nearest" });
}

// Stand where a picture of the history was made: its prompt, its settings, its mask.
function select(picture) {
  if (!picture) {
    showNothing();
    return explain();
  }
  let first = picture;
  while (first?.kind === "edit") first = history.find(first.source);
  if (!first) return tell("The picture that this is an edit of was let go; draw it again.");
  restoreSource(first.request);
  show(picture);
  if (picture.kind === "edit") restoreEdit(picture.request.edit);
  return explain();
}

function restoreSource({ generate, invert }) {
  const made = generate ?? invert;
  const { options } = made;
  find("prompt").value = made.prompt;
  find("seed").value = options.seed ?? 0;
  find("steps").value = options.num_inference_steps ?? model.defaults.num_inference_steps;
  find("guidance").value = options.guidance_scale ?? model.defaults.guidance_scale;
  find("negative").value = options.negative_prompt ?? "";
  adapters.restoreSource(options.source_adapters);
}

function restoreEdit({ target, options, mask }) {
  find("target").value = target;
  settings.restore(options);
  adapters.restoreTarget(options.target_adapters);
  brush.load(mask ?? null);
}

// --- the difference, while it is typed ---

function explainSoon() {
  clearTimeout(typing);
  typing = setTimeout(() => explain().catch((problem) => tell(problem.message)), TYPING_PAUSE);
}

async function explain() {
  const target = find("target").value;
  const prompt = promptShown();
  // Weights and windows count only for words that are there, which the answer says: where it changes them, ask again.
  const own = { target_adapters: adapters.target(), local_blend: undefined };
  const asked = (chips) => ({ prompt, target, generation: generationShown(), options: { ...settings.options(chips), ...own } });
  let said = await ask("POST", "/api/words", asked(read.chips));
  if (JSON.stringify(asked(said.chips)) !== JSON.stringify(asked(read.chips))) said = await ask("POST", "/api/words", asked(said.chips));
  if (target !== find("target").value) return;
  read = said;
  showSaid();
  chips.show(said.chips.map((chip) => ({ ...chip, weight: said.weights[chip.selector] ?? settings.weights[chip.selector] ?? chip.weight })));
  const lines = target ? [...(said.problem ? [] : said.recipe), ...said.hints] : ["Change a word, and press Edit."];
  find("does").replaceChildren(
    ...lines.map((line) => Object.assign(document.createElement("p"), { textContent: line })),
    ...(said.problem && target ? [Object.assign(document.createElement("p"), { textContent: said.problem, className: "wrong" })] : []),
  );
}

// The options of the picture that is edited.
function generationShown() {
  let first = source;
  while (first?.kind === "edit") first = history.find(first.source);
  if (!first) return generation(Number(find("seed").value));
  const { options } = first.request.generate ?? first.request.invert;
  return source.kind === "edit" ? { ...options, source_adapters: source.request.edit.options.target_adapters } : options;
}

function promptShown() {
  return source ? promptOf(source) : find("prompt").value;
}

// --- several to choose from ---

async function choose(makers) {
  const made = await sheet.fill(
    makers.map(([label, make]) => [
      label,
      async (show) => {
        preview = (job) => job.preview && show(job.preview);
        const picture = await make();
        preview = onStage;
        if (picture) history.add(picture);
        return picture;
      },
    ]),
  );
  if (made.length && find("sheet").open) show(made.at(-1));
}

// The edit once for each value of a setting.
function sweepOver({ kind, word }, values) {
  const makers = {
    hold: (value) => edit(value / 100),
    weight: (value) => edit(undefined, (options) => (options.equalizer = { ...options.equalizer, [word]: value })),
    threshold: (value) => edit(undefined, (options) => (options.local_blend.threshold = value / 100)),
    seed: (value) => editOfSeed(source.request.generate, value),
  };
  return choose(values.map(([label, value]) => [label, () => makers[kind](value)]));
}

// The edit at the strength that scores best; what else was tried is one press away.
async function findBest() {
  // Without a recipe the search also begins with the other one.
  const searched = (options) => {
    if (options.recipe === "auto") delete options.recipe;
    options.strength = "auto";
  };
  const made = await sheet.search(
    async (seen) => {
      preview = seen;
      const picture = await edit(undefined, searched);
      preview = onStage;
      return picture;
    },
    async ({ strength, recipe }) => {
      const again = await edit(undefined, (options) => Object.assign(options, { strength, recipe }));
      if (keep(again)) restoreEdit(again.request.edit);
    },
  );
  if (keep(made)) restoreEdit(made.request.edit);
}

async function editOfSeed(generate, seed) {
  const [other] = await run("generate", { ...generate, options: { ...generate.options, seed } });
  if (!other) return null;
  history.add(other);
  return edit(undefined, undefined, other);
}

// --- photographs, and pictures that bring their settings ---

async function take(file) {
  tell(null);
  try {
    const uploaded = await ask("POST", "/api/uploads", file);
    if (uploaded.remembered?.generate) await remember(uploaded.remembered);
    else offer(uploaded);
  } catch (problem) {
    tell(problem.message);
  }
}

async function remember({ generate, edits }) {
  restoreSource({ generate });
  let [made] = await run("generate", generate);
  find("target").value = edits.at(-1)?.target ?? generate.prompt;
  for (const again of edits) {
    if (!keep(made)) return;
    restoreEdit(again);
    [made] = await run("edit", { ...again, source: made.id });
  }
  if (keep(made)) await explain();
}

// Edits change the edit from now on, and no longer the picture that it was made of.
async function editFurther() {
  show(result, true);
  settings.reset();
  adapters.followSource(source.request.edit.options.target_adapters);
  brush.clear();
  await explain();
}

function offer(uploaded) {
  photo = uploaded;
  find("photo").src = fileOf(uploaded.id);
  find("photo-form").hidden = false;
  const remembered = uploaded.remembered?.invert;
  find("shows").value = remembered?.prompt ?? "";
  if (remembered) find("method").value = remembered.method;
  find("shows").focus();
}

async function invert(picture, prompt) {
  const body = { picture, prompt, method: find("method").value, options: { num_inference_steps: Number(find("steps").value), guidance_scale: Number(find("guidance").value) } };
  const [made] = await run("invert", body);
  if (!keep(made)) return;
  find("prompt").value = find("target").value = prompt;
  settings.reset();
  adapters.followSource();
  brush.clear();
  find("photo-form").hidden = true;
  await explain();
}

// --- what a person does ---

const on = (id, event, action) =>
  find(id).addEventListener(event, (given) => {
    if (event === "submit") given.preventDefault();
    action(given)?.catch?.((problem) => tell(problem.message));
  });

on("draw-form", "submit", async () => {
  if (!keep(await draw())) return;
  brush.clear();
  await explain();
});
on("edit-form", "submit", async () => keep(await edit()));
on("dice", "click", () => {
  find("seed").value = Math.floor(Math.random() * 2 ** 31);
  find("draw-form").requestSubmit();
});
const filled = (form) => find(form).reportValidity(); // says what is missing
on("seeds", "click", () => {
  if (!filled("draw-form")) return;
  const first = Number(find("seed").value);
  return choose([1, 2, 3, 4].map((more) => [`seed ${first + more}`, () => draw(first + more)]));
});
on("strengths", "click", () => filled("edit-form") && choose([0.2, 0.45, 0.7, 0.95].map((hold) => [`keep ${Math.round(hold * 100)} %`, () => edit(hold)])));
on("best", "click", () => filled("edit-form") && findBest());
on("sweep", "click", () => filled("edit-form") && sweep.ask(Boolean(source.request.generate), source.request.generate?.options.seed ?? 0, settings.hasRegion(read.chips)));
on("cancel", "click", () => cancel(shownJob()));
on("target", "input", explainSoon);
on("prompt", "input", () => source || explainSoon());
on("onward", "click", editFurther);
on("photo-form", "submit", () => invert(photo.id, find("shows").value));
on("photo-away", "click", () => (find("photo-form").hidden = true));
on("file", "change", () => {
  const [file] = find("file").files;
  find("file").value = "";
  return file && take(file);
});
on("code", "click", async () => {
  const { python, command, files } = await ask("GET", `/api/pictures/${history.current.id}/code`);
  find("command").textContent = command ?? "The command line has not all of these settings; Python has.";
  find("python").textContent = python;
  const links = Object.entries(files).map(([name, id]) => Object.assign(document.createElement("a"), { href: fileOf(id), download: name, textContent: name }));
  find("code-files").hidden = links.length === 0;
  find("code-files").replaceChildren("Save what it reads in the same folder: ", ...links.flatMap((link) => [link, " "]));
  find("code-note").textContent = "";
  find("code-dialog").showModal();
});
for (const button of document.querySelectorAll("[data-copies]"))
  button.addEventListener("click", async () => {
    const text = find(button.dataset.copies);
    getSelection().selectAllChildren(text);
    await navigator.clipboard?.writeText(text.textContent);
    find("code-note").textContent = navigator.clipboard ? "Copied." : "Selected: press Ctrl+C to copy.";
  });

addEventListener("dragover", (event) => {
  event.preventDefault();
  find("drop-here").hidden = false;
});
addEventListener("dragleave", (event) => event.relatedTarget === null && (find("drop-here").hidden = true));
addEventListener("drop", (event) => {
  event.preventDefault();
  find("drop-here").hidden = true;
  const [file] = event.dataTransfer.files;
  if (file) take(file);
});

function theme(chosen) {
  document.documentElement.dataset.theme = chosen;
  find("theme").textContent = chosen === "dark" ? "Light" : "Dark";
}
theme(localStorage.getItem("theme") ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"));
on("theme", "click", () => {
  const chosen = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  localStorage.setItem("theme", chosen);
  theme(chosen);
});

// --- the beginning ---

find("model").textContent = model.bundled ? "the small bundled model" : model.name;
find("method").replaceChildren(...model.methods.map((name) => new Option(name, name, name === model.method, name === model.method)));
const session = await ask("GET", "/api/session");
for (const picture of session.pictures) if (picture.kind !== "upload") history.entries.push(picture);
if (session.jobs.length && !history.entries.length) await resume();
if (history.entries.length) {
  find("target").value = promptShown();
  history.go(history.entries.length - 1);
  if (!result) find("target").value = promptShown();
} else if (!source) {
  restoreSource({ generate: { prompt: model.example.prompt, options: { seed: model.example.seed } } });
  find("target").value = model.example.target;
  await explain();
  if (keep(await draw())) keep(await edit());
}
document.documentElement.dataset.ready = "true";
if (history.entries.length) await resume();

// Pictures that were asked for before the page was loaded.
async function resume() {
  for (const job of session.jobs.splice(0)) for (const picture of await watch(job)) keep(picture);
}
