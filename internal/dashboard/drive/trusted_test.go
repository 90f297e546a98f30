package drive_test

import (
	"fmt"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/pages"
)

// A text is parsed before it becomes elements: one that only looks like an event handler passes, and an element
// with a handler is refused.
func TestTextsThatRunSomethingBecomeNoElements(t *testing.T) {
	b := open(t, pages.Open(t).URL)
	b.visit("/login")
	became := func(part string) bool {
		return eval[bool](b, fmt.Sprintf(`(() => { try { document.createElement("div").innerHTML = %q; return true } catch { return false } })()`, part))
	}
	for _, part := range []string{
		`<p title="a onx=1">onclick=2</p>`, `<pre> on=1 &lt;x onx=1&gt;</pre>`, `<a href="/x?q=javascript:1" title="javascript:1">x</a>`, `<tr><td>x</td></tr>`, `&lt;script&gt;`,
	} {
		if !became(part) {
			t.Errorf("refused: %s", part)
		}
	}
	for _, part := range []string{
		`<p onx=1>`, `<p title="a>b"onclick=x>`, `<tr onclick=x><td></td></tr>`, `<body onload=x>`, `<svg/onload=x>`, `<script>1</script>`, `<svg><script>1</script></svg>`,
		`<a href="java&#10;script:x">x</a>`, `<form action=" javascript:x">`, `<template><img src=x onerror=x></template>`, `<iframe srcdoc="x"></iframe>`, `<p hx-on:click="x">`,
	} {
		if became(part) {
			t.Errorf("taken: %s", part)
		}
	}
	b.complaints() // the browser says that it refused the handlers
}
