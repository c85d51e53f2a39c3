"""The pages that a build wrote: what extensions change after it."""

from pathlib import Path


def built_pages(out):
    """The pages under the folder `out`, in order of their paths, without what is only copied."""
    pages = sorted(Path(out).rglob("*.html"))
    return [page for page in pages if "_static" not in page.relative_to(out).parts]
