// Package intents holds what agents need to act on EVM chains. So far that is
// the list of chains.
//
// Its promise: a chain's address of a node is shown to strangers only when it
// can't hold a key; names and numbers of chains are unique.
package intents

import (
	"context"
	"math"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/oneline"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/stamp"
)

// Chain is an EVM chain that the server knows.
type Chain struct {
	ID, Name, DisplayName      string
	ChainID                    int64
	RPCURL, WSURL, ExplorerURL string // empty: none
	NativeCurrency             string
	Testnet, Enabled           bool
	NodeSet                    bool // the server has a node of it. Not stored; what Chains hands out has it
	CreatedAt, UpdatedAt       time.Time
}

// ChainStore keeps chains.
type ChainStore interface {
	// EVMChains returns all of them, by number.
	EVMChains(ctx context.Context) ([]Chain, error)
	// EVMChain returns the one of a name or number, or found false.
	EVMChain(ctx context.Context, name string, number int64) (chain Chain, found bool, err error)
	NamedChains
	Marks
	// ChainNames returns all names that the chain of a number has or had.
	ChainNames(ctx context.Context, number int64) (Names, error)
	// AddChain and ChangeChain return Conflict when name or number are taken, and
	// the latter NotFound when there is no chain with the id.
	AddChain(ctx context.Context, org string, chain Chain, limit int, ev *audit.Event) error
	ChangeChain(ctx context.Context, org, id string, change func(*Chain) error, ev *audit.Event) (Chain, error)
	RemoveChain(ctx context.Context, org, id string, ev *audit.Event) error
}

// Chains is the methods on chains.
type Chains struct {
	Store ChainStore
	Nodes *Nodes

	continued lookup
}

var errNoChain = fault.New(fault.NotFound, "chain_not_found", "There is no chain with this name, number or id.")

var errChainGone = fault.New(fault.NotFound, "chain_not_found", "The chain of this transaction was removed, so that nothing is sent on it. A platform admin adds it again under its number: oneclaw chain add")

// Public returns the chains that are enabled, without what only admins see.
func (s *Chains) Public(ctx context.Context, c *call.Call) ([]Chain, error) {
	c.Touch("chain", "")
	all, err := s.Store.EVMChains(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]Chain, 0, len(all))
	for _, chain := range all {
		if chain.Enabled {
			out = append(out, s.noded(chain).shown())
		}
	}
	return out, nil
}

// Find returns an enabled chain by its name or number.
func (s *Chains) Find(ctx context.Context, c *call.Call, nameOrNumber string) (Chain, error) {
	all, err := s.Public(ctx, c)
	if err != nil {
		return Chain{}, err
	}
	for _, chain := range all {
		if chain.is(nameOrNumber) {
			c.Touch("chain", chain.ID)
			return chain, nil
		}
	}
	return Chain{}, errNoChain
}

// All returns every chain with all that is known of it.
func (s *Chains) All(ctx context.Context, c *call.Call) ([]Chain, error) {
	c.Touch("chain", "")
	if err := c.Authorize(policy.ListAllChains, c.Own()); err != nil {
		return nil, err
	}
	all, err := s.Store.EVMChains(ctx)
	for i := range all {
		all[i] = s.noded(all[i])
	}
	return all, err
}

// noded is the chain with whether the server has a node of it.
func (s *Chains) noded(chain Chain) Chain {
	chain.NodeSet = chain.RPCURL != "" || s.Nodes != nil && len(s.Nodes.Set[chain.Name]) > 0
	return chain
}

// maxChains bounds a list that everybody may read.
const maxChains = 500

// Create adds a chain. It takes a person who is there.
func (s *Chains) Create(ctx context.Context, c *call.Call, chain Chain) (Chain, error) {
	c.Touch("chain", "")
	if err := c.Authorize(policy.ManageChains, c.Own()); err != nil {
		return Chain{}, err
	}
	chain.ID = ids.New()
	chain.CreatedAt = stamp.Of(c.Now)
	chain.UpdatedAt = chain.CreatedAt
	if err := chain.check(); err != nil {
		return Chain{}, err
	}
	if err := c.RequirePerson(); err != nil {
		return Chain{}, err
	}
	c.Touch("chain", chain.ID)
	c.Event.Details.Outcome = audit.Success
	return s.noded(chain), s.Store.AddChain(ctx, c.Who.Org, chain, maxChains, c.Event)
}

// Update changes a chain. It takes a person who is there, but to disable a chain: who names the
// node says what agents are told of nonces, fees and receipts, and rules of agents name chains.
func (s *Chains) Update(ctx context.Context, c *call.Call, id string, change func(*Chain)) (Chain, error) {
	c.Touch("chain", id)
	if err := c.Authorize(policy.ManageChains, c.Own()); err != nil {
		return Chain{}, err
	}
	c.Event.Details.Outcome = audit.Success
	chain, err := s.Store.ChangeChain(ctx, c.Who.Org, id, func(chain *Chain) error {
		was := *chain
		change(chain)
		if was.Enabled = chain.Enabled && was.Enabled; was != *chain {
			if err := c.RequirePerson(); err != nil {
				return err
			}
		}
		chain.UpdatedAt = stamp.Of(c.Now)
		return chain.check()
	}, c.Event)
	return s.noded(chain), err
}

// Remove removes a chain. It takes a person who is there: nobody can cancel what waits on a chain
// that is not known.
func (s *Chains) Remove(ctx context.Context, c *call.Call, id string) error {
	c.Touch("chain", id)
	if err := c.Authorize(policy.ManageChains, c.Own()); err != nil {
		return err
	}
	if err := c.RequirePerson(); err != nil {
		return err
	}
	c.Event.Details.Outcome = audit.Success
	return s.Store.RemoveChain(ctx, c.Who.Org, id, c.Event)
}

func (chain *Chain) is(nameOrNumber string) bool {
	return chain.Name == nameOrNumber || strconv.FormatInt(chain.ChainID, 10) == nameOrNumber
}

// shown is the chain as strangers see it.
func (chain Chain) shown() Chain {
	if !public(chain.RPCURL) {
		chain.RPCURL = ""
	}
	if !public(chain.WSURL) {
		chain.WSURL = ""
	}
	return chain
}

// public reports whether an address is nothing but a scheme and a name of the
// public internet: providers put keys into path, query and user.
func public(s string) bool {
	u, err := url.Parse(s)
	if err != nil || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "" || u.Opaque != "" {
		return false
	}
	_, notIP := netip.ParseAddr(u.Hostname())
	return (u.Scheme == "https" || u.Scheme == "wss") && notIP != nil && strings.Contains(u.Hostname(), ".")
}

var chainName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$`)

func (chain *Chain) check() error {
	switch {
	case !chainName.MatchString(chain.Name) || strings.Trim(chain.Name, "0123456789") == "":
		return invalid("invalid_name", "A chain's name has 1 to 64 of the characters a-z, 0-9 and hyphen, and is no number.")
	case !line(chain.DisplayName, 100):
		return invalid("invalid_display_name", "display_name is a line of at most 100 characters.")
	case chain.ChainID < 1 || chain.ChainID > math.MaxInt32:
		return invalid("invalid_chain_id", "chain_id is a number from 1 to 2,147,483,647.")
	case !line(chain.NativeCurrency, 16):
		return invalid("invalid_native_currency", "native_currency is a symbol such as ETH.")
	case !address(chain.RPCURL, "https", "http") || !address(chain.WSURL, "wss", "ws") || !address(chain.ExplorerURL, "https", "http"):
		return invalid("invalid_url", "rpc_url and explorer_url begin with https://, ws_url with wss://. Without TLS they may only lead to this machine.")
	}
	return nil
}

func line(s string, most int) bool {
	n := utf8.RuneCountInString(s)
	return n > 0 && n <= most && oneline.Plain(s)
}

// address accepts nothing, and addresses with the safe scheme; with the plain one
// those of this machine.
func address(s, safe, plain string) bool {
	if s == "" {
		return true
	}
	u, err := url.Parse(s)
	if err != nil || len(s) > 512 || u.Hostname() == "" || u.Fragment != "" || !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	local := u.Hostname() == "localhost" || err == nil && ip.IsLoopback()
	return u.Scheme == safe || u.Scheme == plain && local
}

func invalid(code, detail string) error { return fault.New(fault.Invalid, code, detail) }
