"""Style sheets: the rules that some page may use, and one file for each page."""

import os
import re
from hashlib import sha256
from pathlib import Path

import tinycss2

SHEET = re.compile(r"[ \t]*<link (?=[^>]*\brel=\"stylesheet\")(?![^>]*\bmedia=)[^>]*>\n?")
ADDRESS = re.compile(r"""url\((["']?)(?!data:|#)([^"')]+)\1\)""")
IMPORT = re.compile(r"""@import (?:url\()?["']([^"']+)["']\)?;""")
WORD = re.compile(r"[\w-]+")
CLASS = re.compile(r"\.(-?[A-Za-z_][\w-]*)")
# What matches without the class that it names, and what matches with one of several.
EITHER_WAY = re.compile(r":(?:not|is|where|has)\(|\\")
NESTED = ("media", "supports", "layer")


def words(files):
    """All words of pages and scripts: a class that is none of them is on no page, nor put there."""
    return {word for file in files for word in WORD.findall(file.read_text("utf-8"))}


def keep_rules(static, used):
    """Leave, in the style sheets, the rules whose classes are among the words `used`."""
    for sheet in sorted(static.rglob("*.css")):
        rules = tinycss2.parse_stylesheet(sheet.read_text("utf-8"))
        sheet.write_text("".join(_kept(rules, used)), "utf-8")


def _kept(rules, used):
    for rule in rules:
        if rule.type == "qualified-rule":
            selectors = tinycss2.serialize(rule.prelude)
            if kept := [s for s in _alternatives(selectors) if _may_match(s, used)]:
                yield f"{','.join(kept)}{{{tinycss2.serialize(rule.content)}}}"
        elif rule.type == "at-rule" and rule.lower_at_keyword in NESTED and rule.content:
            inner = "".join(_kept(tinycss2.parse_rule_list(rule.content), used))
            if inner.strip():
                yield f"@{rule.at_keyword}{tinycss2.serialize(rule.prelude)}{{{inner}}}"
        elif rule.type == "error":
            raise ValueError(f"a style sheet cannot be read: {rule.message}")
        elif rule.type != "comment":
            yield rule.serialize()


def _alternatives(selectors):
    """The selectors of a list; where one has commas of its own, the list as a whole."""
    return [selectors] if EITHER_WAY.search(selectors) else selectors.split(",")


def _may_match(selector, used):
    if EITHER_WAY.search(selector):
        return True
    return all(_is_made(name, used) for name in CLASS.findall(selector))


def _is_made(name, used):
    """Whether a page has the class, or a script may put it together: `bs-tooltip-` and a side."""
    ends = (i + 1 for i, letter in enumerate(name) if letter == "-")
    return name in used or any(len(name[:end]) > 3 and name[:end] in used for end in ends)


def sheet_text(sheet, out):
    """A style sheet for the folder `out`: imports put in, addresses relative to that folder."""

    def address(found):
        quote, target = found.groups()
        path = os.path.relpath(sheet.parent / target, out)
        return f"url({quote}{Path(path).as_posix()}{quote})"

    text = ADDRESS.sub(address, IMPORT.sub(r"@import '\1';", sheet.read_text("utf-8")))
    return IMPORT.sub(lambda found: sheet_text(sheet.parent / found[1], out), text)


def join_sheets(page, html, static):
    """The page with one style sheet, of all those of its head, written into `static`."""
    head, mark, body = html.partition("</head>")
    links = SHEET.findall(head)
    if not links:
        return html
    names = [re.search(r'href="([^"?]+)', link)[1] for link in links]
    text = "\n".join(sheet_text((page.parent / name).resolve(), static.resolve()) for name in names)
    text = text.replace('@charset "UTF-8";', "")
    joined = static / f"all.{sha256(text.encode()).hexdigest()[:12]}.css"
    joined.write_text(text, "utf-8")
    href = Path(os.path.relpath(joined, page.parent)).as_posix()
    for link in links[1:]:
        head = head.replace(link, "", 1)
    return head.replace(links[0], f'  <link rel="stylesheet" href="{href}">\n', 1) + mark + body
