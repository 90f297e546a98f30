package signingkey_test

import (
	"context"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/keystore"
	"github.com/oneclaw-dev/oneclaw/internal/keystore/soft"
	"github.com/oneclaw-dev/oneclaw/internal/signingkey"
)

// counted is a real keystore that counts how often a key was opened.
type counted struct {
	*soft.Store
	opened int
}

func (c *counted) EVMKey(ctx context.Context, id string) (keystore.EVMKey, error) {
	c.opened++
	return c.Store.EVMKey(ctx, id)
}

// TestAKeyIsOpenedOnceAndSignsNoMoreWhenItIsGone: to open a key has a token sign once more.
func TestAKeyIsOpenedOnceAndSignsNoMoreWhenItIsGone(t *testing.T) {
	store, err := soft.Open(t.Context(), soft.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	keys := &counted{Store: store}
	s := &signingkey.Service{Keys: keys}
	first, second := evm.NewKey(), evm.NewKey()
	if err := store.ImportEVMKey(t.Context(), "evm:1", first); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		h := evm.Hash{byte(i)}
		sig, err := s.SignHash(t.Context(), "evm:1", h, first.Address())
		if by, err2 := sig.Sender(h); err != nil || err2 != nil || by != first.Address() {
			t.Errorf("signed by %s, %v, %v", by, err, err2)
		}
	}
	if keys.opened != 1 {
		t.Errorf("it was opened %d times", keys.opened)
	}
	if _, err := s.SignHash(t.Context(), "evm:1", evm.Hash{}, second.Address()); fault.CodeOf(err) != "signing_key_mismatch" {
		t.Errorf("for another account: %v", err)
	}
	if err := store.DestroyEVMKey(t.Context(), "evm:1"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.SignHash(t.Context(), "evm:1", evm.Hash{}, first.Address()); fault.CodeOf(err) != keystore.CodeKeyNotFound {
		t.Errorf("after it was destroyed: %v", err)
	}
	if err := store.ImportEVMKey(t.Context(), "evm:1", second); err != nil {
		t.Fatal(err)
	}
	if _, err := s.SignHash(t.Context(), "evm:1", evm.Hash{}, first.Address()); fault.CodeOf(err) != "signing_key_mismatch" {
		t.Errorf("of another key with its id: %v", err)
	}
}
