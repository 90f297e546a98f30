package drive_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// outlineOf is what a page consists of for who does not see it: landmarks, headings, links,
// fields and buttons with their names, in the order that they are read in.
const outlineOf = `(() => {
	const lines = [];
	const read = (e) => { const c = e.cloneNode(true); c.querySelectorAll("[aria-hidden=true], [hidden]").forEach((x) => x.remove()); return c.textContent; };
	const name = (e) => (e.getAttribute("aria-label") || e.getAttribute("aria-labelledby")?.split(" ").map((i) => document.getElementById(i)?.textContent).join(" ") ||
		(e.labels && e.labels.length ? [...e.labels[0].childNodes].filter((n) => n.nodeType === 3).map((n) => n.textContent).join(" ") : "") || (e.matches("input, select, textarea") ? e.placeholder : read(e)) || "").replace(/\s+/g, " ").trim().slice(0, 120);
	const walk = (e, depth) => {
		if (e.hidden || e.matches("script, style, template, svg, dialog")) return;
		const tag = e.tagName.toLowerCase();
		let line = "";
		if (/^(header|nav|main|footer|section|aside|form|table|fieldset|dialog|details)$/.test(tag)) line = tag + (e.getAttribute("aria-label") ? " " + name(e) : "") + (tag === "form" ? " " + (e.method || "get") + " " + (e.getAttribute("action") || "") : "");
		else if (/^h[1-6]$/.test(tag)) line = tag + " " + name(e);
		else if (tag === "a" && e.href) line = "link " + name(e) + " -> " + e.getAttribute("href");
		else if (tag === "button" || tag === "summary") line = tag + " " + name(e);
		else if (/^(input|select|textarea)$/.test(tag)) line = e.type === "hidden" ? "" : "field " + (e.type || tag) + " " + (e.name || "") + ": " + name(e);
		else if (tag === "th") line = "column " + name(e);
		else if (e.getAttribute("role")) line = e.getAttribute("role") + " " + name(e);
		if (line) lines.push("  ".repeat(depth) + line);
		if (tag === "tbody") { if (e.rows.length) walk(e.rows[0], depth + 1); return; } // rows are alike
		for (const c of e.children) walk(c, line ? depth + 1 : depth);
	};
	walk(document.body, 0);
	return "title " + document.title + "\n" + lines.join("\n") + "\n";
})()`

var ids = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)

// changing are texts that differ from run to run.
var changing = []struct {
	is *regexp.Regexp
	to string
}{
	{ids, "ID"},
	{regexp.MustCompile(`…[0-9a-f]{8}`), "…ID"},
	{regexp.MustCompile(`cursor=[\w-]+`), "cursor=CURSOR"},
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), "HOST"},
	{regexp.MustCompile(`[A-Z][a-z]{2} \d{1,2}, 20\d\d, \d{1,2}:\d\d\s?[AP]M`), "TIME"},
	{regexp.MustCompile(`20\d\d-\d\d-\d\d(T| )\d\d:\d\d(:\d\d)?( UTC|Z)?`), "TIME"},
}

func outline(b *tab) string {
	b.t.Helper()
	text := eval[string](b, outlineOf)
	for _, c := range changing {
		text = c.is.ReplaceAllString(text, c.to)
	}
	return text
}

// golden compares with a file of testdata; UPDATE_GOLDEN=1 writes it anew.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Errorf("%v: UPDATE_GOLDEN=1 writes it\n%s", err, got)
		return
	}
	if got != string(want) {
		t.Errorf("%s is another page than before; UPDATE_GOLDEN=1 takes it as it is:\n%s", file, got)
	}
}
