package node

import (
	"context"
	"errors"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
)

// Mark is by what a chain is known again: its first block, and one that had many on top.
type Mark struct {
	Genesis evm.Hash
	Height  uint64 // 0: no other is known
	Hash    evm.Hash
}

// Marked is a mark of the chain as it is: its first block, and the second, since nodes for
// developers begin alike. It is false where no node says the first.
func (c *Client) Marked(ctx context.Context) (m Mark, known bool, err error) {
	if m.Genesis, known, err = c.hashAt(ctx, 0); err != nil || !known {
		return m, false, err
	}
	second, found, err := c.hashAt(ctx, 1)
	if found {
		m.Height, m.Hash = 1, second
	}
	return m, err == nil, err
}

// Continues reports whether the chain is the one of the mark, as far as its nodes say: one that
// was started anew has another block, or none, where there was one.
func (c *Client) Continues(ctx context.Context, m *Mark) (bool, error) {
	height, want := m.Height, m.Hash
	if height == 0 {
		want = m.Genesis
	}
	got, found, err := c.BlockHash(ctx, height)
	if said(err) {
		return true, nil // it has no old blocks
	}
	return err == nil && found && got == want, err
}

// hashAt is BlockHash, where a node that has something to say instead knows nothing.
func (c *Client) hashAt(ctx context.Context, height uint64) (evm.Hash, bool, error) {
	h, found, err := c.BlockHash(ctx, height)
	if said(err) {
		return evm.Hash{}, false, nil
	}
	return h, found, err
}

func said(err error) bool {
	_, ok := errors.AsType[*Error](err)
	return ok || errors.Is(err, ErrUnsupported)
}

// alone is a client of one of the nodes.
func (c *Client) alone(n *endpoint) *Client {
	return &Client{Profile: c.Profile, nodes: []*endpoint{n}, now: c.now}
}
