// What the controls of an edit stand at, as the API's options, and back.

const find = (id) => document.getElementById(id);
const UNCHANGED = 50; // percent: the strength that leaves all windows as they are
const percent = (id) => Number(find(id).value) / 100;

// Weights, regions and windows of single words are by selector; those of a word that is not there do not act.
export class Settings {
  constructor(defaults, changed) {
    this.defaults = defaults;
    this.changed = changed;
    this.clearWords();
    for (const id of ["recipe", "strength", "threshold", "resize", "noun", "mutual", "plug"]) find(id).addEventListener("input", () => this.moved());
    // Whoever moves a slider means it: from then on the recipe leaves the windows alone.
    for (const id of ["cross-start", "cross-end", "self-start", "self-end"])
      find(id).addEventListener("input", () => {
        find("recipe").value = "published";
        this.moved();
      });
    find("hold").addEventListener("input", () => {
      // One slider for both windows: the layout is let go sooner than the words, in the model's own proportion.
      const hold = percent("hold");
      find("recipe").value = "published";
      this.setWindows([0, hold], [0, hold * this.ratio]);
      this.moved();
    });
    this.reset();
  }

  get ratio() {
    return this.defaults.cross_replace_steps ? Math.min(1, this.defaults.self_replace_steps / this.defaults.cross_replace_steps) : 1;
  }

  clearWords() {
    this.weights = {};
    this.regions = new Set();
    this.windows = {};
    this.blend = {}; // what else a restored region is made of
  }

  reset() {
    this.clearWords();
    this.setWindows([0, this.defaults.cross_replace_steps], [0, this.defaults.self_replace_steps]);
    find("recipe").value = this.defaults.recipe;
    find("threshold").value = 30;
    find("strength").value = UNCHANGED;
    for (const id of ["resize", "noun", "mutual", "plug"]) find(id).checked = false;
    this.say();
  }

  setWindows(cross, layout) {
    const values = { "cross-start": cross[0], "cross-end": cross[1], "self-start": layout[0], "self-end": layout[1] };
    for (const [id, value] of Object.entries(values)) find(id).value = Math.round(value * 100);
    find("hold").value = Math.round(cross[1] * 100);
    this.say();
  }

  moved() {
    find("hold").value = find("cross-end").value;
    this.say();
    this.changed();
  }

  say() {
    const chosen = find("recipe").value === "auto";
    const other = find("mutual").checked || find("plug").checked;
    find("recipe").disabled = other;
    find("hold").classList.toggle("resting", chosen);
    const dial = this.strength === undefined ? "" : `, at strength ${find("strength").value} %`;
    find("hold-out").textContent = (chosen && !other ? "as the change needs" : `${find("hold").value} %`) + dial;
    find("strength").disabled = other;
    find("strength-out").textContent = `${find("strength").value} %`;
    find("threshold-out").textContent = `${find("threshold").value} %`;
  }

  // The dial of all windows; undefined where it leaves them.
  get strength() {
    const value = Number(find("strength").value);
    return value === UNCHANGED ? undefined : value / 100;
  }

  // The options as the API takes them. `chips` are the words that are there now, `hold` stands for the slider.
  options(chips, hold) {
    const there = new Set(chips.filter((chip) => chip.kind !== "dropped").map((chip) => chip.selector));
    const own = (values) => Object.fromEntries(Object.entries(values).filter(([word]) => there.has(word)));
    const options = {};
    const weights = Object.fromEntries(Object.entries(own(this.weights)).filter(([, factor]) => factor !== 1));
    if (Object.keys(weights).length) options.equalizer = weights;
    options.recipe = find("recipe").value;
    const windows = own(this.windows);
    if (options.recipe === "published" || hold !== undefined) {
      options.recipe = "published";
      const cross = hold === undefined ? [percent("cross-start"), percent("cross-end")] : [0, hold];
      options.self_replace_steps = hold === undefined ? [percent("self-start"), percent("self-end")] : [0, hold * this.ratio];
      options.cross_replace_steps = Object.keys(windows).length ? { default_: cross, ...windows } : cross;
    } else if (Object.keys(windows).length) {
      options.cross_replace_steps = { default_: [0, this.defaults.cross_replace_steps], ...windows };
    }
    if (hold === undefined && this.strength !== undefined) options.strength = this.strength;
    const regions = regionWords(chips, this.regions);
    if (regions.length) options.local_blend = { ...this.blend, words: regions, threshold: percent("threshold") };
    if (find("resize").checked) options.resize = "auto";
    if (find("noun").checked) options.weight_region = "noun";
    if (find("mutual").checked) options.mutual_self_attention = {};
    if (find("plug").checked) options.plug_and_play = {};
    if ((find("mutual").checked || find("plug").checked) && hold === undefined) {
      // Methods of their own: Prompt-to-Prompt's windows would act against them.
      delete options.cross_replace_steps;
      delete options.self_replace_steps;
      delete options.recipe;
      delete options.strength;
    }
    return options;
  }

  hasRegion(chips) {
    return regionWords(chips, this.regions).length > 0;
  }

  // Stand at the options of an edit that was made.
  restore(options) {
    this.reset();
    this.weights = { ...options.equalizer };
    const cross = options.cross_replace_steps;
    const layout = windowOf(options.self_replace_steps, this.defaults.self_replace_steps);
    if (cross && typeof cross === "object" && !Array.isArray(cross)) {
      const { default_: all, ...words } = cross;
      this.windows = Object.fromEntries(Object.entries(words).map(([word, window]) => [word, windowOf(window)]));
      this.setWindows(windowOf(all, 1), layout);
    } else this.setWindows(windowOf(cross, this.defaults.cross_replace_steps), layout);
    const blend = options.local_blend;
    this.regions = new Set(blend?.words ?? []);
    this.blend = { ...blend };
    if (blend?.threshold !== undefined) find("threshold").value = Math.round(blend.threshold * 100);
    find("recipe").value = options.recipe ?? this.defaults.recipe;
    find("strength").value = typeof options.strength === "number" ? Math.round(options.strength * 100) : UNCHANGED;
    find("resize").checked = Boolean(options.resize) && options.resize !== "off";
    find("noun").checked = options.weight_region === "noun";
    find("mutual").checked = Boolean(options.mutual_self_attention);
    find("plug").checked = Boolean(options.plug_and_play);
    this.say();
  }
}

// A word's region is that of the source's words in its place as well.
function regionWords(chips, regions) {
  if (regions.has("auto")) return ["auto"];
  const words = chips
    .filter((chip) => chip.kind !== "dropped" && regions.has(chip.selector))
    .flatMap((chip) => (chip.kind === "replaced" ? [chip.stands_for, chip.selector] : [chip.selector]));
  return [...new Set(words)].map((word) => (word === "auto" || word === "off" ? `${word}[0]` : word));
}

const windowOf = (value, otherwise) => (Array.isArray(value) ? value : [0, value ?? otherwise]);
