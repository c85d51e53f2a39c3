"""MyST, as the chapters use it, as Markdown that any notebook program shows well."""

import re

FENCE = re.compile(r"^(:{3,}|`{3,})\{([\w:-]+)\}\s*(.*)$")
ROLE = re.compile(r"\{([a-z:]+)\}`([^`]+)`")
TARGET = re.compile(r"^\(([\w-]+)\)=$")
OPTION = re.compile(r"^:([a-z-]+):\s*(.*)$")
LABEL = re.compile(r"^:label:\s*(\S+)", re.M)
NUMBERED = re.compile(r"^(\$\$)\s*\(([\w-]+)\)\s*$")
LINK = re.compile(r"\]\(([\w./-]+?)\.(ipynb|md)(#[\w=&.,-]+)?\)")
UNTITLED = {"proof": "Proof", "note": "Note", "exercise": "Exercise"}


def names(text):
    """What labels in a chapter's text stand for: {label: words to put in their place}."""
    found, count = {}, 0
    lines = text.splitlines()
    for i, line in enumerate(lines):
        if NUMBERED.match(line):
            count += 1
            found[NUMBERED.match(line)[2]] = f"({count})"
        elif (fence := FENCE.match(line)) and i + 1 < len(lines):
            label = LABEL.match(lines[i + 1])
            kind = fence[2].split(":")[-1]
            if label and kind == "math":
                count += 1
                found[label[1]] = f"({count})"
            elif label:
                title = strip_math(fence[3])
                found[label[1]] = f"{kind.capitalize()} “{title}”" if title else kind
        elif target := TARGET.match(line):
            below = next((x for x in lines[i + 1 :] if x.strip()), "")
            found[target[1]] = f"“{below.lstrip('# ').strip()}”"
    return found


def strip_math(title):
    return ROLE.sub("", title).strip()


def plain(text, known, cited, site):
    """Text of a Markdown cell without directives and roles.

    known: as from `names`. cited: words for each key of the bibliography. site: address of the
    book, with a slash at its end, for links to its pages.
    """
    out, stack = [], []  # of open fences: marker, kind, what to write at its end
    for line in text.splitlines():
        fence = FENCE.match(line)
        closing = stack and line.strip() == stack[-1][0]
        if closing:
            marker, quoted, end = stack.pop()
            if end:
                out.append(prefix(stack) + end)
            out.append("")
        elif fence:
            marker, kind, title = fence.groups()
            begin, quoted, end = opening(kind.split(":")[-1], title.strip())
            out += ["", prefix(stack) + begin] if begin else []
            stack.append((marker, quoted, end))
            if quoted:
                out.append(prefix(stack).rstrip())
        elif stack and OPTION.match(line):
            if stack[-1][2] == "$$" and (label := LABEL.match(line)):
                out.append(rf"{prefix(stack)}\tag{{{known[label[1]].strip('()')}}}")
        elif TARGET.match(line):
            continue
        elif numbered := NUMBERED.match(line):
            out[-1:] = [*out[-1:], rf"{prefix(stack)}\tag{{{known[numbered[2]].strip('()')}}}"]
            out.append(prefix(stack) + "$$")
        else:
            out.append((prefix(stack) + line).rstrip())
    whole = ROLE.sub(lambda found: role(found[1], found[2], known, cited), "\n".join(out))
    whole = LINK.sub(lambda found: f"]({site}{page(found)})", whole)
    whole = re.sub(r"^((?:> )*>)\n(?:\1\n)+", r"\1\n", whole, flags=re.M)  # one empty line of each
    return re.sub(r"\n{3,}", "\n\n", whole).strip()


def prefix(stack):
    return "> " * sum(quoted for _, quoted, _ in stack)


def opening(kind, title):
    """What is written where a directive begins, whether its content is quoted, and its end."""
    if kind == "math":
        return "$$", False, "$$"
    if kind == "dropdown":
        return f"<details><summary>{title}</summary>\n", False, "\n</details>"
    if kind == "solution-start":
        return "**Solution.**", False, ""
    if kind == "solution-end":
        return "", False, ""
    if kind == "explorer":
        return f"[Try it in the explorer](../book/explorer.md#{title})", False, ""
    if kind == "interaction":
        return "*To be tried on the page of this chapter:*\n", False, ""
    if kind == "proof":
        return "*Proof.*", False, "∎"
    if kind in ("admonition", "note"):
        return f"> **{title or UNTITLED[kind]}**", True, ""
    name = UNTITLED.get(kind, kind.capitalize())
    return (f"> **{name}** ({title})" if title else f"> **{name}**"), True, ""


def role(name, content, known, cited):
    if name.startswith("cite"):
        return f"[{'; '.join(cited[key.strip()] for key in content.split(','))}]"
    words, _, label = content.rpartition(" <")
    return words or known.get(label.rstrip(">") or content, content)


def page(found):
    path, _, anchor = found.groups()
    path = path.removeprefix("../")
    return f"{path if '/' in path else f'notebooks/{path}'}.html{anchor or ''}"
