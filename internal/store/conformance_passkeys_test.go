package store_test

import (
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/account"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/passkey"
)

func (f *fixture) passkey(user string) *account.Passkey {
	return &account.Passkey{ID: ids.New(), User: user, Name: "phone", CreatedAt: moment, Credential: passkey.Credential{
		ID: ids.New(), Key: []byte{1, 2}, Count: 7, Transports: []string{"usb", "nfc"}, AAGUID: "00", Backable: true,
	}}
}

func testPasskeys(t *testing.T, f *fixture) {
	ctx, user := t.Context(), addUser(t, f)
	p := f.passkey(user)
	must(t, f.AddPasskey(ctx, f.org, p, 2, f.event()))
	twin := f.passkey(user)
	twin.Credential.ID = p.Credential.ID
	want(t, "a credential twice", f.AddPasskey(ctx, f.org, twin, 2, f.event()), "passkey_exists")
	if won := crowd(t, 5, "too_many_passkeys", func() error { return f.AddPasskey(ctx, f.org, f.passkey(user), 2, f.event()) }); won != 1 {
		t.Errorf("%d of five fit where one more does", won)
	}

	got, a, err := f.PasskeyByCredential(ctx, p.Credential.ID)
	if err != nil || a.ID != user || a.Org != f.org || got.Count != 7 || got.Name != "phone" || !got.Backable || got.BackedUp || len(got.Transports) != 2 || !got.UsedAt.IsZero() {
		t.Fatalf("stored %+v, found %+v of %s: %v", p, got, a.ID, err)
	}
	// Of several who show one count at once, one gets in.
	if won := crowd(t, 5, "passkey_not_found", func() error { return f.UsePasskey(ctx, p.ID, 8, true, moment, f.event()) }); won != 1 {
		t.Errorf("%d used the count 8", won)
	}
	want(t, "a count that goes back", f.UsePasskey(ctx, p.ID, 0, true, moment, f.event()), "passkey_not_found")
	other := &fixture{DB: f.DB, org: ids.New()}
	silent := other.passkey(addUser(t, other))
	silent.Count = 0
	must(t, f.AddPasskey(ctx, other.org, silent, 2, other.event()))
	for range 2 {
		must(t, f.UsePasskey(ctx, silent.ID, 0, false, moment, other.event()))
	}

	ch := account.PasskeyChallenge{Hash: ids.New(), Text: "x", User: user, With: "session:s", ExpiresAt: moment.Add(time.Minute)}
	must(t, f.AddPasskeyChallenge(ctx, ch, moment, f.event()))
	if won := crowd(t, 5, "challenge_not_found", func() error {
		got, err := f.TakePasskeyChallenge(ctx, ch.Hash, moment)
		if err == nil && got != ch {
			t.Errorf("stored %+v, took %+v", ch, got)
		}
		return err
	}); won != 1 {
		t.Errorf("%d took one challenge", won)
	}
	ch.Hash = ids.New()
	must(t, f.AddPasskeyChallenge(ctx, ch, moment, f.event()))
	_, err = f.TakePasskeyChallenge(ctx, ch.Hash, ch.ExpiresAt)
	want(t, "a challenge that has ended", err, "challenge_not_found")

	want(t, "another's", f.RenamePasskey(ctx, other.org, silent.User, p.ID, "x", other.event()), "passkey_not_found")
	want(t, "another's", f.RemovePasskey(ctx, other.org, silent.User, p.ID, false, moment, other.event()), "passkey_not_found")
	must(t, f.RenamePasskey(ctx, f.org, user, p.ID, "laptop", f.event()))
	must(t, f.RemovePasskey(ctx, f.org, user, p.ID, false, moment, f.event()))
	want(t, "a removed one", f.UsePasskey(ctx, p.ID, 9, true, moment, f.event()), "passkey_not_found")
	must(t, f.AddPasskey(ctx, f.org, twin, 2, f.event())) // its authenticator may come again
	must(t, f.Sweep(ctx, moment.Add(365*24*time.Hour), moment))
	if list, err := f.Passkeys(ctx, user); err != nil || len(list) != 2 || list[0].Name != "phone" {
		t.Errorf("left are %+v: %v", list, err)
	}
	want(t, "one that was swept", f.RemovePasskey(ctx, f.org, user, p.ID, false, moment, f.event()), "passkey_not_found")
}
