// Package node asks the nodes of one EVM chain over JSON-RPC.
//
// Its promise: an answer is bounded in time and size, is read strictly, and
// comes from a node that says it is of the right chain. A node that fails is
// left alone for a while, and the next one is asked. A URL may hold a
// provider's key, so no URL, host or text of the network is in an error.
package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

// Config is what a Client is made of.
type Config struct {
	HTTP    *http.Client // of netguard: it decides what may be called
	Profile Profile
	URLs    []secret.Bytes // in the order in which they are preferred
	Now     func() time.Time
	Timeout time.Duration // of one question to one node; 0: 2 s, or 4 s where it runs code for long
}

// Client asks the nodes of one chain. It is safe for concurrent use. Make one for
// a chain and keep it: it knows which nodes are well.
type Client struct {
	Profile Profile
	nodes   []*endpoint
	now     func() time.Time
}

const (
	// defaultTimeout leaves time for another node where one hangs: somebody waits for a submission,
	// which asks several questions. Nodes answer them in less than a tenth of it.
	defaultTimeout = 2 * time.Second
	// longTimeout is of what makes a node run code for long.
	longTimeout = 4 * time.Second
	maxNodes    = 16
)

// New returns a client of the chain. Without a URL it is ErrNoRPC.
func New(cfg Config) (*Client, error) {
	switch {
	case len(cfg.URLs) == 0:
		return nil, NoRPC(cfg.Profile.Name)
	case len(cfg.URLs) > maxNodes:
		return nil, fault.New(fault.Invalid, "too_many_nodes", "A chain has at most 16 URLs of nodes.")
	}
	long := cfg.Timeout
	if cfg.Timeout <= 0 {
		cfg.Timeout, long = defaultTimeout, longTimeout
	}
	plain := *cfg.HTTP
	plain.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	plain.Jar = nil
	c := &Client{Profile: cfg.Profile, now: cfg.Now}
	for i, url := range cfg.URLs {
		c.nodes = append(c.nodes, &endpoint{number: i + 1, of: len(cfg.URLs), url: url, http: &plain, timeout: cfg.Timeout, long: long, chain: cfg.Profile.ChainID})
	}
	return c, nil
}

// NoRPC is the refusal of what needs a node of a chain that has none.
func NoRPC(chain string) error {
	return fault.New(fault.Unprocessable, "no_rpc", "No node of the chain "+chain+" is set. A platform admin adds one with: oneclaw chain add "+chain+" --rpc-url-file FILE.")
}

// order returns the nodes: those that are well in the order of the settings, then
// the others, the one that is to be tried first in front.
func (c *Client) order(now time.Time) []*endpoint {
	well := make([]*endpoint, 0, len(c.nodes))
	var away []*endpoint
	for _, n := range c.nodes {
		if n.rests(now) {
			away = append(away, n)
		} else {
			well = append(well, n)
		}
	}
	return append(well, soonest(away)...)
}

// ask puts a question that changes nothing to one node after another, until one
// answers it. An answer that other nodes would give too (a revert, bad parameters)
// ends it. What a node said is an *Error in the one that is returned, which is nobody's fault
// here (node_unavailable) unless the caller makes more of it. into is what the result is decoded into.
func (c *Client) ask(ctx context.Context, into any, method string, params ...any) error {
	var failed []error
	for _, n := range c.order(c.now()) {
		err := n.call(ctx, c.now, into, method, params)
		if err == nil {
			return nil
		}
		if said, ok := errors.AsType[*Error](err); ok && said.final() {
			return inVain(said)
		}
		failed = append(failed, err)
		if ctx.Err() != nil {
			break
		}
	}
	return together(failed)
}

// together makes one error of those of all nodes: what a node said, when one said
// something, and else that none was there.
func together(failed []error) error {
	var said *Error
	wrong, unsupported := 0, 0
	lines := make([]string, len(failed))
	for i, err := range failed {
		lines[i] = err.Error()
		if e, ok := errors.AsType[*Error](err); ok {
			if e.unsupported() {
				unsupported++
			} else if said == nil && !e.limited() {
				said = e
			}
		}
		if f, ok := errors.AsType[*failure](err); ok && f.why == wrongChain {
			wrong++
		}
	}
	cause := errors.New(strings.Join(lines, "; "))
	switch {
	case said != nil:
		return inVain(said)
	case wrong > 0 && wrong == len(failed):
		return fault.Wrap(cause, fault.Unavailable, "wrong_chain", "The nodes that are set for this chain are of another chain.")
	case unsupported > 0:
		return inVain(fmt.Errorf("%w: %w", ErrUnsupported, cause))
	}
	return fault.Wrap(cause, fault.Unavailable, "node_unavailable", "No node of this chain answers. Try again later.")
}

// inVain is the fault of a question that nodes answered with an error.
func inVain(said error) error {
	return fault.Wrap(said, fault.Unavailable, "node_unavailable", "The nodes of this chain answer with an error. Try again later.")
}

// Ask puts a question of the caller's own to the nodes, as every method here does. It
// must change nothing: it may be asked more than once.
func (c *Client) Ask(ctx context.Context, into any, method string, params ...any) error {
	return c.ask(ctx, into, method, params...)
}

// Health is how one node is.
type Health struct {
	Node     int    // its place in the settings, from 1
	Why      string // what failed last; empty: it is well, or was not asked
	Failures int    // in a row
	NextAt   time.Time
}

// Health says how each node is, from what was asked before.
func (c *Client) Health() []Health {
	out := make([]Health, len(c.nodes))
	for i, n := range c.nodes {
		out[i] = n.health()
	}
	return out
}

// Checked is what one node says when it is asked now.
type Checked struct {
	Node       int
	Why        string // empty: it answers, and is of the right chain
	Block      uint64
	Simulates  bool // eth_simulateV1
	TracesDiff bool // debug_traceCall with the prestate tracer
}

// Check asks each node who it is, and what it can. Where a mark is known, it must be of that chain.
func (c *Client) Check(ctx context.Context, known *Mark) []Checked {
	out := make([]Checked, len(c.nodes))
	var all sync.WaitGroup
	for i, n := range c.nodes {
		all.Go(func() {
			out[i] = n.check(ctx, c.now)
			if out[i].Why != "" || known == nil {
				return
			}
			if same, err := c.alone(n).Continues(ctx, known); err == nil && !same {
				out[i].Why = string(anew)
			}
		})
	}
	all.Wait()
	return out
}

func isNull(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }
