package node

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

// endpoint is one node.
type endpoint struct {
	number, of int
	url        secret.Bytes
	http       *http.Client
	timeout    time.Duration
	long       time.Duration // of what makes it run code for long
	chain      uint64

	mu       sync.Mutex
	verified bool // it said that it is of the chain, and did not fail since
	failures int  // in a row
	why      why
	nextAt   time.Time
}

// why is a fixed word for what failed: it says nothing of the URL.
type why string

const (
	timedOut    why = "no answer in time"
	unreachable why = "not reachable"
	notAllowed  why = "this server may not call it"
	tooLarge    why = "the answer is too large"
	notJSON     why = "the answer is no JSON-RPC"
	malformed   why = "the answer has not the form that was asked for"
	wrongChain  why = "it is of another chain"
	limited     why = "it takes no more requests for now"
	unwelcome   why = "it refuses the key in its URL"
	redirected  why = "it leads elsewhere"
	anew        why = "its chain is another than before: was it started anew?"
)

// failure is a node that did not answer as nodes do.
type failure struct {
	node int
	why  why
	sent bool // the request may have reached it
}

// Error implements error.
func (f *failure) Error() string { return "node " + strconv.Itoa(f.node) + ": " + string(f.why) }

// How long a node that failed is left alone: twice as long each time.
const (
	firstRest = time.Second
	maxRest   = time.Minute
)

func (n *endpoint) rests(now time.Time) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return now.Before(n.nextAt)
}

func soonest(nodes []*endpoint) []*endpoint {
	slices.SortStableFunc(nodes, func(a, b *endpoint) int { return a.health().NextAt.Compare(b.health().NextAt) })
	return nodes
}

func (n *endpoint) health() Health {
	n.mu.Lock()
	defer n.mu.Unlock()
	return Health{Node: n.number, Why: string(n.why), Failures: n.failures, NextAt: n.nextAt}
}

// note keeps what became of a question. A node that was away may come back as
// another: its chain is asked again.
func (n *endpoint) note(err error, now time.Time) {
	said, ok := errors.AsType[*Error](err)
	if ok && !said.limited() {
		err = nil // it answers, whatever it says
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if err == nil {
		n.failures, n.why, n.nextAt = 0, "", time.Time{}
		return
	}
	n.why = limited
	if f, ok := errors.AsType[*failure](err); ok {
		n.why, n.verified = f.why, false
	}
	rest := min(firstRest<<min(n.failures, 10), maxRest)
	n.failures++
	n.nextAt = now.Add(rest)
}

// call asks the node, after it has said once that it is of the right chain.
func (n *endpoint) call(ctx context.Context, now func() time.Time, into any, method string, params []any) error {
	err := n.verify(ctx)
	if err == nil {
		err = n.post(ctx, into, method, params)
	}
	if ctx.Err() == nil || err == nil { // a caller that left says nothing about the node
		n.note(err, now())
	}
	return err
}

func (n *endpoint) verify(ctx context.Context) error {
	n.mu.Lock()
	known := n.verified
	n.mu.Unlock()
	if known {
		return nil
	}
	var id Uint256
	if err := n.post(ctx, &id, "eth_chainId", nil); err != nil {
		if f, ok := errors.AsType[*failure](err); ok {
			f.sent = false // the question itself was not put
		}
		return err
	}
	if !id.IsUint64() || id.Uint64() != n.chain {
		return &failure{node: n.number, why: wrongChain}
	}
	n.mu.Lock()
	n.verified = true
	n.mu.Unlock()
	return nil
}

// maxAnswer is the most bytes of an answer that are read.
const maxAnswer = 4 << 20

// post sends one request and decodes its answer.
func (n *endpoint) post(ctx context.Context, into any, method string, params []any) error {
	if params == nil {
		params = []any{}
	}
	body, err := json.Marshal(request{Version: "2.0", ID: 1, Method: method, Params: params})
	if err != nil {
		return fmt.Errorf("encode %s: %w", method, err)
	}
	within := n.timeout
	if method == "eth_simulateV1" || method == "debug_traceCall" {
		within = n.long
	}
	ctx, stop := context.WithTimeout(ctx, within)
	defer stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, string(n.url.Reveal()), bytes.NewReader(body))
	if err != nil {
		return n.failed(notAllowed, false) // its text has the URL
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	res, err := n.http.Do(req)
	if err != nil {
		return n.unanswered(ctx, err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case len(answer) > maxAnswer || fault.CodeOf(err) == "answer_too_large":
		return n.failed(tooLarge, true)
	case err != nil:
		return n.unanswered(ctx, err)
	}
	return n.read(res.StatusCode, answer, into)
}

func (n *endpoint) failed(w why, sent bool) error {
	return &failure{node: n.number, why: w, sent: sent}
}

// unanswered is a failure of the network. Its text may have parts of the URL, and
// so none of it is kept.
func (n *endpoint) unanswered(ctx context.Context, err error) error {
	timeout, isNet := errors.AsType[net.Error](err)
	switch {
	case fault.CodeOf(err) == "address_refused":
		return n.failed(notAllowed, false)
	case ctx.Err() != nil || isNet && timeout.Timeout():
		return n.failed(timedOut, true)
	}
	op, ok := errors.AsType[*net.OpError](err)
	return n.failed(unreachable, !ok || op.Op != "dial")
}

// read decodes an answer. Providers send errors of JSON-RPC with statuses other than
// 200 too, so the status decides only where the body is none.
func (n *endpoint) read(status int, body []byte, into any) error {
	var r response
	if err := json.Unmarshal(body, &r); err != nil || r.Error == nil && status != http.StatusOK || !r.fits() {
		switch {
		case status == http.StatusTooManyRequests:
			return n.failed(limited, false)
		case status == http.StatusUnauthorized || status == http.StatusForbidden:
			return n.failed(unwelcome, false)
		case status >= 300 && status < 400:
			return n.failed(redirected, false)
		}
		return n.failed(notJSON, true)
	}
	if r.Error != nil {
		said := r.Error.of(n)
		said.Status = status
		return said
	}
	if err := json.Unmarshal(r.Result, into); err != nil {
		return n.failed(malformed, true)
	}
	return nil
}

// check is Check of one node.
func (n *endpoint) check(ctx context.Context, now func() time.Time) Checked {
	out := Checked{Node: n.number}
	n.mu.Lock()
	n.verified = false
	n.mu.Unlock()
	var height Uint256
	err := n.call(ctx, now, &height, "eth_blockNumber", nil)
	if err != nil {
		out.Why = string(malformed)
		if f, ok := errors.AsType[*failure](err); ok {
			out.Why = string(f.why)
		} else if said, ok := errors.AsType[*Error](err); ok {
			out.Why = "it says: " + said.Message
		}
		return out
	}
	out.Block = height.Uint64()
	none := map[string]any{"from": zeroAddress, "to": zeroAddress, "gas": "0x7530"}
	var traced json.RawMessage
	out.Simulates = n.call(ctx, now, &traced, "eth_simulateV1", []any{
		map[string]any{"blockStateCalls": []any{map[string]any{"calls": []any{none}}}}, "latest"}) == nil
	out.TracesDiff = n.call(ctx, now, &traced, "debug_traceCall", []any{none, "latest",
		map[string]any{"tracer": "prestateTracer", "tracerConfig": map[string]any{"diffMode": true}}}) == nil
	return out
}

const zeroAddress = "0x0000000000000000000000000000000000000000"
