package guard

import (
	"encoding/hex"
	"slices"
	"strconv"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/evm/typed"
	"github.com/oneclaw-dev/oneclaw/internal/intents/meaning"
)

// Attempt is what an agent wants signed: a transaction, or typed data, or a text.
type Attempt struct {
	Chain   string // by name
	ChainID uint64
	Names   []string // that the chain has or had: what has a human asked holds under each
	Shared  []string // of these: another chain has or had it too, so nothing is allowed by it
	From    evm.Address
	To      *evm.Address // of a transaction; nil creates a contract
	Value   uint256.Int  // wei
	GasCost uint256.Int  // wei at most
	Price   uint256.Int  // wei for each gas in the next block
	Market  *uint256.Int // wei for each gas that nodes ask for now; nil: not known
	// Cancels is the price for each gas of what this stops, which moves nothing itself. Nil: it
	// stops nothing.
	Cancels *uint256.Int
	// Allowed is what the chain says that somebody may take already, of the allowances that are
	// raised (Rules.Raises).
	Allowed map[Allowance]uint256.Int
	Coin    string          // of the chain, by its symbol
	Meaning meaning.Meaning // read with Rules.Known
	Typed   *Typed
	Text    bool
}

// Typed is typed data that is to be signed.
type Typed struct {
	Domain      typed.Domain
	PrimaryType string
}

// Spent is what an agent gave away in the last 24 hours.
type Spent struct {
	Early bool // it is not known yet: what depends on it is not decided
	Count int  // transactions

	assets map[string]uint256.Int
	known  map[evm.Address]bool
}

// NewSpent is nothing spent, and nobody known.
func NewSpent() *Spent {
	return &Spent{assets: map[string]uint256.Int{}, known: map[evm.Address]bool{}}
}

// Add adds what was taken of an asset.
func (s *Spent) Add(asset string, amount *uint256.Int) {
	was := s.assets[asset]
	s.assets[asset] = sum(&was, amount)
}

// Remove takes off what was added for what is to be replaced.
func (s *Spent) Remove(asset string, amount *uint256.Int) {
	was := s.assets[asset]
	if _, under := was.SubOverflow(&was, amount); under {
		was.Clear()
	}
	s.assets[asset] = was
}

// Know adds somebody who got something before, on the chain of the attempt.
func (s *Spent) Know(a evm.Address) { s.known[a] = true }

// Native is the asset of the coins of all chains, which are counted together.
const Native = "native"

// Asset names a token on a chain in the ledger.
func Asset(chain uint64, token evm.Address) string {
	if token.IsZero() {
		return Native
	}
	return strconv.FormatUint(chain, 10) + ":0x" + hex.EncodeToString(token[:])
}

// Take is what to reserve of an asset.
type Take struct {
	Asset  string      `json:"asset"`
	Amount uint256.Int `json:"amount"`

	token evm.Address
}

// Verdict is what the rules say of an attempt.
type Verdict struct {
	Allow         bool     // when a human approves, if NeedsApproval says why
	NeedsApproval []string // each the rule's name, a colon and a sentence
	Denial        *Denial  // the first rule that denies
	Takes         []Take   // counted when it is signed, also where nothing bounds it yet
}

// Denial says which rule denies, by how much, and what would pass.
type Denial struct {
	Rule, Text string
	Limit      string // the amounts as the text has them; empty where there is none
	Asked      string
	Left       string
}

// Recipients are those whom an attempt gives something, or who are called, but
// for the agent's own account.
func Recipients(a *Attempt) []evm.Address {
	out := make([]evm.Address, 0, 4)
	add := func(r *evm.Address) {
		if r != nil && *r != a.From && !r.IsZero() && !slices.Contains(out, *r) {
			out = append(out, *r)
		}
	}
	add(a.To)
	for i := range a.Meaning.Calls {
		add(a.Meaning.Calls[i].To)
	}
	for i := range a.Meaning.Effects {
		add(&a.Meaning.Effects[i].To)
	}
	return out
}

// takes adds up the effects by asset, and the gas where it counts. Native comes
// first.
func (r *Rules) takes(a *Attempt) []Take {
	native := Take{Asset: Native}
	tokens := map[evm.Address]uint256.Int{}
	var order []evm.Address
	for i := range a.Meaning.Effects {
		e := &a.Meaning.Effects[i]
		if e.Token.IsZero() {
			native.Amount = sum(&native.Amount, &e.Amount)
			continue
		}
		was, ok := tokens[e.Token]
		if !ok {
			order = append(order, e.Token)
		}
		tokens[e.Token] = sum(&was, &e.Amount)
	}
	if a.Value.Gt(&native.Amount) {
		native.Amount = a.Value
	}
	out := []Take{native}
	for _, t := range order {
		out = append(out, Take{Asset(a.ChainID, t), tokens[t], t})
	}
	return out
}

// sum stays at 2^256-1, which is over every limit.
func sum(a, b *uint256.Int) uint256.Int {
	var s uint256.Int
	if _, over := s.AddOverflow(a, b); over {
		s.SetAllOne()
	}
	return s
}
