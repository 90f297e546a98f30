package mcpserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"regexp"
	"runtime/debug"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/jsonschema-go/jsonschema"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/oneclaw-dev/oneclaw/client"
)

// tool is one thing that an agent can do.
type tool struct {
	name   string
	title  string
	about  string // for the model: what it does, when to use it, what it costs
	fields []field
	only   []field // a call may name these alone; nil: others are ignored
	hints  mcp.ToolAnnotations
	run    func(context.Context, *session, input) (string, error)
	// give is a run whose text holds a value. The caller wipes it.
	give func(context.Context, *session, input) ([]byte, error)
	// opens is a run with an address that the client may open for its human before the answer.
	opens func(context.Context, *session, input) (text string, page *mcp.ElicitParams, err error)
}

// declare is what tools/list shows. Properties keep the order of the fields, the
// needed ones first.
func (t tool) declare() *mcp.Tool {
	s := &jsonschema.Schema{Type: "object", Properties: map[string]*jsonschema.Schema{}}
	for _, f := range t.fields {
		s.Properties[f.name] = f.schema()
		s.PropertyOrder = append(s.PropertyOrder, f.name)
		if f.required {
			s.Required = append(s.Required, f.name)
		}
	}
	hints := t.hints
	hints.Title = t.title
	return &mcp.Tool{Name: t.name, Title: t.title, Description: t.about, InputSchema: s, Annotations: &hints}
}

// handler runs the tool. It never returns a Go error, so that the model sees what
// went wrong, and contains panics: the library would let one end the process.
func (t tool) handler(log *slog.Logger, current func(context.Context) *session) mcp.ToolHandler {
	return func(ctx context.Context, req *mcp.CallToolRequest) (res *mcp.CallToolResult, _ error) {
		defer contain(ctx, log, t.name, func() {
			res = said("Tool '"+t.name+"' execution failed: Internal error.", true)
		})
		arguments := req.Params.Arguments
		if t.opens != nil {
			arguments = opened(req)
		}
		in, err := read(t.fields, arguments)
		if err == nil && t.only != nil {
			err = t.knows(req.Params.Arguments)
		}
		if err == nil {
			err = restore(ctx, t.fields, in)
		}
		if err != nil {
			return said("Tool '"+t.name+"' was not run: "+err.Error(), true), nil
		}
		defer in.wipe()
		s := current(ctx)
		if t.inVault() {
			s = s.calling(in.text("vault_id"))
		}
		if t.opens != nil {
			if res = t.open(ctx, req, s, in); res.InputRequests != nil {
				return res, nil
			}
		} else {
			res = t.work(ctx, s, in)
		}
		if s.note != "" { // apart, since the first text is what the contract says
			res.Content = append(res.Content, &mcp.TextContent{Text: s.note})
		}
		return res, nil
	}
}

func (t tool) work(ctx context.Context, s *session, in input) *mcp.CallToolResult {
	if t.give != nil {
		text, err := t.give(ctx, s, in)
		if err != nil {
			return said(t.explain(s, err), true)
		}
		return s.text.result(text)
	}
	text, err := t.run(ctx, s, in)
	if err != nil {
		return said(t.explain(s, err), true)
	}
	return said(text, false)
}

// open is work for a tool with an address to open.
func (t tool) open(ctx context.Context, req *mcp.CallToolRequest, s *session, in input) *mcp.CallToolResult {
	text, page, err := t.opens(ctx, s, in)
	if err != nil {
		return said(t.explain(s, err), true)
	}
	if res := opening(req, page); res != nil {
		return res
	}
	return said(text, false)
}

// contain, deferred, ends a panic and lets instead give another answer. The panic's
// own text may hold a value; its type and its place do not.
func contain(ctx context.Context, log *slog.Logger, what string, instead func()) {
	if p := recover(); p != nil {
		log.ErrorContext(ctx, "panic", slog.String("in", what), slog.String("type", fmt.Sprintf("%T", p)),
			slog.String("stack", string(debug.Stack())))
		instead()
	}
}

// explain turns a failure of t into what the model reads, and lets the session
// learn from it.
func (t tool) explain(s *session, err error) string {
	if n, ok := errors.AsType[notice](err); ok {
		return string(n)
	}
	detail := "Internal error."
	if e, ok := errors.AsType[*client.Error](err); ok {
		switch {
		case e.Status == http.StatusPaymentRequired:
			return "Quota exhausted. " + sentence(e.Detail) + "A human has to raise the organisation's plan or add credits."
		case e.Status == http.StatusForbidden && e.Code == "resource_limit_exceeded":
			return "Resource limit reached: " + sentence(e.Detail) + "Remove what is not needed any more, or ask a human to raise the limit."
		}
		detail = s.hear(e)
		switch {
		case e.Status != http.StatusNotFound || t.name == "share_secret" || t.onChain() || !t.inVault():
		case s.named != "":
			detail = sentence(detail) + errNamed.Error()
		case s.vault.fixed != "":
			detail = sentence(detail) + s.vault.wrong().Error()
		}
	}
	return "Tool '" + t.name + "' execution failed: " + detail
}

// onChain reports whether a vault is only where t finds a key.
func (t tool) onChain() bool {
	return t.name == "simulate_transaction" || t.name == "submit_transaction"
}

// plainName is a parameter whose name an answer may repeat.
var plainName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// knows refuses parameters that a transaction has not: one that goes missing could change what
// is paid. A simulation takes those of a submission, and leaves them out.
func (t tool) knows(raw []byte) error {
	given := map[string]jsontext.Value{}
	if len(bytes.TrimSpace(raw)) > 0 {
		if err := json.Unmarshal(raw, &given); err != nil {
			return notice("The arguments must be one JSON object in UTF-8 that names each parameter once.")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if slices.ContainsFunc(t.only, func(f field) bool { return f.name == name }) {
			continue
		}
		if !plainName.MatchString(name) {
			name = "?"
		}
		return notice("Parameter '" + name + "' is not known to a transaction. Leave it out, or see the tool's parameters for the right name.")
	}
	return nil
}

// inVault reports whether t works in one vault, which the call may name.
func (t tool) inVault() bool {
	switch t.name {
	case "list_vaults", "create_vault", "grant_access", "inspect_content":
		return false
	}
	return true
}
