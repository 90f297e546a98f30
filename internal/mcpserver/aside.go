package mcpserver

import (
	"bytes"
	"crypto/rand"
	"sync"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// aside keeps the text of a result that holds a value past the library, which would leave
// copies of it: the library gets a mark, and the text takes its place in the answer. It is
// wiped once the answer is sent.
type aside struct {
	mark string // nobody can know it before

	mu   sync.Mutex
	text []byte
	over bool // the answer is sent
}

func newAside() *aside { return &aside{mark: rand.Text()} }

// result is a tool's result with the text, which is the callee's from now on. Without an
// aside, on stdio, the library gets it.
func (a *aside) result(text []byte) *mcp.CallToolResult {
	if a == nil {
		defer clear(text)
		return said(string(text), false)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.over {
		clear(text) // whoever asked has gone
		text = nil
	}
	clear(a.text)
	a.text = text
	return said(a.mark, false)
}

// end wipes the text, and what still comes.
func (a *aside) end() {
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.text)
	a.text, a.over = nil, true
}

// whole returns the answer with the text in its place. The caller wipes it.
func (a *aside) whole(answer []byte) []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	before, after, found := bytes.Cut(answer, []byte(a.mark))
	if !found {
		return answer
	}
	all := make([]byte, 0, len(before)+asMessage.length(a.text)+len(after)) // one that grows would leave copies
	return append(asMessage.append(append(all, before...), a.text), after...)
}

func said(text string, isError bool) *mcp.CallToolResult {
	return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: text}}, IsError: isError}
}
