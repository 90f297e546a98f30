// Package meaning says what a call of a contract, or a signature of typed data,
// would do: who may get how much of which coin, through all the calls inside it.
//
// Its promise: an effect that is listed is at least what the call allows, and a
// call whose effects are not known is listed as unknown. It knows contracts by
// the functions that they are asked for, and by no other trait; what a contract
// does beyond the standard of its function it can't see.
package meaning

import (
	"encoding/hex"
	"slices"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/evm/abi"
)

// Call is a call of a contract, a payment (no data) or a creation (no To).
type Call struct {
	ChainID  uint64
	From     evm.Address
	To       *evm.Address
	Value    uint256.Int // wei
	Data     []byte
	Delegate bool // the code of To runs as From (DELEGATECALL)
}

// Kind is the sort of an effect.
type Kind string

// The kinds of effects.
const (
	Transfer          Kind = "transfer"
	TransferFrom      Kind = "transfer_from"
	Approve           Kind = "approve"
	IncreaseAllowance Kind = "increase_allowance"
	Permit            Kind = "permit"
	Permit2           Kind = "permit2"
	EIP3009           Kind = "eip3009"
	ApprovalForAll    Kind = "approval_for_all"
	NativeValue       Kind = "native_value"
	NFTTransfer       Kind = "nft_transfer"
	Order             Kind = "order"
)

// Effect is what somebody gets, or may take from now on.
type Effect struct {
	Kind      Kind
	Token     evm.Address // zero: the chain's own coin
	To        evm.Address // recipient or spender
	Amount    uint256.Int // that it allows, in the token's smallest unit
	Unlimited bool        // as the chain takes it: 2^128 or more, and of an allowance 2^96-1 too
}

// Invocation is the function that a call asks for.
type Invocation struct {
	Contract evm.Address
	Function string // the signature; empty when it is not known or there is no data
	Selector [4]byte
	Args     []abi.Value
}

// Bounds of what is read.
const (
	maxCalls   = 256
	maxDepth   = 8
	maxEffects = 256
)

// Meaning is what a call or a signature would do.
type Meaning struct {
	Function  string        // outermost; "0x12345678" when it is not known, empty without data
	Calls     []Call        // outermost first, then those inside it
	Functions []Invocation  // one for each of Calls
	Effects   []Effect      // outermost first
	Unknown   []evm.Address // contracts whose calldata, or type of data, is not known

	Creates    bool // a contract
	Delegates  bool // runs code as the account that is not known to be harmless
	Authorizes bool // code for the account itself (EIP-7702)
	Truncated  bool // there are more calls or effects than are read
}

// Read says what c would do. The functions in known are those that somebody
// vouches for, by contract: they are decoded, and what they do is not unknown.
// They don't change what standard functions mean.
func Read(c Call, known map[evm.Address][]abi.Function) Meaning {
	var m Meaning
	w := walk{m: &m, known: known}
	w.call(c, 0)
	switch f := m.Functions[0].Function; {
	case f != "" || c.To == nil:
		m.Function = f
	case len(c.Data) > 0:
		m.Function = "0x" + hex.EncodeToString(c.Data[:min(4, len(c.Data))])
	}
	return m
}

// walk reads calls into m.
type walk struct {
	m     *Meaning
	known map[evm.Address][]abi.Function
}

// call reads c and what is inside it.
func (w *walk) call(c Call, depth int) {
	if len(w.m.Calls) == maxCalls || depth > maxDepth {
		w.m.Truncated = true
		w.unknown(c.To)
		return
	}
	at := len(w.m.Calls)
	w.m.Calls = append(w.m.Calls, c)
	w.m.Functions = append(w.m.Functions, Invocation{})
	if c.To == nil {
		w.m.Creates = true
		w.native(evm.Address{}, &c.Value)
		return
	}
	w.native(*c.To, &c.Value)
	in := &w.m.Functions[at]
	in.Contract = *c.To
	if c.Delegate && !harmless(*c.To) {
		w.m.Delegates = true
		w.unknown(c.To)
		return
	}
	if len(c.Data) == 0 {
		return
	}
	if len(c.Data) < 4 {
		w.unknown(c.To)
		return
	}
	in.Selector = [4]byte(c.Data)
	if s, ok := table()[in.Selector]; ok {
		args, err := s.Decode(c.Data)
		if err != nil {
			w.unknown(c.To)
			return
		}
		in.Function, in.Args = s.signature, args
		if !s.read(w, &scope{Call: &c, depth: depth}, args) && (!s.opaque || !w.vouched(*c.To, in.Selector)) {
			w.unknown(c.To)
		}
		return
	}
	for _, f := range w.known[*c.To] {
		if f.Selector != in.Selector {
			continue
		}
		if args, err := f.Decode(c.Data); err == nil {
			in.Function, in.Args = f.String(), args
			return
		}
	}
	w.unknown(c.To)
}

func (w *walk) vouched(contract evm.Address, selector [4]byte) bool {
	return slices.ContainsFunc(w.known[contract], func(f abi.Function) bool { return f.Selector == selector })
}

// unknown lists a contract, the zero address for a creation.
func (w *walk) unknown(a *evm.Address) {
	if a == nil {
		a = new(evm.Address)
	}
	if len(w.m.Unknown) < maxCalls {
		w.m.Unknown = append(w.m.Unknown, *a)
	}
}

func (w *walk) native(to evm.Address, value *uint256.Int) {
	if !value.IsZero() {
		w.effect(Effect{Kind: NativeValue, To: to, Amount: *value})
	}
}

// effect adds e.
func (w *walk) effect(e Effect) {
	if len(w.m.Effects) == maxEffects {
		w.m.Truncated = true
		return
	}
	w.m.Effects = append(w.m.Effects, e)
}

// Most96 is 2^96-1, the most of a token that counts in 96 bits (COMP, UNI): such a token takes an
// allowance of it for all, and never uses it up.
func Most96() *uint256.Int {
	return new(uint256.Int).SubUint64(new(uint256.Int).Lsh(uint256.NewInt(1), 96), 1)
}

// unlimited reports whether an amount is more than any token has, or stands for all of one.
func unlimited(kind Kind, amount *uint256.Int) bool {
	return amount.BitLen() > 128 || kind.Allows() && amount.Eq(Most96())
}

// Allows reports whether it sets or raises what somebody may take of a token.
func (k Kind) Allows() bool {
	return k == Approve || k == IncreaseAllowance || k == Permit || k == Permit2
}

// allow adds what may be taken of a token.
func (w *walk) allow(kind Kind, token, to evm.Address, amount *uint256.Int) {
	if ownCoin(token) {
		token = evm.Address{}
	}
	w.effect(Effect{Kind: kind, Token: token, To: to, Amount: *amount, Unlimited: unlimited(kind, amount)})
}

// all adds that everything of a token may be taken.
func (w *walk) all(kind Kind, token, to evm.Address) {
	w.allow(kind, token, to, new(uint256.Int).SetAllOne())
}

func sum(a, b *uint256.Int) *uint256.Int {
	if s, over := new(uint256.Int).AddOverflow(a, b); !over {
		return s
	}
	return new(uint256.Int).SetAllOne()
}

func product(a, b *uint256.Int) *uint256.Int {
	if p, over := new(uint256.Int).MulOverflow(a, b); !over {
		return p
	}
	return new(uint256.Int).SetAllOne()
}
