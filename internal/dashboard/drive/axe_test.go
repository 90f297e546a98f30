package drive_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sync"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// axeSource is axe-core as npm has it, pinned in test/npm.
var axeSource = sync.OnceValues(func() (string, error) {
	b, err := os.ReadFile("../../../test/npm/node_modules/axe-core/axe.min.js")
	if err != nil {
		return "", fmt.Errorf("%w: `make test-deps` installs it", err)
	}
	return string(b), nil
})

// axe returns what axe-core finds on the page, with a list of rules or with all that are on
// from the start: those of WCAG and its best practices. It runs in a world of its own, which the page's policy does not reach.
func axe(b *tab, rules string) (found []string) {
	b.t.Helper()
	source, err := axeSource()
	b.must("axe", err)
	ctx, done := context.WithTimeout(b.ctx, patience)
	defer done()
	tree, err := chromedp.Call(ctx, page.GetFrameTree, cdp.Empty{})
	b.must("frames", err)
	world, err := chromedp.Call(ctx, page.CreateIsolatedWorld, page.CreateIsolatedWorldParams{FrameID: tree.FrameTree.Frame.ID, WorldName: "axe"})
	b.must("a world for axe", err)
	only := ""
	if rules != "" {
		only = `, runOnly: { type: "rule", values: ` + rules + ` }`
	}
	run := `;axe.run(document, { resultTypes: ["violations"]` + only + ` }).then((r) => JSON.stringify(r.violations.map((v) => v.id + ": " + v.help + " " + v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160) + " " + (n.any[0] || n.all[0] || n.none[0] || {}).message).join(" | "))))`
	out, err := chromedp.Call(ctx, runtime.Evaluate, runtime.EvaluateParams{
		Expression: source + run, ContextID: world.ExecutionContextID, AwaitPromise: new(true), ReturnByValue: new(true),
	})
	b.must("axe", err)
	if out.ExceptionDetails != nil || out.Result == nil {
		b.t.Fatalf("axe: %+v", out.ExceptionDetails)
	}
	var text string
	b.must("what axe says", json.Unmarshal([]byte(out.Result.Value), &text))
	b.must("what axe says", json.Unmarshal([]byte(text), &found))
	return found
}
