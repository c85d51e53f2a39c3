// The text of a rule, to be edited; beside it, when asked for, what the book's has otherwise.
import { indentWithTab } from "@codemirror/commands";
import { python } from "@codemirror/lang-python";
import { HighlightStyle, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { unifiedMergeView } from "@codemirror/merge";
import { Compartment } from "@codemirror/state";
import { EditorView, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { minimalSetup } from "codemirror";

const color = (name) => ({ color: `var(--live-${name})` });
const COLORS = HighlightStyle.define([
  { tag: [tags.keyword, tags.operatorKeyword], ...color("keyword") },
  { tag: [tags.string, tags.docString], ...color("string") },
  { tag: tags.comment, ...color("comment") },
  { tag: [tags.number, tags.bool, tags.null], ...color("number") },
  { tag: [tags.function(tags.definition(tags.variableName)), tags.meta], ...color("name") },
]);

export class Editor {
  // changed() at each change; run() at Ctrl+Enter.
  constructor({ label, describedby, changed, run }) {
    this.difference = new Compartment();
    this.view = new EditorView({
      extensions: [
        keymap.of([{ key: "Mod-Enter", run: () => (run(), true) }, indentWithTab]),
        minimalSetup,
        lineNumbers(),
        python(),
        indentUnit.of("    "),
        syntaxHighlighting(COLORS),
        EditorView.lineWrapping,
        EditorView.contentAttributes.of({ "aria-label": label, "aria-describedby": describedby, spellcheck: "false" }),
        EditorView.updateListener.of((update) => update.docChanged && changed()),
        this.difference.of([]),
      ],
    });
  }

  get text() {
    return this.view.state.doc.toString();
  }

  set text(text) {
    this.view.dispatch({ changes: { from: 0, to: this.view.state.doc.length, insert: text } });
  }

  // Show what is otherwise than in `original`; nothing without it.
  compare(original) {
    const shown = original === undefined ? [] : unifiedMergeView({ original, mergeControls: false, syntaxHighlightDeletions: false });
    this.view.dispatch({ effects: this.difference.reconfigure(shown) });
  }

  // Put the caret into a line that has a mistake.
  show(line) {
    const { doc } = this.view.state;
    if (line <= doc.lines) this.view.dispatch({ selection: { anchor: doc.line(line).from }, scrollIntoView: false });
  }
}
