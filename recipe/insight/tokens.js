"use strict";
// Milliseconds from the start of the navigation until the first plots or tokens were painted, for tests.
const markReady = () => requestAnimationFrame(() => setTimeout(() => { document.documentElement.dataset.ready ??= Math.round(performance.now()); }));

// The token view. Tokens are spans in blocks that the browser lays out only when they come into sight, so that 20,000 stay fluid.
function tokenView(data, el, $) {
  const runs = data.runs.map((run, i) => ({ ...data.tokens[i], name: run.name, id: i })).filter((run) => run.responses?.length);
  if (!runs.length) {
    return [el("p", { class: "note", text: "There are no token dumps to show: no run's folder has responses in tokens/step_*.parquet." })];
  }
  const BLOCK = 400; // tokens; a block ends at the next line feed, as each block begins a line
  // What the tokens are coloured by, beside their groups; a method's own columns come with the run.
  const SCALES = {
    entropy: { key: "e", label: "entropy, nats", edges: [0.01, 0.05, 0.2, 0.5, 1, 1.5, 2, 3] },
    advantage: { key: "a", label: "advantage", edges: [-2, -1, -0.5, -0.05, 0.05, 0.5, 1, 2] },
    ratio: { key: "r", label: "importance ratio", edges: [0.5, 0.8, 0.95, 0.99, 1.01, 1.05, 1.28, 2] },
  };
  const SOLVED = [["", "any"], ["none", "0: no answer right"], ["under", "under a half"], ["over", "a half or more"], ["all", "1: all right"]];
  // place: of the response in the list; shown: its number in the run, or -1; here: the token under the keyboard, or -1.
  const state = { run: runs[0], listed: [], place: 0, shown: -1, tokens: null, spans: [], here: -1, asked: 0 };
  const words = (name) => name.replaceAll("_", " ");
  const number = (x, digits = 3) => (x === null || x === undefined ? "\u2014" : x.toFixed(digits));
  const count = (tokens) => `${tokens.toLocaleString("en")} tokens`;
  const options = (pairs) => pairs.map(([value, text]) => el("option", { value, text }));
  const select = (id, label, pairs) => el("label", {}, `${label} `, el("select", { id, onchange: () => changed(id) }, ...options(pairs)));

  const bar = el("div", { class: "bar" },
    select("t-run", "Run", runs.map((run, i) => [i, run.name])), select("t-step", "Step", []),
    select("t-solved", "Solve rate of the prompt", SOLVED), select("t-acc", "Answer", [["", "any"], ["1", "right"], ["0", "wrong"]]),
    select("t-group", "Group", []), select("t-mode", "Colour by", []));
  const note = el("p", { class: "note" });
  const list = el("div", { class: "card list", role: "listbox", "aria-label": "Responses", id: "t-list" });
  const about = el("div", { id: "t-about" });
  const key = el("div", { class: "bar", id: "t-key", "aria-label": "Legend" });
  const strip = el("canvas", { class: "strip", height: 22, "aria-hidden": "true", onclick: (event) => jump(event) });
  const text = el("div", { class: "text", id: "t-text", tabindex: 0, role: "group", "aria-label": "Tokens of the response" });
  const spoken = el("p", { class: "note", id: "t-here", "aria-live": "polite" });
  const help = el("p", { class: "note" });
  [["\u2190 \u2192", "token"], ["n p", "next, previous token of the chosen group"], ["j k", "next, previous response"], ["Home End", "first, last token"]]
    .forEach(([keys, what]) => help.append(el("kbd", { text: keys }), ` ${what}  `));
  const view = [note, bar, el("div", { class: "reader" }, list, el("section", { class: "card" }, about, key, strip, text, spoken, help))];
  const get = (id) => bar.querySelector(`#${id}`);

  function changed(id) {
    if (id === "t-run") setRun(runs[Number(get("t-run").value)]);
    else if (id === "t-mode") paint();
    else filter();
  }

  function setRun(run) {
    state.run = run;
    state.shown = -1;
    note.textContent = run.note;
    note.hidden = !run.note;
    const steps = [...new Set(run.responses.map((response) => response.step))];
    get("t-step").replaceChildren(...options([["", "all"], ...steps.map((step) => [step, step])]));
    get("t-group").replaceChildren(...options([["", "any"], ...run.groups.map(({ name }, i) => [i + 1, words(name)])]));
    get("t-group").parentElement.hidden = !run.groups.length;
    const byGroup = run.groups.length ? [["group", run.word]] : [];
    const own = run.columns.flatMap(({ name, edges }, i) => (edges.length ? [[`own${i}`, name]] : []));
    get("t-mode").replaceChildren(...options([...byGroup, ...Object.keys(SCALES).map((mode) => [mode, mode]), ...own]));
    filter();
  }

  function matches(response) {
    const [step, solved, acc, group] = ["t-step", "t-solved", "t-acc", "t-group"].map((id) => get(id).value);
    const rate = response.solve, known = rate !== null;
    const bySolved = { "": true, none: known && rate === 0, under: known && rate < 0.5, over: known && rate >= 0.5, all: rate === 1 };
    return bySolved[solved] && (!step || response.step === Number(step)) && (!group || response.groups.includes(Number(group)))
      && (!acc || (response.acc !== null && (response.acc >= 0.5) === (acc === "1")));
  }

  const verdict = (acc) => (acc === null ? "verdict unknown" : acc >= 0.5 ? "\u2713 right" : "\u2717 wrong");

  function filter() {
    state.listed = state.run.responses.map((response, i) => ({ ...response, i })).filter(matches);
    list.replaceChildren(el("p", { class: "note", text: `${state.listed.length} of ${state.run.responses.length} responses` }),
      ...state.listed.map((response, place) => el("button", { type: "button", role: "option", onclick: () => show(place) },
        `step ${response.step} \u00b7 ${verdict(response.acc)} \u00b7 ${count(response.tokens)}`,
        el("small", { text: `solve rate ${number(response.solve, 2)} \u00b7 entropy ${number(response.entropy, 2)}` }),
        el("small", { text: response.prompt, dir: "auto" }))));
    show(Math.max(0, state.listed.findIndex((response) => response.i === state.shown)));
  }

  async function unpack(place) {
    state.run.packed ??= $(`tokens-${state.run.id}`).textContent.split("\n");
    const bytes = Uint8Array.from(atob(state.run.packed[place]), (character) => character.charCodeAt(0));
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).json();
  }

  function choose(place) {
    [...list.querySelectorAll("button")].forEach((button, i) => {
      button.setAttribute("aria-selected", String(i === place));
      button.tabIndex = i === place ? 0 : -1;
      if (i !== place) return;
      if (list.contains(document.activeElement)) button.focus();
      const top = button.offsetTop - list.offsetTop - list.scrollTop;
      list.scrollTop += Math.min(0, top) + Math.max(0, top + button.offsetHeight - list.clientHeight);
    });
    state.place = place;
  }

  async function show(place) {
    const response = state.listed[place];
    choose(place);
    if (response && response.i === state.shown) return void paint(); // the filters let it stay
    const asked = ++state.asked;
    Object.assign(state, { shown: response ? response.i : -1, here: -1, tokens: null, spans: [] });
    [text, key].forEach((node) => node.replaceChildren());
    spoken.textContent = "";
    if (!response) return void about.replaceChildren(el("p", { class: "note", text: "No response passes these filters." }));
    const tokens = await unpack(response.i);
    if (asked !== state.asked) return; // another one was asked for meanwhile
    state.tokens = tokens;
    describe(response, tokens);
    fill(tokens.t);
    paint();
    markReady();
  }

  function describe(response, tokens) {
    const facts = [`step ${response.step}`, verdict(response.acc), `reward ${number(response.reward)}`, `solve rate ${number(response.solve, 2)}`,
      count(response.tokens), `mean entropy ${number(response.entropy)}`, tokens.data_source, `session ${response.session}`];
    about.replaceChildren(el("h2", { text: facts.filter(Boolean).join(" \u00b7 "), dir: "auto" }),
      el("details", { open: tokens.prompt.length < 400 }, el("summary", { text: "Prompt and right answer" }),
        el("div", { class: "prompt", text: tokens.prompt, dir: "auto" }),
        el("div", { class: "prompt", text: `Right answer: ${tokens.ground_truth}`, dir: "auto" })));
  }

  function fill(pieces) {
    state.spans = pieces.map((piece) => el("span", { text: piece.replaceAll("\n", "\u21b5\n") }));
    let block = [];
    state.spans.forEach((span, i) => {
      span.place = i;
      block.push(span);
      if (i + 1 === pieces.length || block.length >= 3 * BLOCK || (block.length >= BLOCK && pieces[i].endsWith("\n"))) {
        text.append(el("div", { class: "block", dir: "auto" }, ...block));
        block = [];
      }
    });
    text.scrollTop = 0;
  }

  const groupOf = (i) => Math.abs(state.tokens.g[i]); // its number from 1, 0 for none
  const negative = (i) => state.tokens.g[i] < 0;
  const outside = (i) => state.tokens.r[i] !== null && (state.tokens.r[i] < state.run.clip[0] || state.tokens.r[i] > state.run.clip[1]);
  const groupShade = (group) => {
    const found = state.run.groups[group - 1];
    return found ? [found.color, found.faint ? 28 : 62] : ["line", 0];
  };

  // Label, edges and each token's value of a mode that is no group.
  function scale(mode) {
    const place = mode.startsWith("own") ? Number(mode.slice(3)) : -1;
    return place < 0 ? { ...SCALES[mode], values: state.tokens[SCALES[mode].key] } : { ...state.run.columns[place], values: state.tokens.own[place] };
  }

  // [color, strength in %] of level 0..8 of a mode.
  function shade(mode, level) {
    if (mode === "entropy") return ["sequential", level * 11];
    return level === 4 ? ["line", 0] : [level < 4 ? "below" : "above", Math.abs(level - 4) * 22];
  }

  function looksBy(mode) {
    if (mode === "group") return (i) => groupShade(groupOf(i));
    const { edges, values } = scale(mode);
    return (i) => (values[i] === null ? ["line", 0] : shade(mode, edges.filter((edge) => values[i] >= edge).length));
  }

  function paint() {
    const mode = get("t-mode").value, only = Number(get("t-group").value);
    if (!state.tokens) return;
    SCALES.ratio.edges[1] = state.run.clip[0];
    SCALES.ratio.edges[6] = state.run.clip[1];
    const look = looksBy(mode);
    const looks = state.spans.map((_, i) => (only && groupOf(i) !== only ? null : look(i)));
    state.spans.forEach((span, i) => {
      span.className = [looks[i] ? "" : "dim", negative(i) ? "negative" : "", outside(i) ? "outside" : "", i === state.here ? "here" : ""].join(" ").trim();
      span.style.setProperty("--c", looks[i] ? `var(--${looks[i][0]})` : "transparent");
      span.style.setProperty("--a", looks[i] ? `${looks[i][1]}%` : "0%");
    });
    legend(mode);
    drawStrip(looks);
  }

  function legend(mode) {
    const item = (label, [name, strength], extra = "") => {
      const node = el("span", { class: `key ${extra}`, text: label });
      node.style.setProperty("--c", `var(--${name})`);
      node.style.setProperty("--a", `${strength}%`);
      return node;
    };
    const others = [item("outside the clip range", ["line", 0], "outside")];
    if (state.run.negative) others.unshift(item(state.run.negative, ["line", 0], "negative"));
    key.replaceChildren(...(mode === "group" ? groupKeys(item) : scaleKeys(item, mode)), ...others);
  }

  function groupKeys(item) {
    const counts = state.run.groups.map(() => 0);
    state.spans.forEach((_, i) => { counts[groupOf(i) - 1] += 1; });
    return state.run.groups.flatMap(({ name }, i) =>
      (counts[i] ? [item(`${i + 1} ${words(name)}: ${counts[i].toLocaleString("en")}`, groupShade(i + 1))] : []));
  }

  function scaleKeys(item, mode) {
    const { label, edges } = scale(mode), short = (edge) => Number(edge.toFixed(3));
    return [el("span", { text: `${label}:` }), ...Array.from({ length: 9 }, (_, level) =>
      item(level ? `\u2265 ${short(edges[level - 1])}` : `< ${short(edges[0])}`, shade(mode, level)))];
  }

  // The whole response at a glance; a click goes there.
  function drawStrip(looks) {
    strip.width = strip.clientWidth || 800;
    const context = strip.getContext("2d"), style = getComputedStyle(document.documentElement);
    const wide = strip.width / Math.max(looks.length, 1);
    context.clearRect(0, 0, strip.width, strip.height);
    looks.forEach((one, i) => {
      if (!one) return;
      context.globalAlpha = one[1] / 100;
      context.fillStyle = style.getPropertyValue(`--${one[0]}`);
      context.fillRect(i * wide, 0, Math.max(wide, 1), strip.height);
    });
  }

  const jump = (event) => go(Math.floor((event.offsetX / strip.clientWidth) * state.spans.length));

  function numbers(i) {
    const { tokens, run } = state;
    const group = run.groups[groupOf(i) - 1], mark = negative(i) && run.negative ? `, ${run.negative}` : "";
    const own = run.columns.map(({ label }, place) => [label, number(tokens.own[place][i])]);
    return [...(run.groups.length ? [[run.word, group ? `${groupOf(i)} ${words(group.name)}${mark}` : "none"]] : []), ...own, ["entropy, nats", number(tokens.e[i])], ["advantage", number(tokens.a[i])],
      ["importance ratio", number(tokens.r[i], 4) + (outside(i) ? " outside" : "")], ["old log-prob", number(tokens.l[i])], ["token id", String(tokens.i[i])]];
  }

  function tip(i) {
    const node = $("tip"), box = state.spans[i].getClientRects()[0];
    if (!box) return;
    node.replaceChildren(el("code", { text: JSON.stringify(state.tokens.t[i]), dir: "auto" }), el("span", { class: "note", text: `  token ${i + 1}` }),
      el("dl", {}, ...numbers(i).flatMap(([name, value]) => [el("dt", { text: name }), el("dd", { text: value })])));
    node.hidden = false;
    const below = box.bottom + node.offsetHeight + 8 < innerHeight;
    node.style.left = `${Math.max(4, Math.min(box.left, innerWidth - node.offsetWidth - 8))}px`;
    node.style.top = `${below ? box.bottom + 6 : box.top - node.offsetHeight - 6}px`;
  }

  function go(i) {
    if (i < 0 || i >= state.spans.length) return;
    state.spans[state.here]?.classList.remove("here");
    state.here = i;
    state.spans[i].classList.add("here");
    state.spans[i].scrollIntoView({ block: "nearest" });
    tip(i);
    spoken.textContent = `Token ${i + 1} of ${state.spans.length}: ${numbers(i).map((pair) => pair.join(" ")).join(", ")}`;
  }

  function seek(direction) {
    const only = Number(get("t-group").value), from = state.here + direction;
    for (let i = from; i >= 0 && i < state.spans.length; i += direction) if (!only || groupOf(i) === only) return go(i);
  }

  function keydown(event) {
    if (event.target.matches("select, input") || event.ctrlKey || event.metaKey || event.altKey) return;
    const next = () => state.place + 1 < state.listed.length && show(state.place + 1);
    const previous = () => state.place > 0 && show(state.place - 1);
    const moves = { n: () => seek(1), p: () => seek(-1), j: next, k: previous, Escape: () => { $("tip").hidden = true; } };
    if (list.contains(event.target)) Object.assign(moves, { ArrowDown: next, ArrowUp: previous });
    if (event.target === text) {
      Object.assign(moves, { ArrowRight: () => go(state.here + 1), ArrowLeft: () => go(state.here - 1), Home: () => go(0),
        End: () => go(state.spans.length - 1) });
    }
    if (!Object.hasOwn(moves, event.key)) return;
    event.preventDefault();
    moves[event.key]();
  }

  document.addEventListener("keydown", (event) => { if (!$("tokens").hidden) keydown(event); });
  text.addEventListener("mouseover", (event) => { if (event.target.place !== undefined) tip(event.target.place); });
  text.addEventListener("click", (event) => { if (event.target.place !== undefined) go(event.target.place); });
  [text, strip].forEach((node) => node.addEventListener("mouseleave", () => { $("tip").hidden = true; }));
  text.addEventListener("blur", () => { $("tip").hidden = true; });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
  setRun(state.run);
  return view;
}
