package transaction_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/evmnode"
)

// gateway stands between the server and a real node. It passes everything on, except where a
// test has it be a node that is away, or that lies.
type gateway struct {
	url  string
	mu   sync.Mutex
	node *evmnode.Node
	asks map[string]answer
	mute map[string]bool // the questions that get no answer while the caller waits
	sent [][]byte        // the bytes of each eth_sendRawTransaction, as text
}

// answer is what is said to one question. pass asks the real node.
type answer func(w http.ResponseWriter, pass func() []byte)

func newGateway(t *testing.T, node *evmnode.Node) *gateway {
	g := &gateway{node: node, asks: map[string]answer{}, mute: map[string]bool{}}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the caller left
		}
		var q struct {
			Method string
			Params []json.RawMessage
		}
		if err := json.Unmarshal(body, &q); err != nil {
			t.Error(err)
		}
		g.mu.Lock()
		say := g.asks[q.Method]
		if n := len(q.Params); n > 0 && g.asks[q.Method+" "+string(q.Params[n-1])] != nil {
			say = g.asks[q.Method+" "+string(q.Params[n-1])]
		}
		if say == nil {
			say = g.asks["*"]
		}
		if q.Method == "eth_sendRawTransaction" {
			g.sent = append(g.sent, q.Params[0])
		}
		behind := g.node
		mute := g.mute[q.Method] || g.mute["*"]
		g.mu.Unlock()
		if mute {
			<-r.Context().Done()
			return
		}
		pass := func() []byte {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, behind.URL, bytes.NewReader(body))
			if err != nil {
				t.Error(err)
				return nil
			}
			req.Header.Set("Content-Type", "application/json")
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Error(err)
				return nil
			}
			defer func() { _ = res.Body.Close() }()
			out, err := io.ReadAll(res.Body)
			if err != nil {
				t.Error(err)
			}
			return out
		}
		if say == nil {
			_, _ = w.Write(pass())
			return
		}
		say(w, pass)
	}))
	t.Cleanup(s.Close)
	g.url = s.URL
	return g
}

// on answers a method, or a method with this last parameter (as JSON, after a space), and "*" every
// one that has no answer of its own. nil is the node's own.
func (g *gateway) on(method string, a answer) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asks[method] = a
}

// hang has a method, or "*" every one, get no answer, or again one.
func (g *gateway) hang(method string, on bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.mute[method] = on
}

// bytesSent are those that were sent so far, each as often as it was.
func (g *gateway) bytesSent() map[string]int {
	g.mu.Lock()
	defer g.mu.Unlock()
	out := map[string]int{}
	for _, raw := range g.sent {
		out[string(raw)]++
	}
	return out
}

// away closes the connection without an answer, before the node hears of it.
func away(http.ResponseWriter, func() []byte) { panic(http.ErrAbortHandler) }

// cutOff closes the connection after the node has heard of it.
func cutOff(_ http.ResponseWriter, pass func() []byte) {
	pass()
	panic(http.ErrAbortHandler)
}

// says answers with a result, as JSON.
func says(result string) answer {
	return func(w http.ResponseWriter, _ func() []byte) {
		_, _ = fmt.Fprintf(w, `{"jsonrpc":"2.0","id":1,"result":%s}`, result)
	}
}

// refuses answers with an error. Where it keeps the bytes, the node gets them all the same.
func refuses(message string, keeps bool) answer {
	return func(w http.ResponseWriter, pass func() []byte) {
		if keeps {
			pass()
		}
		_, _ = fmt.Fprintf(w, `{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":%q}}`, message)
	}
}
