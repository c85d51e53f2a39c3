// The explorer: controls, what they set, and the pictures that follow.
(() => {
  "use strict";
  const { optimizers, schedules, landscapes, palette } = explorerData;
  const { normals, multipliers, run } = explorerRun;
  const { colors, frame, ground, paths, plot, sample, text } = explorerDraw;
  const { make, ranged, choice, unique } = explorerControls;
  const MARKS = ["circle", "square", "up", "diamond", "down", "plus"];
  const LINES = ["solid", "dashed", "dotted"];
  const STYLES = Object.fromEntries(
    Object.keys(optimizers).map((id, i) => [id, { color: palette[i % 6], mark: MARKS[i % 6], line: LINES[Math.floor(i / 6)] }]),
  );
  const MOST = 20000; // steps
  const MOST_FINALS = 100000; // steps of all runs together, to draw what they end with
  const AXES = ["x", "y"];

  // ---- settings: what the reader has chosen, and its text in an address

  function initial(landscape) {
    const land = landscapes[landscape];
    const hyper = {};
    for (const [id, { sliders }] of Object.entries(optimizers)) {
      hyper[id] = Object.fromEntries(
        sliders.map(({ name, start }) => [name, land.settings[`${id}.${name}`] ?? start]),
      );
      hyper[id].lr = land.rates[id] ?? hyper[id].lr;
    }
    return {
      landscape,
      c: land.slider ? land.slider.start : 0,
      start: land.start.slice(),
      steps: land.steps,
      step: null, // the last one
      shown: land.shown.slice(),
      focus: land.shown.at(-1),
      schedule: "constant",
      shape: Object.fromEntries(Object.entries(schedules).map(([id, { slider }]) => [id, slider ? slider.start : 0])),
      seed: 1,
      hyper,
    };
  }

  const has = Object.hasOwn;

  // Every setting as text, by its name in the address.
  function flat(settings) {
    const { landscape, c, start, steps, step, shown, focus, schedule, shape, seed, hyper } = settings;
    const all = { landscape, c, start: start.join(","), steps, step: step ?? "", shown: shown.join(","), focus, schedule, seed };
    for (const [id, value] of Object.entries(shape)) all[`schedule.${id}`] = value;
    for (const [id, values] of Object.entries(hyper)) {
      for (const [name, value] of Object.entries(values)) all[`${id}.${name}`] = value;
    }
    return all;
  }

  function write(settings) {
    const usual = flat(initial(settings.landscape));
    usual.focus = settings.shown.at(-1) ?? usual.focus;
    const parts = Object.entries(flat(settings)).filter(
      ([name, value]) => name === "landscape" || String(value) !== String(usual[name]),
    );
    return parts.map(([name, value]) => `${name}=${encodeURIComponent(value).replaceAll("%2C", ",")}`).join("&");
  }

  // Settings of such a text; what it has not, or has wrongly, is as usual.
  function read(address) {
    const given = new URLSearchParams(address);
    const settings = initial(has(landscapes, given.get("landscape")) ? given.get("landscape") : "quadratic");
    const land = landscapes[settings.landscape];
    const number = (name, low, high, usual) => {
      const value = given.get(name);
      return value === null || value.trim() === "" || !Number.isFinite(Number(value))
        ? usual
        : Math.max(low, Math.min(high, Number(value)));
    };
    const within = (name, slider, usual) => {
      const value = slider ? number(name, slider.low, slider.high, usual) : usual;
      return slider && slider.whole ? Math.round(value) : value;
    };
    settings.c = within("c", land.slider, settings.c);
    settings.steps = Math.round(number("steps", 1, MOST, settings.steps));
    settings.seed = Math.round(number("seed", 1, 1e9, settings.seed));
    const step = number("step", 0, settings.steps, null);
    settings.step = step === null || step === settings.steps ? null : Math.round(step);
    const start = (given.get("start") ?? "").split(",").map(Number);
    if (start.length === settings.start.length && given.get("start") && start.every(Number.isFinite)) {
      settings.start = inside(land, start);
    }
    if (given.has("shown")) {
      const shown = given.get("shown").split(",");
      settings.shown = Object.keys(optimizers).filter((id) => shown.includes(id));
      settings.focus = settings.shown.at(-1) ?? settings.focus;
    }
    if (has(optimizers, given.get("focus"))) settings.focus = given.get("focus");
    if (has(schedules, given.get("schedule"))) settings.schedule = given.get("schedule");
    for (const [id, { slider }] of Object.entries(schedules)) {
      settings.shape[id] = within(`schedule.${id}`, slider, settings.shape[id]);
    }
    for (const [id, { sliders }] of Object.entries(optimizers)) {
      for (const slider of sliders) {
        settings.hyper[id][slider.name] = within(`${id}.${slider.name}`, slider, settings.hyper[id][slider.name]);
      }
    }
    return settings;
  }

  // The nearest place in the picture, to four digits, which the address keeps.
  function inside(land, point) {
    const [x0, x1, y0, y1] = land.game ? [-1, 1, -1, 1] : land.view;
    const clamp = (v, low, high) => Number(Math.max(low, Math.min(high, v)).toFixed(4)) + 0;
    return [clamp(point[0], x0, x1), ...point.slice(1).map((y) => clamp(y, y0, y1))];
  }

  // ---- one explorer

  function explorer(root) {
    const small = root.hasAttribute("data-small");
    const bare = root.hasAttribute("data-bare"); // for a first look
    const own = root.dataset.settings ?? "";
    const scheduled = !small || own.includes("schedule="); // has a choice of schedules
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    let settings = read(small ? own : location.hash.slice(1) || own);
    const parts = {}; // controls and pictures that are reached again, by name
    let look, runs, rates, noise, groundOf, pending, playing, settling, told;

    const land = () => landscapes[settings.landscape];
    const last = () => settings.step ?? settings.steps;
    const picture = (label) => make("canvas", { role: "img", "aria-label": label });

    // The parts that stay. What depends on the settings is put into them by build().
    const choices = make("div", { class: "explorer-bar" });
    const about = make("p", { class: "explorer-about" });
    const groundCanvas = make("canvas", { "aria-hidden": "true" });
    const pathsCanvas = picture("Paths of the optimizers; their ends are listed below");
    const handle = make("button", { type: "button", class: "explorer-start" });
    const map = make("div", { class: "explorer-map" }, groundCanvas, pathsCanvas, handle);
    const figure = (title, by = "by step") => {
      const canvas = picture(`${title}, ${by}`);
      const caption = make("figcaption", {}, by === "by step" ? title : `${title}, ${by}`);
      return { canvas, caption, figure: make("figure", {}, caption, canvas) };
    };
    const lossFigure = figure("Loss above the minimum");
    const moveFigure = figure("Length of each step");
    const rateFigure = figure("Multiplier of the rate");
    const finalFigure = figure("Loss at the end", "for each rate");
    const plots = make(
      "div", { class: "explorer-plots" }, lossFigure.figure, ...(bare ? [] : [moveFigure.figure]), ...(small ? [] : [rateFigure.figure, finalFigure.figure]),
    );
    const time = make("div", { class: "explorer-time" });
    const shownSet = make("fieldset", { class: "explorer-shown" });
    const tune = make("div", { class: "explorer-tune" });
    const stateFigures = make("div", { class: "explorer-states" });
    const table = make("div", { class: "explorer-table" });
    const ends = make("div", { class: "explorer-ends", role: "status", "aria-live": "polite" });
    const code = make("pre", { tabindex: "0" });
    const share = make("div", { class: "explorer-share" });
    const focusTitle = make("p", { class: "explorer-title" });
    const focusPart = make("section", { class: "explorer-focus", "aria-label": "The state of one optimizer" }, focusTitle, stateFigures, table);
    const panel = make("div", { class: "explorer-panel" }, shownSet, tune, ...(bare ? [choices, plots] : []));
    const before = bare ? [] : small ? [about, choices] : [choices, about];
    root.replaceChildren(
      ...before, make("div", { class: "explorer-stage" }, map, panel, time, ...(bare ? [] : [plots])), ends,
      ...(small ? [] : [focusPart, make("details", { class: "explorer-code" }, make("summary", {}, "The step that runs here"), code)]),
      share,
    );
    root.classList.add("explorer-ready");

    // ---- controls

    function build() {
      const { slider } = land();
      const landscape = choice(
        "Landscape",
        Object.entries(landscapes).map(([id, { label }]) => [id, label]),
        settings.landscape,
        (id) => restart(initial(id), landscape),
      );
      const schedule = choice(
        "Schedule",
        Object.entries(schedules).map(([id, { label }]) => [id, label]),
        settings.schedule,
        (id) => restart({ ...settings, schedule: id }, schedule),
      );
      const shape = schedules[settings.schedule].slider;
      choices.replaceChildren(
        ...(small ? [] : [landscape.row]),
        ...(slider ? [ranged(slider, settings.c, (c) => change({ c })).row] : []),
        ...(scheduled ? [schedule.row] : []),
        ...(shape && scheduled
          ? [ranged(shape, settings.shape[settings.schedule], (value) => change({ shape: { ...settings.shape, [settings.schedule]: value } })).row]
          : []),
      );
      // The select that was used has been replaced: the keyboard stays on its successor.
      parts.selects = { Landscape: landscape.select, Schedule: schedule.select };
      about.textContent = land().about;
      buildTime();
      buildShown();
      buildTune();
      buildShare();
    }

    function restart(next, { row }) {
      stop();
      settings = next;
      build();
      parts.selects[row.querySelector("label").textContent]?.focus();
      update();
    }

    function buildTime() {
      const step = ranged(
        { label: "Step", low: 0, high: settings.steps, scale: "linear", whole: true },
        last(),
        (k) => {
          stop();
          settings.step = k === settings.steps ? null : k;
          later();
          settle();
        },
      );
      parts.step = step;
      const steps = ranged(
        { label: "Number of steps", low: 10, high: MOST, scale: "log", whole: false },
        settings.steps,
        (value) => {
          change({ steps: Math.round(value), step: null });
          step.input.max = settings.steps;
          step.set(settings.steps);
        },
      );
      const play = make("button", { type: "button", onclick: () => (playing ? stop() : start()) }, "Play");
      parts.play = play;
      const coordinates = settings.start.map((value, i) => {
        const id = `explorer-${unique()}`;
        const input = make("input", {
          type: "number", id, step: "any", value,
          onchange: () => {
            const point = settings.start.slice();
            if (input.value !== "") point[i] = Number(input.value);
            change({ start: inside(land(), point) });
            input.value = settings.start[i];
          },
        });
        return make("div", { class: "explorer-number" }, make("label", { for: id }, `Start ${AXES[i]}`), input);
      });
      parts.coordinates = coordinates.map((row) => row.querySelector("input"));
      time.replaceChildren(...(still ? [] : [play]), step.row, ...(bare ? [] : [steps.row]), ...(small ? [] : coordinates));
    }

    function buildShown() {
      shownSet.replaceChildren(make("legend", {}, "Optimizers"));
      groundOf = undefined; // the new samples are drawn with the ground
      for (const [id, { label }] of Object.entries(optimizers)) {
        if (small && !read(own).shown.includes(id)) continue;
        const box = make("input", {
          type: "checkbox",
          value: id,
          onchange: () => {
            const shown = Object.keys(optimizers).filter((other) => (other === id ? box.checked : settings.shown.includes(other)));
            const focus = box.checked ? id : shown.includes(settings.focus) ? settings.focus : shown.at(-1) ?? settings.focus;
            change({ shown, focus });
            buildTune();
          },
        });
        box.checked = settings.shown.includes(id);
        shownSet.append(make("label", {}, box, make("canvas", { class: "explorer-sample", "data-id": id, "aria-hidden": "true" }), label));
      }
    }

    function buildTune() {
      const { focus } = settings;
      const { sliders, label, step } = optimizers[focus];
      const select = choice(
        "Settings of",
        Object.entries(optimizers).filter(([id]) => settings.shown.includes(id) || id === focus).map(([id, o]) => [id, o.label]),
        focus,
        (id) => {
          change({ focus: id });
          buildTune();
          tune.querySelector("select").focus();
        },
      );
      const rows = sliders
        .filter(({ name }) => !small || name === "lr" || own.includes(`${focus}.${name}`))
        .map((slider) =>
          ranged(slider, settings.hyper[focus][slider.name], (value) =>
            change({ hyper: { ...settings.hyper, [focus]: { ...settings.hyper[focus], [slider.name]: value } } }),
          ).row,
        );
      tune.replaceChildren(select.row, ...rows);
      focusTitle.textContent = `Inside ${label}`;
      code.textContent = step.toString().replace(/^ {6}/gm, "");
      code.setAttribute("aria-label", `One step of ${label}, in JavaScript`);
      stateFigures.replaceChildren();
      parts.states = [...optimizers[focus].init, "rate"].map((name) => {
        const made = figure(name === "rate" ? "Step ÷ gradient" : `State ${name}`);
        made.name = name;
        stateFigures.append(made.figure);
        return made;
      });
      if (settings.start.length > 1) {
        focusTitle.append(make("span", { class: "explorer-note" }, " solid along x, dashed along y"));
      }
    }

    function buildShare() {
      if (small) {
        const open = make("a", { href: root.dataset.page ?? "" }, "Open in the explorer");
        parts.open = open;
        share.replaceChildren(open);
        return;
      }
      const copy = make("button", {
        type: "button",
        onclick: async () => {
          keep();
          try {
            await navigator.clipboard.writeText(location.href);
            copy.textContent = "Copied";
          } catch {
            copy.textContent = "Copy it from the address bar";
          }
          setTimeout(() => (copy.textContent = "Copy the address of this view"), 2500);
        },
      }, "Copy the address of this view");
      const reset = make("button", { type: "button", onclick: () => {
        stop();
        settings = initial(settings.landscape);
        build();
        update();
      } }, "Back to the first settings");
      const embed = make("button", {
        type: "button",
        onclick: async () => {
          const { origin, pathname } = location;
          const address = `${origin}${pathname}?embed#${write(settings)}`;
          const html = `<iframe src="${address.replaceAll("&", "&amp;")}" title="${land().label}" width="720" height="900" loading="lazy"></iframe>`;
          try {
            await navigator.clipboard.writeText(html);
            embed.textContent = "Copied";
          } catch {
            window.prompt("HTML to embed this view", html);
          }
          setTimeout(() => (embed.textContent = "Copy HTML to embed"), 2500);
        },
      }, "Copy HTML to embed");
      const image = make("button", { type: "button", onclick: savePicture }, "Save as PNG");
      const again = make("button", { type: "button", onclick: () => change({ seed: settings.seed + 1 }) }, "Draw other noise");
      share.replaceChildren(copy, embed, image, reset, ...(land().noise ? [again] : []));
    }

    // The landscape with its paths, and below it which is which.
    function savePicture() {
      const scale = pathsCanvas.width / pathsCanvas.clientWidth;
      const [line, across] = [22, Math.max(1, Math.floor(pathsCanvas.clientWidth / 150))];
      const legend = line * Math.ceil(runs.length / across) + 12;
      const picture = make("canvas");
      picture.width = pathsCanvas.width;
      picture.height = pathsCanvas.height + Math.round(legend * scale);
      const context = picture.getContext("2d");
      context.fillStyle = look.paper;
      context.fillRect(0, 0, picture.width, picture.height);
      context.drawImage(groundCanvas, 0, 0);
      context.drawImage(pathsCanvas, 0, 0);
      context.scale(scale, scale);
      context.font = `13px ${getComputedStyle(root).fontFamily}`;
      context.textBaseline = "middle";
      runs.forEach(({ id }, i) => {
        const [x, y] = [30 + 150 * (i % across), pathsCanvas.clientHeight + line * (Math.floor(i / across) + 0.5)];
        const shown = shownSet.querySelector(`canvas[data-id="${id}"]`);
        context.drawImage(shown, x, y - 8, 26, 16);
        context.fillStyle = look.ink;
        context.fillText(optimizers[id].label, x + 32, y);
      });
      picture.toBlob((blob) => {
        const link = make("a", { href: URL.createObjectURL(blob), download: `${settings.landscape}.png` });
        link.click();
        setTimeout(() => URL.revokeObjectURL(link.href), 10000);
      });
    }

    // ---- from settings to pictures

    function change(changes) {
      Object.assign(settings, changes);
      update();
    }

    function update() {
      runs = undefined;
      later();
      settle();
    }

    // Each optimizer's loss at the end for the rates of its slider: many runs, when there is time.
    function drawFinals() {
      const { c, start, steps } = settings;
      const count = Math.max(7, Math.min(31, Math.floor(MOST_FINALS / (steps * Math.max(1, runs.length)))));
      const setting = { landscape: land(), c, start, T: steps, rates, noise: noise?.values };
      const of = ({ id, style }) => {
        const { low, high } = optimizers[id].sliders[0];
        const lrs = Array.from({ length: count }, (_, i) => low * (high / low) ** (i / (count - 1)));
        const end = (lr) => {
          const result = run(explorerData, id, { ...setting, hyper: { ...settings.hyper[id], lr } });
          return result.diverged ? NaN : result.losses.at(-1);
        };
        const at = Math.round(((count - 1) * Math.log(settings.hyper[id].lr / low)) / Math.log(high / low));
        return { values: lrs.map(end), first: 0, style, at, low, high };
      };
      const curves = runs.map(of);
      const same = curves.every(({ low, high }) => low === curves[0].low && high === curves[0].high);
      const ends = same && curves.length ? [text(curves[0].low), text(curves[0].high)] : ["lowest", "highest"];
      const { game } = land();
      look ??= colors(root);
      plot(finalFigure.canvas, { curves, log: !game, zero: game, k: count - 1, T: count - 1, look, ends });
    }

    // When the reader pauses, the new ends are told and the address is kept.
    function settle() {
      clearTimeout(settling);
      settling = setTimeout(() => {
        if (told !== runs) announce();
        keep();
        if (small) return;
        sayView();
        drawFinals();
      }, 350);
    }

    function compute() {
      if (runs) return;
      const { c, start, steps, seed } = settings;
      const shape = schedules[settings.schedule];
      rates = multipliers(shape, steps, settings.shape[settings.schedule]);
      if (land().noise && (!noise || noise.seed !== seed || noise.values.length < 2 * steps)) {
        noise = { seed, values: normals(seed, 2 * steps) };
      }
      const setting = { landscape: land(), c, start, T: steps, rates, noise: noise?.values };
      runs = settings.shown.map((id) => ({
        id,
        style: STYLES[id],
        result: run(explorerData, id, { ...setting, hyper: settings.hyper[id] }),
      }));
    }

    function later() {
      pending ??= requestAnimationFrame(() => {
        pending = undefined;
        draw();
      });
    }

    function draw() {
      if (!map.clientWidth) return;
      const begin = performance.now();
      compute();
      const k = last();
      const T = settings.steps;
      look ??= colors(root);
      const on = [settings.landscape, settings.c, land().game ? T : 0, map.clientWidth, map.clientHeight, devicePixelRatio, look.ink].join();
      if (groundOf !== on) {
        ground(groundCanvas, land(), settings.c, T, look);
        groundOf = on;
        shownSet.querySelectorAll("canvas").forEach((canvas) => sample(canvas, STYLES[canvas.dataset.id], look));
      }
      paths(pathsCanvas, land(), runs, k, T, look);
      placeHandle();
      const common = { k, T, look };
      const { game } = land();
      const title = game ? "Average regret" : "Loss above the minimum";
      if (lossFigure.caption.textContent !== title) lossFigure.caption.textContent = title;
      plot(lossFigure.canvas, { ...common, log: !game, zero: game, curves: runs.map(({ style, result }) => ({ values: result.losses, first: game ? 1 : 0, style })) });
      if (!bare) plot(moveFigure.canvas, { ...common, log: true, curves: runs.map(({ style, result }) => ({ values: result.moves.map(([dx, dy = 0]) => Math.sqrt(dx * dx + dy * dy)), first: 1, style })) });
      if (!small) {
        plot(rateFigure.canvas, { ...common, zero: true, curves: [{ values: rates, first: 1, style: { color: look.ink, mark: "circle", line: "solid" } }] });
        drawStates(common);
      }
      root.dataset.milliseconds = (performance.now() - begin).toFixed(2); // for the tests
    }

    function focused() {
      return runs.find(({ id }) => id === settings.focus);
    }

    function drawStates(common) {
      const one = focused();
      focusPart.classList.toggle("explorer-empty", !one);
      if (!one) return;
      const { positive } = optimizers[one.id];
      const along = (values) =>
        settings.start.map((_, i) => ({
          values: values.map((v) => v[i]),
          style: { color: i ? common.look.ink : one.style.color, line: LINES[i] },
        }));
      for (const { name, canvas } of parts.states) {
        const curves =
          name === "rate"
            ? along(ratios(one.result)).map((curve) => ({ ...curve, first: 1 }))
            : along(one.result.states.map((s) => s[name])).map((curve) => ({ ...curve, first: 0 }));
        plot(canvas, { ...common, log: name === "rate" || positive.includes(name), curves });
      }
      table.replaceChildren(numbers(one));
    }

    const ratios = ({ moves, gradients }) => moves.map((move, t) => move.map((d, i) => Math.abs(d / gradients[t][i])));

    // The numbers of one step, which the curves show over all of them.
    function numbers({ id, result }) {
      const k = Math.min(last(), result.points.length - 1);
      const rows = [["position", result.points[k]]];
      if (k > 0) rows.push(["gradient", result.gradients[k - 1]], ["step", result.moves[k - 1]]);
      for (const name of optimizers[id].init) rows.push([`state ${name}`, result.states[k][name]]);
      const head = ["", ...settings.start.map((_, i) => `along ${AXES[i]}`)];
      return make(
        "table",
        {},
        make("caption", {}, `After ${k} ${k === 1 ? "step" : "steps"}`),
        make("thead", {}, make("tr", {}, ...head.map((name) => (name ? make("th", { scope: "col" }, name) : make("td"))))),
        make("tbody", {}, ...rows.map(([name, values]) => make("tr", {}, make("th", { scope: "row" }, name), ...values.map((v) => make("td", {}, text(v)))))),
      );
    }

    function announce() {
      compute();
      told = runs;
      const { game } = land();
      const items = runs.map(({ id, style, result }) => {
        const n = result.points.length - 1;
        const at = result.points[n].map((v) => text(v)).join(", ");
        const value = result.losses.at(-1);
        const where = settings.start.length > 1 ? `(${at})` : `x = ${at}`;
        const what = result.diverged
          ? `diverges, beyond the picture at step ${n + 1}`
          : `at ${where}, ${game ? "average regret" : "loss"} ${text(value ?? 0)}`;
        const mark = make("span", { class: "explorer-dot", "aria-hidden": "true" });
        mark.style.borderTop = `3px ${style.line} ${style.color}`;
        return make("li", {}, mark, make("b", {}, optimizers[id].label), ` ${what}`);
      });
      ends.replaceChildren(
        make("p", {}, items.length ? `${land().label}, after ${settings.steps} steps:` : "No optimizer is chosen."),
        make("ul", {}, ...items),
      );
    }

    function keep() {
      if (playing) return; // once it stands still
      const address = write(settings);
      if (small) {
        parts.open.href = `${root.dataset.page}#${address}`;
        return;
      }
      if (!location.hash && address === write(read(own))) return; // nothing was set
      if (location.hash.slice(1) !== address) history.replaceState(history.state, "", `#${address}`);
    }

    // ---- the start point: dragged, tapped, or moved with arrow keys

    function placeHandle() {
      const f = frame(map, land(), settings.steps);
      const [x, y] = land().game ? [0, settings.start[0]] : settings.start;
      handle.style.transform = `translate(${f.px(x)}px, ${f.py(y)}px)`;
      const at = settings.start.map((v, i) => `${AXES[i]} ${text(v, 4)}`).join(", ");
      handle.setAttribute("aria-label", `Start point, ${at}. Arrow keys move it.`);
      parts.coordinates.forEach((input, i) => {
        if (document.activeElement !== input) input.value = settings.start[i];
      });
    }

    function startAt(event) {
      const box = map.getBoundingClientRect();
      const f = frame(map, land(), settings.steps);
      const [x, y] = [f.x(event.clientX - box.left), f.y(event.clientY - box.top)];
      change({ start: inside(land(), land().game ? [y] : [x, y]) });
    }

    let held = null;
    handle.addEventListener("pointerdown", (event) => {
      held = event.pointerId;
      handle.setPointerCapture(held);
    });
    handle.addEventListener("pointermove", (event) => held === event.pointerId && startAt(event));
    for (const end of ["pointerup", "pointercancel"]) handle.addEventListener(end, () => (held = null));
    pathsCanvas.addEventListener("click", startAt);
    handle.addEventListener("keydown", (event) => {
      const direction = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
      if (!direction) return;
      event.preventDefault();
      const [x0, x1, y0, y1] = land().view;
      const part = event.shiftKey ? 0.1 : 0.01;
      const [dx, dy] = [direction[0] * part * (x1 - x0), direction[1] * part * (y1 - y0)];
      const by = land().game ? [dy] : [dx, dy];
      change({ start: inside(land(), settings.start.map((v, i) => v + by[i])) });
    });

    // ---- time

    function start() {
      parts.play.textContent = "Pause";
      const from = last() >= settings.steps ? 0 : last();
      const speed = settings.steps / 6000; // steps for each millisecond
      let begin;
      const tick = (now) => {
        begin ??= now;
        const k = Math.min(settings.steps, Math.round(from + (now - begin) * speed));
        settings.step = k === settings.steps ? null : k;
        parts.step.set(k);
        draw();
        if (settings.step === null) stop();
        else playing = requestAnimationFrame(tick);
      };
      playing = requestAnimationFrame(tick);
    }

    function stop() {
      if (!playing) return;
      cancelAnimationFrame(playing);
      playing = undefined;
      parts.play.textContent = "Play";
      keep();
    }

    // ---- what happens around it

    new ResizeObserver(later).observe(root);
    new MutationObserver(() => {
      look = undefined;
      later();
    }).observe(document.documentElement, { attributeFilter: ["data-theme"] });
    if (!small) {
      window.addEventListener("hashchange", () => {
        const hash = location.hash.slice(1);
        if (hash === write(settings) || (hash && document.getElementById(hash))) return; // or a section's
        stop();
        settings = read(hash || own);
        build();
        update();
        const { top, bottom } = map.getBoundingClientRect();
        if (top < 0 || bottom > innerHeight) choices.scrollIntoView(); // a link of this page
      });
    }
    // ---- views: links of the page, and what its text says of them

    function sayView() {
      const now = write(settings);
      for (const link of document.querySelectorAll(".explorer-views a")) {
        const hash = link.getAttribute("href");
        const on = write(read(hash.slice(1))) === now;
        if (on) link.setAttribute("aria-current", "true");
        else link.removeAttribute("aria-current");
        const item = on && [...document.querySelectorAll("main li a")].find((a) => a.getAttribute("href") === hash);
        if (!item) continue;
        const words = item.closest("p").cloneNode(true);
        words.querySelector("a").remove();
        document.querySelector(".explorer-said").replaceChildren(words);
      }
    }

    // It plays once, when it is seen, where the page begins with it; who does anything stops it.
    function playOnce() {
      if (still || !(bare || (!small && !location.hash))) return;
      const seen = new IntersectionObserver(([{ isIntersecting }]) => {
        if (!isIntersecting) return;
        seen.disconnect();
        start();
      }, { threshold: 0.6 });
      seen.observe(map);
      for (const what of ["pointerdown", "keydown"]) {
        root.addEventListener(what, (event) => {
          seen.disconnect();
          if (!playing || event.target.closest(".explorer-time button")) return;
          stop();
          settings.step = null;
          parts.step.set(settings.steps);
          later();
        }, { once: true });
      }
    }

    build();
    announce();
    if (small) keep();
    else {
      sayView();
      settle();
    }
    draw();
    playOnce();
  }

  // In a frame of another page there is the explorer, and nothing around it.
  if (new URLSearchParams(location.search).has("embed")) document.documentElement.classList.add("explorer-embedded");
  document.querySelectorAll(".explorer").forEach(explorer);
})();
