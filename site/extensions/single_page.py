"""For `make pdf`: the book on a single page, in which every directive can be written."""


def share_handlers(app):
    """Let Sphinx's "singlehtml" write what "html" can: some extensions name one of them only."""
    handlers = app.registry.translation_handlers
    handlers["singlehtml"] = {**handlers.get("html", {}), **handlers.get("singlehtml", {})}


def search_nothing(app):
    """A page on paper is not searched; and its sections, which were pages, have no anchors."""
    if app.builder.name == "singlehtml":
        app.builder.search = False


def setup(app):
    app.connect("builder-inited", share_handlers)
    app.connect("builder-inited", search_nothing)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
