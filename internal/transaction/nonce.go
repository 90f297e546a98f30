package transaction

import "github.com/oneclaw-dev/oneclaw/internal/fault"

const (
	// maxAhead is how far ahead of an account's next nonce the one may be that a caller asks
	// for.
	maxAhead = 256
	// maxJump is how far a node's count may be ahead of what is known of an account, unless
	// another node counts as many. A node that names more is broken or lies: what is signed
	// with its number would wait for ever.
	maxJump = 16
	// maxNonce is beyond what any account has sent.
	maxNonce = 1 << 53
)

var errNodeNonce = fault.New(fault.Unavailable, "node_nonce", "The chain's node names a number of transactions for this account that can't be right. Try again, or set nonce.")

// Counts are what the nodes and the server know of an account's transactions.
type Counts struct {
	Next            uint64 // ours; 0 where the account is new here
	Pending, Latest uint64 // a node's
	// Agreed is set where another node counts as many in blocks; Alone where there is no other;
	// Unasked where no node was asked.
	Agreed, Alone, Unasked bool
	Free                   []uint64 // those below Next that were reserved and not used, in order
}

// believe refuses counts of a node that can't be right. What a caller asks for it vouches
// for, as long as it is a number that accounts have.
func (n *Counts) believe(asked bool) error {
	switch {
	case n.Pending >= maxNonce || n.Latest >= maxNonce:
		return errNodeNonce
	case asked:
		return nil
	case Jumps(n.Next, n.Latest) && !n.Agreed && (n.Next > 0 || !n.Alone):
		return errNodeNonce
	case n.Pending > max(n.Next, n.Latest)+maxJump:
		return errNodeNonce
	}
	return nil
}

// Jumps reports whether a node's count in blocks is so far ahead of the server's own that
// another node must agree.
func Jumps(next, latest uint64) bool { return latest > next+maxJump }

// NextNonce is the nonce of an account's next transaction, and what the one after that is
// at least. A nonce that was asked for must not be in a block; used says whether one of the
// server's own transactions has it.
func NextNonce(n *Counts, asked *uint64, used bool) (nonce, then uint64, err error) {
	if err := n.believe(asked != nil); err != nil {
		return 0, 0, err
	}
	ours := max(n.Next, n.Latest)
	if asked != nil {
		far := *asked > max(ours, n.Pending)+maxAhead
		switch {
		case *asked >= maxNonce || far && !n.Unasked:
			return 0, 0, invalid("invalid_nonce", "nonce is far ahead of the account's: it would wait for ever.")
		case *asked < n.Latest || used:
			return 0, 0, ErrNonce
		case far:
			return *asked, n.Next, nil
		}
		return *asked, max(n.Next, *asked+1), nil
	}
	for _, f := range n.Free {
		if f >= n.Latest && f < ours {
			return f, ours, nil
		}
	}
	next := max(ours, n.Pending)
	return next, next + 1, nil
}
