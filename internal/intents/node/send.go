package node

import (
	"context"
	"errors"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
)

// Outcome is what became of a signed transaction that was sent.
type Outcome uint8

// The outcomes. The zero value is the one that promises nothing.
const (
	Unknown           Outcome = iota // it may be on its way: send the same bytes again, and sign nothing else with this nonce
	Accepted                         // a node took it
	Known                            // a node has it already, in its pool or in a block: as good as Accepted
	NonceTooLow                      // another transaction took the nonce
	Underpriced                      // its fees are too low, also to replace another
	InsufficientFunds                // the account can't pay value and fees
	Rejected                         // no node will take these bytes as things are
)

// String is the outcome as the log has it.
func (o Outcome) String() string {
	return [...]string{"unknown", "accepted", "known", "nonce_too_low", "underpriced", "insufficient_funds", "rejected"}[o]
}

// Sent is what is known of a transaction after it was sent.
type Sent struct {
	Outcome Outcome
	Hash    evm.Hash // of the bytes, whatever a node says
	Said    *Error   // what the node that refused it said, or nil
	Err     error    // why nobody knows, with Unknown; for the log
}

// Send gives a signed transaction to the nodes until one takes or refuses it. The same
// bytes are sent to each, so it is harmless when two of them have it. A refusal that
// follows a node which may have taken it is Unknown.
func (c *Client) Send(ctx context.Context, raw []byte) Sent {
	out := Sent{Hash: evm.Keccak256(raw)}
	maybe := false
	var failed []error
	for _, n := range c.order(c.now()) {
		var hash evm.Hash
		err := n.call(ctx, c.now, &hash, "eth_sendRawTransaction", []any{Hex(raw)})
		if err == nil && hash == out.Hash {
			out.Outcome = Accepted
			return out
		}
		if err == nil { // it took something, and calls it by another name
			err = n.failed(malformed, true)
			n.note(err, c.now())
		}
		failed = append(failed, err)
		if said, ok := errors.AsType[*Error](err); ok {
			switch o := said.outcome(); o {
			case Known:
				out.Outcome = Known
				return out
			case Unknown:
				maybe = maybe || !said.limited() && !said.unsupported()
			default:
				return c.refused(ctx, out, o, said, maybe)
			}
		}
		f, ok := errors.AsType[*failure](err)
		maybe = maybe || ok && f.sent
		if ctx.Err() != nil {
			break
		}
	}
	if maybe && c.knows(ctx, out.Hash) {
		out.Outcome = Known
		return out
	}
	out.Err = together(failed)
	return out
}

// refused is the outcome after a node's refusal. The nonce may be taken by this very
// transaction, and a node that was asked before may have passed it on.
func (c *Client) refused(ctx context.Context, out Sent, o Outcome, said *Error, maybe bool) Sent {
	out.Said = said
	if o == NonceTooLow || o == Underpriced || maybe { // anvil calls what it has an underpriced replacement of itself
		tx, found, err := c.Transaction(ctx, out.Hash)
		switch {
		case found && tx.Hash == out.Hash:
			out.Outcome, out.Said = Known, nil
			return out
		case err != nil || maybe:
			out.Err = err
			return out // Unknown
		}
	}
	out.Outcome = o
	return out
}

func (c *Client) knows(ctx context.Context, hash evm.Hash) bool {
	_, found, err := c.Transaction(ctx, hash)
	return err == nil && found
}

// refusals is what nodes say when they do not take a transaction, in lower case. The
// first line that has one of its words in the message decides, so an order is kept:
// what was taken before what was not, and a replacement before a price.
var refusals = []struct {
	outcome Outcome
	words   []string
}{
	{Known, []string{
		"already known", "alreadyknown", // geth, reth, erigon, nethermind
		"known transaction", // besu, ZKsync, older geth
		"already imported",  // anvil, and the family of Parity
		"already in mempool", "already exists in cache", "existing tx with same hash", "already in the pool",
	}},
	{Underpriced, []string{
		"underpriced",                                                                           // geth, reth, erigon, nethermind, besu, anvil
		"replacementnotallowed",                                                                 // nethermind
		"feetoolow",                                                                             // nethermind
		"fee too low",                                                                           // erigon
		"less than block base fee", "lower than the current base fee", "below current base fee", // geth, Arbitrum, besu
		"gas price below configured minimum", "gas price too low", "gas price is too low", "tip too low", "below the minimum",
		"priority fee below", "max fee per gas less than",
	}},
	{NonceTooLow, []string{
		"nonce too low", "oldnonce", "nonce is too low", "ownnoncealreadyused", "nonce has already been used", "stale nonce",
	}},
	{InsufficientFunds, []string{
		"insufficient funds", "insufficientfunds", "insufficient balance", "upfront cost exceeds", "not enough funds", "lack of funds",
	}},
	{Rejected, []string{
		"nonce too high", "noncegap", "nonce gap", "nonce is too distant", "too far in the future", "gapped",
		"txpool is full", "pool is full", "account limit exceeded", "in-flight transaction limit", "delegat",
		"intrinsic gas", "exceeds block gas limit", "exceeds the block gas limit", "gaslimitexceeded", "gas limit reached", "gas limit too high", "exceeds maximum gas limit",
		"out of gas", "gas required exceeds", "oversized data", "transaction too large", "max initcode size",
		"chain id", "chainid", "invalid sender", "invalid signature", "failedtoresolvesender", "rlp: ", "failed to decode signed transaction",
		"transaction type", "tx type", "type not supported", "notsupportedtxtype", "invalid transaction",
		"exceeds the configured cap", "fee cap exceeded", "higher than max fee", "exceeds max fee",
		"sender not an eoa", "senderiscontract", "not authorized to send", "execution reverted", "overflow",
	}},
}

// outcome reads a node's refusal. What has no shape that is known is Unknown: the node,
// or a gateway before it, may have passed the transaction on.
func (e *Error) outcome() Outcome {
	if e.limited() {
		return Unknown
	}
	said := strings.ToLower(e.Message)
	for _, r := range refusals {
		for _, w := range r.words {
			if begins(said, w) {
				return r.outcome
			}
		}
	}
	if e.Code == -32602 { // the parameters are wrong: nothing was done
		return Rejected
	}
	return Unknown
}

// begins reports whether a word of the text begins with w: "unknown transaction" is
// not "known transaction".
func begins(text, w string) bool {
	for at := 0; ; at++ {
		i := strings.Index(text[at:], w)
		if i < 0 {
			return false
		}
		if at += i; at == 0 || text[at-1] < 'a' || text[at-1] > 'z' {
			return true
		}
	}
}
