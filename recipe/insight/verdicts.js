"use strict";
// The verdicts that a plain comparison of texts does not agree with. el and table are page.js's.
function verdictView(data, el, table) {
  const runs = data.runs.map((run, i) => ({ name: run.name, ...data.verdicts[i] })).filter((run) => run.pairs);
  if (!runs.length) {
    return [el("p", { class: "note", text: "There are no verdicts to show: no run's folder has tokens/verdicts_*.parquet (the reward must return pred)." })];
  }
  const judged = (acc) => (acc === null ? "\u2014" : acc >= 0.5 ? "\u2713 right" : "\u2717 wrong");
  const steps = (pair) => (pair.first === pair.last ? String(pair.first) : `${pair.first}\u2013${pair.last}`);
  const more = (pair) => el("details", {}, el("summary", { text: "show" }),
    ...[["Prompt", pair.prompt], ["End of the response", pair.response_end], ["The reward said", pair.details]].map(([name, text]) =>
      el("div", { class: "prompt", text: `${name}: ${text}`, dir: "auto" })));

  function section(run) {
    const kinds = Object.entries(run.totals);
    const counted = kinds.map(([kind, count]) => `${kind}: ${count.toLocaleString("en")}`).join(", ");
    const place = el("div", { class: "v-table" });
    const fill = () => {
      const pairs = run.pairs.filter((pair) => choice.value === "all" || pair.kind === choice.value || (choice.value === "odd" && pair.kind));
      const rows = pairs.map((pair) => ({ cells: [pair.kind || "\u2014", pair.ground_truth, pair.pred, judged(pair.acc), String(pair.times), steps(pair), pair.data_source, more(pair)] }));
      place.replaceChildren(pairs.length ? table(["", "right answer", "answer", "judged", "times", "steps", "data", "more"], rows)
        : el("p", { class: "note", text: "None of the sampled verdicts is of this kind." }));
    };
    const choice = el("select", { onchange: fill }, ...[["odd", "all disagreements"], ...kinds.map(([kind]) => [kind, kind]), ["all", "ordinary ones too"]]
      .map(([value, text]) => el("option", { value, text })));
    fill();
    return el("section", { class: "card verdicts" }, el("h2", { text: run.name, dir: "auto" }),
      el("p", { class: "note", text: `Of ${run.responses.toLocaleString("en")} responses in ${run.steps.toLocaleString("en")} sampled steps, ${counted}. "Times" counts the sample.` }),
      ...(run.note ? [el("p", { class: "note", text: run.note })] : []),
      el("div", { class: "bar" }, el("label", {}, "Show ", choice)), place);
  }

  markReady();
  return [el("p", { class: "note", text: "Candidates for a wrong verdict, by a plain comparison of texts that knows no mathematics. Equal but wrong: judged wrong, though both "
    + "answers are one text but for case, spacing, dollar signs and braces. Right but different: judged right, though not the same string; most of these should be right." }),
  ...runs.map(section)];
}
