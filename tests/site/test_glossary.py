"""Words of the glossary are linked at their first mention in a chapter, with their meaning."""

from collections import Counter


def test_first_mentions_link_to_the_glossary_once_each(pages):
    terms = {dt["id"]: dt for dt in pages["book/glossary.html"].select("dl.glossary dt")}
    assert len(terms) >= 20
    meant = set()
    for name, page in pages.items():
        links = page.select("a.glossary-word")
        anchors = Counter(link["href"].split("#")[1] for link in links)
        assert not [a for a, n in anchors.items() if n > 1], name
        if name.startswith("notebooks/"):
            assert len(anchors) >= 3, name
        for link in links:
            meaning = terms[link["href"].split("#")[1]].find_next("dd").get_text(" ", strip=True)
            assert link["title"].split() == meaning.split()
            assert not link.find_parent(["h1", "h2", "h3", "pre", "code", "summary"])
        meant |= set(anchors)
    assert not set(terms) - meant, "in the glossary and in no chapter"
