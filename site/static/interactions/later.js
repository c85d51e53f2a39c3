// Loads the interactions of a page when the first of them comes near the window.
(() => {
  "use strict";
  const folder = document.currentScript.src.replace(/later\.js.*$/, "");
  const places = document.querySelectorAll(".play");
  const near = new IntersectionObserver(
    (entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      near.disconnect();
      for (const name of ["../explorer/rules", "settings", "parts"]) {
        const script = document.createElement("script");
        script.async = false; // in this order
        script.src = `${folder}${name}.js`;
        document.head.append(script);
      }
    },
    { rootMargin: "300px" },
  );
  places.forEach((place) => near.observe(place));
})();
