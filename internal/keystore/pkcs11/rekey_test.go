//go:build pkcs11 && cgo

package pkcs11_test

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/approval"
	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/keystore"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/seal"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/secretpath"
	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// A vault moves to another key of the token, twice, and the old objects are gone
// from it.
func TestAVaultIsRekeyedOnTheToken(t *testing.T) {
	tok := newToken(t)
	keys := tok.open(t)
	db, err := store.Open(t.Context(), store.Config{Dir: t.TempDir()})
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	s := vault.New(db, seal.New(keys), keys, db, approval.New(approval.Config{Store: db}), slog.New(slog.DiscardHandler))
	owner := policy.Principal{Kind: policy.KindUser, ID: ids.New(), Org: ids.New(), Role: policy.RoleOwner}
	call := func() *call.Call {
		return &call.Call{Who: owner, Now: time.Now(), Event: &audit.Event{ID: ids.New(), Org: owner.Org, At: time.Now(), Action: "test", ActorKind: "user", ActorID: owner.ID}}
	}
	path := func(i int) secretpath.Path {
		p, err := secretpath.Parse(fmt.Sprintf("p%d", i))
		must(t, err)
		return p
	}
	v, err := s.Create(t.Context(), call(), "v", "")
	must(t, err)
	const n = 120
	for i := range n {
		_, err := s.Put(t.Context(), call(), v.ID, path(i), vault.Draft{Value: secret.FromString(fmt.Sprint(i))})
		must(t, err)
	}
	for range 2 {
		j, err := s.Rekey(t.Context(), call(), v.ID)
		must(t, err)
		for w := vault.NewWorker(s, time.Now); w.Turn(t.Context()); {
		}
		if j, err = s.Rekeying(t.Context(), call(), v.ID, j.ID); err != nil || j.Status != vault.JobCompleted || j.Processed != n {
			t.Fatalf("ended as %+v, %v", j, err)
		}
	}
	for i := range n {
		got, err := s.Reveal(t.Context(), call(), v.ID, path(i))
		if err != nil || string(got.Value.Reveal()) != fmt.Sprint(i) {
			t.Fatalf("p%d: %v", i, err)
		}
	}
	for gen, id := range vault.KEKs(v.ID, 0, 2) {
		_, err := keys.Wrap(t.Context(), id, make([]byte, 32), nil)
		if gen < 2 && fault.CodeOf(err) != keystore.CodeKeyNotFound || gen == 2 && err != nil {
			t.Errorf("key %d: %v", gen, err)
		}
	}
}
