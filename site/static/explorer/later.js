// Loads the explorer when a small one comes near the window: chapters are long.
(() => {
  "use strict";
  const folder = document.currentScript.src.replace(/later\.js.*$/, "");
  const places = document.querySelectorAll(".explorer[data-small]");
  const near = new IntersectionObserver(
    (entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      near.disconnect();
      for (const name of ["rules", "run", "draw", "controls", "explorer"]) {
        const script = document.createElement("script");
        script.async = false; // in this order
        script.src = `${folder}${name}.js`;
        document.head.append(script);
      }
    },
    { rootMargin: "100px" },
  );
  places.forEach((place) => near.observe(place));
})();
