"""Pages that work where the browser forbids them to store anything.

There, to name `localStorage` throws, in scripts of the theme and of Sphinx: the color mode is not
set, and a search finds nothing. They get a store that forgets when the page is left.
"""

from built_pages import built_pages

SCRIPT = """<script>
    for (const name of ["localStorage", "sessionStorage"]) {
      try { window[name].getItem(""); } catch {
        const kept = new Map();
        const store = {
          getItem: (key) => kept.get(String(key)) ?? null,
          setItem: (key, value) => { kept.set(String(key), String(value)); },
          removeItem: (key) => { kept.delete(String(key)); },
        };
        Object.defineProperty(window, name, { value: store, configurable: true });
      }
    }
  </script>
  """


def add_store(app, exception):
    if exception or app.builder.name != "html":
        return
    for path in built_pages(app.outdir):
        html = path.read_text("utf-8")
        # A page that this build did not write has the script from the last one.
        if "localStorage" in html and SCRIPT not in html:
            path.write_text(html.replace("<script", f"{SCRIPT}<script", 1), "utf-8")


def setup(app):
    app.connect("build-finished", add_store, priority=930)  # before the policy counts scripts
    return {"parallel_read_safe": True, "parallel_write_safe": True}
