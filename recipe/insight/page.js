"use strict";
// Data are text to this script: it sets textContent and never parses HTML. Plotly reads some markup in names, so these are escaped.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const $ = (id) => document.getElementById(id);
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const plain = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

  function el(tag, options = {}, ...children) {
    const node = document.createElement(tag);
    for (const [key, value] of Object.entries(options)) {
      if (key === "text") node.textContent = value;
      else if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
      else if (value !== undefined && value !== false) node.setAttribute(key, value === true ? "" : value);
    }
    node.append(...children);
    return node;
  }

  function table(head, rows, options = {}) {
    const cells = (tag, values) => values.map((x) => (x instanceof Node ? el(tag, {}, x) : el(tag, { text: x, dir: "auto" })));
    return el("div", { class: "scroll" }, el("table", options,
      el("thead", {}, el("tr", {}, ...cells("th", head))),
      el("tbody", {}, ...rows.map((row) => el("tr", { class: row.class }, ...cells("td", row.cells))))));
  }

  // ---- plots ----

  // As many digits as tell two ticks apart, which follows from their distance; also after a zoom.
  function ticks(format) {
    if (format.endsWith("s")) return { tickformat: ",~s" };
    const [kind, shift] = format.endsWith("%") ? ["~%", 2] : ["~f", 0];
    const stop = (digits) => ({ dtickrange: [0.9 * 10 ** -(digits + shift), null], value: `,.${digits}${kind}` });
    return { tickformat: format, tickformatstops: [...Array(9).keys()].map(stop) };
  }

  function layout(row, plot) {
    const axis = { gridcolor: color("line"), zerolinecolor: color("line"), linecolor: color("line"), automargin: true };
    return {
      margin: { l: 48, r: 8, t: 6, b: 36 }, showlegend: false, hovermode: "x unified", uirevision: 1,
      paper_bgcolor: "transparent", plot_bgcolor: "transparent", font: { color: color("faint"), size: 12 },
      hoverlabel: { namelength: -1, bgcolor: color("card"), font: { color: color("text") }, bordercolor: color("line") },
      xaxis: { ...axis, title: { text: "step", standoff: 4 } },
      yaxis: { ...axis, ...ticks(row.format), ...(plot.range ? { range: plot.range } : {}) },
    };
  }

  function traces(section, row, plot) {
    const items = Object.fromEntries(section.legend.map((item) => [item.key, item]));
    return plot.traces.flatMap((trace) => {
      const item = items[trace.key];
      const common = { type: "scatter", mode: "lines", visible: !section.hidden.has(trace.key), name: plain(item.label) };
      const line = { color: color(item.color), dash: item.dash, width: plot.stacked ? 0.5 : 1.8 };
      const hover = { hovertemplate: `%{y:${row.format}}` };
      if (trace.mean) {
        const extremes = { ...common, x: trace.x, y: trace.y, opacity: 0.28, hoverinfo: "skip", line: { color: line.color, width: 1 } };
        return [extremes, { ...common, ...hover, x: trace.mean.x, y: trace.mean.y, line }];
      }
      const few = trace.x.length <= 60 && !plot.stacked ? { mode: "lines+markers", marker: { size: 5 } } : {};
      const area = plot.stacked ? { stackgroup: "all", fillcolor: line.color } : {};
      return [{ ...common, ...hover, ...few, ...area, x: trace.x, y: trace.y, line }];
    });
  }

  const drawn = []; // {section, row, plot, node, width: when it was drawn, 0 if it was hidden}
  function draw(one) {
    one.width = one.node.clientWidth;
    return Plotly.react(one.node, traces(one.section, one.row, one.plot), layout(one.row, one.plot),
      { responsive: true, displaylogo: false, modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"] });
  }
  const shown = new IntersectionObserver((entries) => entries.filter((entry) => entry.isIntersecting).forEach((entry) => {
    shown.unobserve(entry.target);
    const one = { ...entry.target.spec, node: entry.target };
    drawn.push(one);
    draw(one).then(() => {
      entry.target.on("plotly_relayout", (change) => zoomTogether(one, change));
      markReady();
    });
  }), { rootMargin: "300px" });

  // A zoom over steps is a zoom of all plots of the section.
  let zooming = false;
  async function zoomTogether(from, change) {
    const start = change["xaxis.range[0]"], end = change["xaxis.range[1]"], all = change["xaxis.autorange"];
    if (zooming || (start === undefined && !all)) return;
    zooming = true;
    const axis = all ? { "xaxis.autorange": true } : { "xaxis.range": [start, end] };
    await Promise.all(drawn.filter((one) => one.section === from.section && one !== from).map((one) => Plotly.relayout(one.node, axis)));
    zooming = false;
  }

  function chip(section, item) {
    const swatch = el("span", { class: "swatch" });
    swatch.style.borderTopColor = `var(--${item.color})`;
    swatch.style.borderTopStyle = item.dash === "solid" ? "solid" : item.dash === "dot" ? "dotted" : "dashed";
    const button = el("button", { type: "button", "aria-pressed": "true", dir: "auto" }, swatch, item.label);
    button.addEventListener("click", () => {
      const hide = !section.hidden.delete(item.key);
      if (hide) section.hidden.add(item.key);
      button.setAttribute("aria-pressed", String(!hide));
      drawn.filter((one) => one.section === section).forEach(draw);
    });
    return button;
  }

  function legend(section) {
    const kinds = [...new Set(section.legend.map((item) => item.of))];
    return el("div", { class: "legends" }, ...kinds.map((of) => el("div", { class: "legend", role: "group", "aria-label": `${of}: press to hide or show` },
      el("span", { class: "note", text: of }), ...section.legend.filter((item) => item.of === of).map((item) => chip(section, item)))));
  }

  function plotSection(section) {
    section.hidden = new Set();
    const rows = section.rows.map((row) => {
      const plots = row.plots.map((plot) => {
        if (!plot.traces.length) return el("p", { class: "note", text: `${plot.run ? plot.run + ": " : ""}no run logged this.` });
        const node = el("div", { class: "plot", role: "img", "aria-label": `${row.title} over steps ${plot.run}` });
        node.spec = { section, row, plot };
        shown.observe(node);
        return el("div", {}, ...(plot.run ? [el("h3", { text: plot.run, dir: "auto" })] : []), node);
      });
      return el("section", { class: plots.length > 1 ? "row wide" : "row" }, el("h2", { text: row.title }),
        el("p", { class: "caption", text: row.caption }), el("div", { class: "plots" }, ...plots));
    });
    return [...section.notes.map((note) => el("p", { class: "note", text: note })), legend(section), el("div", { class: "rows" }, ...rows)];
  }

  function summary() {
    const head = ["run", "method", "last step", "reward", "validation accuracy", "entropy", "response length", "median step"];
    const rows = data.runs.map((run) => ({ cells: [run.name, ...run.facts] }));
    const lacking = data.runs.flatMap((run) => run.lacks.map((text) => el("p", { class: "note", text: `${run.name}: ${text}`, dir: "auto" })));
    return el("section", { class: "card" }, el("h2", { text: "First and last value of each run" }), table(head, rows), ...lacking);
  }

  function warnings() {
    const kept = data.runs.filter((run) => run.warnings);
    const rows = kept.flatMap((run) => run.warnings.map((one) => ({ cells: [run.name, `${one.began}`, one.over === null ? "not over" : `${one.over}`, one.text] })));
    const sound = kept.filter((run) => !run.warnings.length).map((run) => el("p", { class: "note", text: `${run.name}: none.`, dir: "auto" }));
    const known = rows.length ? [table(["run", "began in step", "over in step", "what was said"], rows)] : [];
    return kept.length ? [el("section", { class: "card", id: "warnings" }, el("h2", { text: "Warnings" }), ...known, ...sound)] : [];
  }

  // ---- configuration ----

  function configuration() {
    const names = data.runs.map((run) => run.name), { rows, overrides } = data.config;
    if (!rows.length) return [el("p", { class: "note", text: "None of the runs' folders has a configuration (hydra/.hydra/config.yaml)." })];
    const make = (row) => ({ class: row.differs ? "differs" : undefined, cells: [row.key, ...row.values.map((x) => x ?? "\u2014")] });
    const differing = rows.filter((row) => row.differs);
    const whole = table(["key", ...names], rows.map(make), { class: "config" });
    const search = el("input", { type: "search", placeholder: "search keys and values", "aria-label": "Search the configuration", size: 40 });
    const count = el("span", { class: "note", "aria-live": "polite" });
    const lines = [...whole.querySelectorAll("tbody tr")];
    const texts = lines.map((line) => line.textContent.toLowerCase());
    const filter = () => {
      const wanted = search.value.toLowerCase();
      lines.forEach((line, i) => { line.hidden = !texts[i].includes(wanted); });
      count.textContent = `${lines.filter((line) => !line.hidden).length} of ${lines.length} keys`;
    };
    search.addEventListener("input", filter);
    filter();
    const nothing = el("p", { class: "note", text: names.length > 1 ? "Nothing differs." : "There is one run only." });
    return [
      el("section", { class: "card", id: "differences" }, el("h2", { text: "What differs between the runs" }),
        differing.length ? table(["key", ...names], differing.map(make), { class: "config" }) : nothing),
      el("section", { class: "card", id: "overrides" }, el("h2", { text: "Overrides given on the command line" }), ...names.map((name, i) => el("div", {},
        el("h3", { text: name, dir: "auto" }), el("code", {}, ...(overrides[i] ?? ["no configuration"]).map((x) => el("div", { text: x })))))),
      el("section", { class: "card", id: "whole" }, el("h2", { text: "Whole configuration" }), el("div", { class: "bar" }, search, count), whole),
    ];
  }

  // ---- tabs ----

  document.title = `${data.runs.map((run) => run.name).join(", ")} \u00b7 token-level runs`;
  const views = [...data.sections.map((section) => [section.id, section.title, () => plotSection(section)]),
    ["config", "Configuration", configuration], ["verdicts", "Verdicts", () => verdictView(data, el, table)], ["tokens", "Tokens", () => tokenView(data, el, $)]];
  const tabs = views.map(([id, title, build], place) => {
    const panel = el("div", { id, role: "tabpanel", "aria-labelledby": `tab-${id}`, hidden: true });
    const tab = el("button", { id: `tab-${id}`, role: "tab", type: "button", text: title, "aria-controls": id, tabindex: -1, onclick: () => open(place) });
    $("tabs").append(tab);
    $("main").append(panel);
    return { id, build, panel, tab };
  });

  function open(place) {
    tabs.forEach(({ panel, tab, build, id }, i) => {
      panel.hidden = i !== place;
      tab.setAttribute("aria-selected", String(i === place));
      tab.tabIndex = i === place ? 0 : -1;
      if (i !== place || panel.childNodes.length) return;
      panel.append(...(id === "overview" ? [summary(), ...warnings()] : []), ...build());
    });
    history.replaceState(null, "", `#${tabs[place].id}`);
    scrollTo(0, 0);
    drawn.filter((one) => one.node.clientWidth && one.width !== one.node.clientWidth).forEach((one) => {
      one.width = one.node.clientWidth;
      Plotly.Plots.resize(one.node);
    });
  }

  $("tabs").addEventListener("keydown", (event) => {
    const move = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!move) return;
    const place = (tabs.findIndex(({ panel }) => !panel.hidden) + move + tabs.length) % tabs.length;
    open(place);
    tabs[place].tab.focus();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawn.forEach(draw));
  open(Math.max(0, tabs.findIndex(({ id }) => `#${id}` === location.hash)));
})();
