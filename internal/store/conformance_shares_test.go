package store_test

import (
	"net/netip"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/seal"
	"github.com/oneclaw-dev/oneclaw/internal/sharing"
)

func (f *fixture) newShare(vaultID string) sharing.Share {
	id := ids.New()
	return sharing.Share{
		ID: id, Handle: id, Link: seal.Box{WrappedDEK: []byte{}, Ciphertext: []byte{}}, Org: f.org, Vault: vaultID, Path: "p",
		MakerKind: policy.KindUser, MakerID: ids.New(), MakerHuman: ids.New(), Type: sharing.ToLink,
		CreatedAt: moment, ExpiresAt: moment.Add(time.Hour), NotifiedAt: time.UnixMicro(0).UTC(),
	}
}

func (f *fixture) addShare(t *testing.T, s sharing.Share) {
	t.Helper()
	_, err := f.AddShare(t.Context(), s, f.event())
	must(t, err)
}

func testShares(t *testing.T, f *fixture) {
	v := f.addVault(t, "v").ID
	full := f.newShare(v)
	full.Handle, full.Link = "a hash", seal.Box{WrappedDEK: []byte{1, 0xff}, Ciphertext: []byte{0, 2}}
	full.MakerScopes, full.MakerIP = []string{"a/**"}, netip.MustParseAddr("2001:db8::1")
	full.Allowed = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("::/0")}
	full.PassphraseHash, full.MaxAccess = "$argon2id$", 1<<31-1
	f.addShare(t, full)
	for _, find := range []func() (sharing.Share, error){
		func() (sharing.Share, error) { return f.Share(t.Context(), "x", "a hash") },
		func() (sharing.Share, error) { return f.ShareRow(t.Context(), full.ID, "x") },
		func() (sharing.Share, error) { return f.ShareRow(t.Context(), "x", "a hash") },
	} {
		if got, err := find(); err != nil || !reflect.DeepEqual(got, full) {
			t.Errorf("stored %+v, read %+v, %v", full, got, err)
		}
	}
	_, err := f.Share(t.Context(), full.ID, "x")
	want(t, "a link by the row's id", err, "share_not_found")
	by, err := f.SharesBy(t.Context(), f.org, full.MakerID, 10)
	if err != nil || len(by) != 1 {
		t.Errorf("made by its maker: %v, %v", by, err)
	}
	if by, err = f.SharesBy(t.Context(), ids.New(), full.MakerID, 10); err != nil || len(by) != 0 {
		t.Errorf("in another organisation: %v, %v", by, err)
	}

	given := f.newShare(v)
	given.Type, given.RecipientID = sharing.ToUser, ids.New()
	f.addShare(t, given)
	ver := f.put(t, v, "p", 1)
	_, err = f.SpendShare(t.Context(), &given, &ver, false, f.event())
	want(t, "before it is accepted", err, "share_gone")
	must(t, f.AcceptShare(t.Context(), f.org, given.ID, moment, f.event()))
	if n, err := f.SpendShare(t.Context(), &given, &ver, false, f.event()); err != nil || n != 1 {
		t.Errorf("an access: %d, %v", n, err)
	}
	due, err := f.Unnoticed(t.Context(), moment.Add(-time.Hour), 10)
	if err != nil || len(due) != 1 || due[0].ID != given.ID || due[0].VaultName != "v" {
		t.Fatalf("unnoticed: %v, %v", due, err)
	}
	for i, wantMine := range []bool{true, false} {
		if mine, err := f.Notice(t.Context(), &due[0].Share, moment); err != nil || mine != wantMine {
			t.Errorf("notice %d: %v, %v", i, mine, err)
		}
	}
	must(t, f.DeclineShare(t.Context(), f.org, given.ID, moment, f.event()))
	want(t, "to accept what was declined", f.AcceptShare(t.Context(), f.org, given.ID, moment, f.event()), "share_not_found")
	_, err = f.SpendShare(t.Context(), &given, &ver, false, f.event())
	want(t, "declined", err, "share_not_found")

	mailed := f.newShare(v)
	mailed.Type, mailed.Email = sharing.ToEmail, "a@example.com"
	f.addShare(t, mailed)
	users := []string{ids.New(), ids.New()}
	for _, user := range users { // the first wins
		must(t, f.ClaimShares(t.Context(), user, "a@example.com", moment))
	}
	if got, err := f.SharesFor(t.Context(), ids.New(), users[0], 10); err != nil || len(got) != 1 || got[0].AcceptedAt.IsZero() {
		t.Errorf("claimed, from another organisation: %v, %v", got, err)
	}
	if got, err := f.SharesFor(t.Context(), f.org, users[1], 10); err != nil || len(got) != 0 {
		t.Errorf("claimed twice: %v, %v", got, err)
	}
	must(t, f.RevokeShare(t.Context(), f.org, mailed.ID, moment, f.event()))
	want(t, "to revoke twice", f.RevokeShare(t.Context(), f.org, mailed.ID, moment, f.event()), "share_not_found")
	_, err = f.SpendShare(t.Context(), &mailed, &ver, false, f.event())
	want(t, "revoked", err, "share_not_found")

	if vaultID, path, err := f.Place(t.Context(), ver.ID); err != nil || vaultID != v || path != "p" {
		t.Errorf("the version is at %s %s, %v", vaultID, path, err)
	}
	must(t, f.Purge(t.Context(), v, "p", f.event()))
	_, err = f.Share(t.Context(), "x", "a hash")
	want(t, "a share of what was purged", err, "share_not_found")
	_, _, err = f.Place(t.Context(), ver.ID)
	want(t, "a purged version", err, "secret_not_found")
}

// No more than ten a minute, however many ask at once.
func testSharesAMinute(t *testing.T, f *fixture) {
	v := f.addVault(t, "v").ID
	var wg sync.WaitGroup
	errs := make([]error, 40)
	for i := range errs {
		wg.Go(func() { _, errs[i] = f.AddShare(t.Context(), f.newShare(v), f.event()) })
	}
	wg.Wait()
	made := 0
	for _, err := range errs {
		if err == nil {
			made++
			continue
		}
		want(t, "the others", err, "rate_limited")
	}
	if made != sharing.PerWindow {
		t.Errorf("%d shares were made at once", made)
	}
	later := f.newShare(v)
	later.CreatedAt = moment.Add(sharing.Window)
	f.addShare(t, later)
	old := f.newShare(v)
	old.CreatedAt = moment.Add(sharing.Keep + 2*time.Hour)
	f.addShare(t, old)
	if _, err := f.Share(t.Context(), later.ID, "x"); !fault.Is(err, fault.NotFound) {
		t.Errorf("what ended a month ago: %v", err)
	}
}

// Accesses and tries of passphrases are counted exactly.
func testSpendShare(t *testing.T, f *fixture) {
	v := f.addVault(t, "v").ID
	ver := f.put(t, v, "p", 1)
	s := f.newShare(v)
	s.MaxAccess = 5
	f.addShare(t, s)
	parallel := func(n int, do func() error) (won int, errs []error) {
		errs = make([]error, n)
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() { errs[i] = do() })
		}
		wg.Wait()
		for _, err := range errs {
			if err == nil {
				won++
			}
		}
		return won, errs
	}
	before := len(f.chain(t))
	won, errs := parallel(100, func() error {
		ev := f.event()
		_, err := f.SpendShare(t.Context(), &s, &ver, false, ev)
		if ev.Committed != (err == nil) {
			t.Errorf("an access that ended with %v: its event is committed: %v", err, ev.Committed)
		}
		return err
	})
	for _, err := range errs {
		if err != nil {
			want(t, "the others", err, "share_gone")
		}
	}
	if won != 5 || len(f.chain(t)) != before+5 {
		t.Errorf("%d accesses, %d events, want 5", won, len(f.chain(t))-before)
	}

	// A secret whose reads are counted gives a share no more than it has, and a
	// share that is over costs the secret nothing.
	limited := version(v, "q", 1)
	limited.MaxAccess = 2
	must(t, f.PutVersion(t.Context(), f.org, limited, nil))
	_, err := f.SpendShare(t.Context(), &s, &limited, false, f.event())
	want(t, "a share that is over", err, "share_gone")
	open := f.newShare(v)
	f.addShare(t, open)
	if won, _ := parallel(20, func() error { _, err := f.SpendShare(t.Context(), &open, &limited, false, f.event()); return err }); won != 2 {
		t.Errorf("%d reads of a secret with two", won)
	}
	late := f.event()
	late.At = s.ExpiresAt
	_, err = f.SpendShare(t.Context(), &open, &ver, false, late)
	want(t, "at its end", err, "share_gone")

	at := moment
	try := func() error { return f.TryPassphrase(t.Context(), f.org, open.ID, at) }
	if won, _ := parallel(40, try); won != 10 {
		t.Errorf("%d tries", won)
	}
	for _, wait := range []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute} {
		err := try()
		want(t, "a try while it is locked", err, "share_locked")
		if e, ok := err.(*fault.Error); ok && e.RetryAfter != wait { //nolint:errorlint // the store's own
			t.Errorf("locked for %v, want %v", e.RetryAfter, wait)
		}
		at = at.Add(wait)
		if won, _ := parallel(40, try); won != 10 {
			t.Errorf("%d tries after the lock", won)
		}
	}
	want(t, "a share that is not there", f.TryPassphrase(t.Context(), f.org, ids.New(), at), "share_not_found")
}
