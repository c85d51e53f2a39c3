"""What the joined style sheets of the pages leave out, and what they must not."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "site/extensions"))

import style_sheets

USED = {"card", "bs-tooltip-", "cell"}


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (".card{color:red}", ".card{color:red}"),
        (".never{color:red}", ""),
        (".card,.never{color:red}", ".card{color:red}"),
        (".card .never{color:red}", ""),
        ("p:not(.never){color:red}", "p:not(.never){color:red}"),
        (":is(.card,.never) b{color:red}", ":is(.card,.never) b{color:red}"),
        (".bs-tooltip-top{color:red}", ".bs-tooltip-top{color:red}"),
        ("@media print{.never{top:0}}", ""),
        ("@media print{.never{top:0}.cell{top:0}}", "@media print{.cell{top:0}}"),
        ("@keyframes a{to{top:0}}", "@keyframes a{to{top:0}}"),
        (r".never\/x{top:0}", r".never\/x{top:0}"),
        ("html[data-theme] #x>p{top:0}", "html[data-theme] #x>p{top:0}"),
    ],
)
def test_rules_are_kept_that_may_match(tmp_path, text, kept):
    sheet = tmp_path / "a.css"
    sheet.write_text(text)
    style_sheets.keep_rules(tmp_path, USED)
    assert sheet.read_text() == kept


def test_a_sheet_that_cannot_be_read_is_an_error(tmp_path):
    (tmp_path / "a.css").write_text("p{} }")
    with pytest.raises(ValueError, match="cannot be read"):
        style_sheets.keep_rules(tmp_path, USED)


def test_the_sheets_of_a_page_become_one_in_order(tmp_path):
    (tmp_path / "more").mkdir()
    (tmp_path / "more/a.css").write_text('@import "b.css";p{background:url(x.svg)}')
    (tmp_path / "more/b.css").write_text("i{top:0}")
    (tmp_path / "c.css").write_text("b{top:0}")
    page = tmp_path / "page.html"
    links = '<link rel="stylesheet" href="more/a.css?v=1" />\n<link rel="stylesheet" href="c.css"/>'
    html = style_sheets.join_sheets(page, f"<head>{links}\n</head><body>", tmp_path)
    [joined] = tmp_path.glob("all.*.css")
    assert html.count("<link") == 1
    assert f'href="{joined.name}"' in html
    assert joined.read_text() == "i{top:0}p{background:url(more/x.svg)}\nb{top:0}"


def test_a_page_asks_for_one_style_sheet(pages):
    counts = {
        name: len(page.select("head link[rel=stylesheet]:not([media])"))
        for name, page in pages.items()
        if name != "404.html"
    }
    assert {name: n for name, n in counts.items() if n != 1} == {}
