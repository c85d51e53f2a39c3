// Ranks sections for Sphinx's search, which shows them: see extensions/search_sections.py.
"use strict";

(() => {
  const root = document.documentElement.dataset.content_root;
  let asked = false;
  const loadIndex = () => {
    if (asked || Search.hasIndex() || location.pathname.endsWith("/search.html")) return;
    asked = true;
    const script = document.createElement("script");
    script.src = `${root}searchindex.js`;
    document.head.append(script);
  };

  const GREEK = "alpha beta gamma delta epsilon zeta eta theta iota kappa lamda mu nu xi omicron pi rho final sigma tau upsilon phi chi psi omega".split(" ");
  const spoken = (text) =>
    text.normalize("NFKC").toLowerCase().replace(/[α-ω]/g, (c) => GREEK[c.charCodeAt(0) - 0x3b1].replace("final", "sigma"));
  const split = (text) => {
    let plain = spoken(text);
    for (const [pattern, word] of Object.entries(Search._index.spellings)) {
      plain = plain.replace(new RegExp(pattern, "g"), word);
    }
    return plain.match(/\d+(?:\.\d+)+|[\p{L}\p{N}]+/gu) || [];
  };

  // The words of a query, as [stem, weight], and those that no result may have.
  const understand = (query) => {
    const { asking, synonyms } = Search._index;
    const stemmer = new Stemmer();
    const excluded = [];
    const kept = query.replace(/(^|\s)-(\S+)/g, (_, before, word) => (excluded.push(...split(word)), before));
    const all = split(kept);
    const said = all.filter((word) => !asking.includes(word));
    const terms = new Map();
    for (const word of said.length ? said : all) terms.set(stemmer.stemWord(word), 1);
    const own = new Set(terms.keys());
    for (const word of said) {
      for (const other of synonyms[word] || []) {
        const stem = stemmer.stemWord(other);
        if (!terms.has(stem)) terms.set(stem, 0.3);
      }
    }
    return { terms, own, excluded: excluded.map((word) => stemmer.stemWord(word)), words: said.length ? said : all };
  };

  // Where a stem occurs: [section, count, …]; of a word that is being typed, where it may end.
  const places = (stem) => {
    const { words } = Search._index;
    if (Object.hasOwn(words, stem)) return [[words[stem], 1]];
    if (stem.length < 3) return [];
    return Object.keys(words).filter((word) => word.startsWith(stem)).slice(0, 20).map((word) => [words[word], 0.6]);
  };

  const rank = (query) => {
    const index = Search._index;
    const { terms, own, excluded } = understand(query);
    const count = index.sections.length;
    const mean = index.sections.reduce((sum, section) => sum + section[3], 0) / count;
    const heads = index.sections.filter((section) => section[1] === "");
    const titleOf = new Map(heads.map((section) => [section[0], index.titletokens[index.sections.indexOf(section)]]));
    const scores = new Map();
    const met = new Map();
    let whole = 0;
    for (const [stem, weight] of terms) {
      const found = places(stem);
      const spread = new Set(found.flatMap(([pairs]) => pairs.filter((_, i) => i % 2 === 0)));
      const rarity = Math.log(1 + count / (1 + spread.size));
      if (own.has(stem)) whole += rarity;
      const unknown = stem.length > 2 && !Object.hasOwn(index.words, stem);  // perhaps half a word
      const best = new Map();
      for (const [pairs, part] of found) {
        for (let i = 0; i < pairs.length; i += 2) {
          const [, , , length] = index.sections[pairs[i]];
          const often = pairs[i + 1] / (pairs[i + 1] + 0.4 + 1.2 * (length / mean));
          best.set(pairs[i], Math.max(best.get(pairs[i]) || 0, part * often));
        }
      }
      index.sections.forEach(([page], section) => {
        const title = index.titletokens[section];
        const inTitle = title.includes(stem) || (unknown && title.some((word) => word.startsWith(stem)));
        const taught = index.subjects[page].includes(stem);
        const inPage = taught || (titleOf.get(page) || []).includes(stem);
        if (!best.has(section) && !inTitle && !inPage) return;
        const value = (best.get(section) || 0) + (inTitle ? 1.5 / (1 + 0.15 * title.length) + 0.5 : 0) + (inPage ? 1 : 0) +
          (taught && index.sections[section][1] === "" ? 1.5 : 0);
        scores.set(section, (scores.get(section) || 0) + weight * rarity * value);
        if (own.has(stem)) met.set(section, (met.get(section) || 0) + rarity);
      });
    }
    const banned = new Set(excluded.flatMap((stem) => places(stem).flatMap(([pairs]) => pairs.filter((_, i) => i % 2 === 0))));
    const results = [];
    for (const [section, score] of scores) {
      if (!met.has(section) || banned.has(section)) continue;
      const [page] = index.sections[section];
      results.push([section, score * index.weights[page] * (met.get(section) / whole) ** 2]);
    }
    results.sort((a, b) => b[1] - a[1] || a[0] - b[0]);
    // A page shows its three best sections first; what else it has comes after all of these.
    const shown = new Map();
    const [first, rest] = [[], []];
    for (const result of results) {
      const [page] = index.sections[result[0]];
      shown.set(page, (shown.get(page) || 0) + 1);
      (shown.get(page) <= 3 ? first : rest).push(result);
    }
    return [...first, ...rest].slice(0, 60);
  };

  Search._parseQuery = (query) => {
    const { own, words } = understand(query);
    localStorage.setItem("sphinx_highlight_terms", words.join(" "));
    return [query, own, new Set(), new Set(words), own];
  };
  Search._performSearch = (query) => {
    const progress = document.getElementById("search-progress");
    if (progress) progress.textContent = "";
    const { sections, titles, docnames, filenames } = Search._index;
    return rank(query)
      .map(([section, score]) => {
        const [page, anchor, title] = sections[section];
        const name = anchor ? `${titles[page]} > ${title}` : titles[page];
        return [docnames[page], name, anchor ? `#${anchor}` : "", null, score, filenames[page]];
      })
      .reverse();  // Sphinx shows the last one first
  };

  // The index comes when somebody is about to search.
  const dialog = document.getElementById("pst-search-dialog");
  document.addEventListener("focusin", (event) => event.target.matches("input[name=q]") && loadIndex());
  document.querySelectorAll(".search-button, .search-button-field, .search-button__button").forEach((button) =>
    ["pointerenter", "click"].forEach((what) => button.addEventListener(what, loadIndex)));

  // Arrow keys go through the results.
  dialog?.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    const stops = [dialog.querySelector("input[name=q]"), ...dialog.querySelectorAll("#search-results .search a")];
    const next = stops[stops.indexOf(document.activeElement) + step];
    if (next) {
      event.preventDefault();
      next.focus();
    }
  });
})();
