package transaction

import "github.com/oneclaw-dev/oneclaw/internal/fault"

// maxAhead is how far a node's count of pending transactions may be ahead of what is known
// of the account. A node that names more is broken or lies: what is signed with its number
// would wait for ever.
const maxAhead = 256

var errNodeNonce = fault.New(fault.Unavailable, "node_nonce", "The chain's node names a number of transactions for this account that can't be right. Try again, or set nonce.")

// NextNonce is the nonce of an account's next transaction, and what the one after that is
// at least. next is ours, 0 where the account is new here; pending and latest are the
// node's; free are those below ours that were reserved and not used, in order. A nonce that
// was asked for must not be in a block.
func NextNonce(next, pending, latest uint64, free []uint64, asked *uint64) (nonce, then uint64, err error) {
	ours := max(next, latest)
	if asked != nil {
		if *asked < latest {
			return 0, 0, ErrNonce
		}
		if pending+latest > 0 && *asked > max(ours, pending)+maxAhead {
			return 0, 0, invalid("invalid_nonce", "nonce is far ahead of the account's: it would wait for ever.")
		}
		if *asked < next {
			for _, n := range free {
				if n == *asked {
					return n, next, nil
				}
			}
			return 0, 0, ErrNonce
		}
		return *asked, *asked + 1, nil
	}
	for _, n := range free {
		if n >= latest && n < ours {
			return n, ours, nil
		}
	}
	if pending > ours {
		if next > 0 && pending > ours+maxAhead {
			return 0, 0, errNodeNonce
		}
		return pending, pending + 1, nil
	}
	return ours, ours + 1, nil
}
