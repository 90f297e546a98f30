package store_test

import (
	"sync"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/account"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
)

// crowd runs do so many times at once and returns how often it went well. All
// others must fail with the code.
func crowd(t *testing.T, many int, code string, do func() error) (won int) {
	t.Helper()
	errs := make([]error, many)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() { errs[i] = do() })
	}
	all.Wait()
	for _, err := range errs {
		if err == nil {
			won++
		} else if fault.CodeOf(err) != code {
			t.Errorf("got %v, want %s", err, code)
		}
	}
	return won
}

func counter(free int64) identity.Counter {
	return identity.Counter{ID: ids.New(), Free: free, Base: time.Second, Max: time.Minute, Forget: time.Hour}
}

func testAttempts(t *testing.T, f *fixture) {
	ctx := t.Context()
	g := &identity.Attempt{Here: counter(5), Others: []identity.Counter{counter(50), counter(100)}}
	// Of many at once exactly the free ones are let through.
	if won := crowd(t, 50, "too_many_attempts", func() error { return f.CountAttempt(ctx, g, moment) }); won != 5 {
		t.Errorf("%d attempts were let through, 5 are free", won)
	}
	// Each wait is twice the one before, and no attempt in it is counted.
	now := moment
	for _, seconds := range []int{1, 2, 4, 8, 16, 32, 60, 60} {
		wait := time.Duration(seconds) * time.Second
		for _, early := range []time.Duration{0, wait - time.Microsecond} {
			if err := f.CountAttempt(ctx, g, now.Add(early)); fault.CodeOf(err) != "too_many_attempts" {
				t.Fatalf("%v of %v are enough: %v", early, wait, err)
			}
		}
		now = now.Add(wait)
		must(t, f.CountAttempt(ctx, g, now))
	}
	// Quiet makes it begin anew.
	now = now.Add(time.Hour + time.Minute + time.Second)
	if won := crowd(t, 20, "too_many_attempts", func() error { return f.CountAttempt(ctx, g, now) }); won != 5 {
		t.Errorf("after an hour %d attempts were let through", won)
	}
	// A right attempt clears the account's counters, and of the network's takes one.
	must(t, f.ForgiveAttempt(ctx, g, time.Time{}))
	if won := crowd(t, 20, "too_many_attempts", func() error { return f.CountAttempt(ctx, g, now) }); won != 5 {
		t.Errorf("after a right attempt %d were let through", won)
	}
	// Strangers elsewhere don't keep an owner out of where it was before.
	account := counter(3)
	home := &identity.Attempt{Here: counter(5), Others: []identity.Counter{account}}
	away := &identity.Attempt{Here: counter(5), Others: []identity.Counter{account}}
	must(t, f.CountAttempt(ctx, home, now))
	must(t, f.ForgiveAttempt(ctx, home, now.Add(24*time.Hour)))
	if won := crowd(t, 20, "too_many_attempts", func() error { return f.CountAttempt(ctx, away, now) }); won != 3 {
		t.Errorf("from elsewhere %d were let through", won)
	}
	must(t, f.CountAttempt(ctx, home, now))
	fresh := &identity.Attempt{Here: counter(5), Others: []identity.Counter{account}}
	want(t, "a third network", f.CountAttempt(ctx, fresh, now), "too_many_attempts")
	// Swept is what nobody asked for since, unless it is trusted.
	must(t, f.Sweep(ctx, now.Add(week+time.Hour), now.Add(week+time.Second)))
	if err := f.CountAttempt(ctx, away, now); err != nil {
		t.Errorf("a counter was not swept: %v", err)
	}
	must(t, f.CountAttempt(ctx, away, now))
	must(t, f.CountAttempt(ctx, away, now))
	want(t, "elsewhere again", f.CountAttempt(ctx, away, now), "too_many_attempts")
	if err := f.CountAttempt(ctx, home, now); err != nil {
		t.Errorf("trust was swept: %v", err)
	}
}

// enabled turns on the second factor of a new user.
func (f *fixture) enabled(t *testing.T, codes ...string) (user string) {
	t.Helper()
	user = addUser(t, f)
	k := account.TOTP{User: user}
	k.Box.WrappedDEK, k.Box.Ciphertext = []byte(ids.New()), []byte("sealed")
	must(t, f.SetUpTOTP(t.Context(), f.org, k, moment, f.event()))
	k.LastStep = 10
	must(t, f.EnableTOTP(t.Context(), f.org, k, codes, account.Kept{At: moment}, f.event()))
	return user
}

// challenge is a login of the user that waits for its second factor.
func (f *fixture) challenge(t *testing.T, user string) account.Challenge {
	t.Helper()
	a, err := f.Account(t.Context(), user, f.org)
	must(t, err)
	ch := account.Challenge{Hash: ids.New(), User: user, Org: f.org, TokenGen: a.TokenGen, ExpiresAt: moment.Add(time.Hour)}
	must(t, f.AddChallenge(t.Context(), ch, moment, f.event()))
	return ch
}

func testFactors(t *testing.T, f *fixture) {
	ctx := t.Context()
	user := f.enabled(t, "code 1", "code 2")
	other := (&fixture{DB: f.DB, org: ids.New()}).enabled(t, "code 3")
	finish := func(ch account.Challenge, x account.Factor) error { return f.FinishChallenge(ctx, ch, x, f.event()) }
	// A code is accepted once, in however many logins it is shown at once.
	for name, x := range map[string]account.Factor{"a step": {Step: 11}, "a recovery code": {Recovery: "code 1"}} {
		many := make(chan account.Challenge, 50)
		for range 50 {
			many <- f.challenge(t, user)
		}
		if won := crowd(t, 50, "challenge_not_found", func() error { return finish(<-many, x) }); won != 1 {
			t.Errorf("%s was accepted %d times", name, won)
		}
	}
	want(t, "an older step", finish(f.challenge(t, user), account.Factor{Step: 10}), "challenge_not_found")
	want(t, "another's code", finish(f.challenge(t, user), account.Factor{Recovery: "code 3"}), "challenge_not_found")
	// A challenge is spent once, and has so many attempts.
	ch := f.challenge(t, user)
	if won := crowd(t, 50, "challenge_not_found", func() error { _, err := f.TryChallenge(ctx, ch.Hash, 5, moment); return err }); won != 5 {
		t.Errorf("a challenge was answered %d times", won)
	}
	must(t, finish(ch, account.Factor{Step: 12}))
	want(t, "a spent challenge", finish(ch, account.Factor{Step: 13}), "challenge_not_found")
	must(t, finish(f.challenge(t, user), account.Factor{Step: 13})) // the step was not spent on it
	late := f.challenge(t, user)
	_, err := f.TryChallenge(ctx, late.Hash, 5, late.ExpiresAt)
	want(t, "an expired challenge", err, "challenge_not_found")
	// One turns it off, and what waited ends with it.
	x := account.Factor{Recovery: "code 2"}
	if won := crowd(t, 50, "totp_not_found", func() error { return f.DisableTOTP(ctx, f.org, user, x, account.Kept{At: moment}, f.event()) }); won != 1 {
		t.Errorf("it was turned off %d times", won)
	}
	_, err = f.TryChallenge(ctx, late.Hash, 5, moment)
	want(t, "a challenge of before", err, "challenge_not_found")
	_, err = f.TOTP(ctx, user)
	want(t, "the key", err, "totp_not_found")
	if k, err := f.TOTP(ctx, other); err != nil || !k.Enabled || k.LastStep != 10 {
		t.Errorf("another's is %+v, %v", k, err)
	}
}

func testResets(t *testing.T, f *fixture) {
	ctx := t.Context()
	user := addUser(t, f)
	token := func(purpose string, expires time.Time) account.MailToken {
		m := account.MailToken{Hash: ids.New(), Purpose: purpose, ExpiresAt: expires}
		must(t, f.AddMailToken(ctx, user, m))
		return m
	}
	one, two := token(account.PurposeReset, moment.Add(time.Hour)), token(account.PurposeReset, moment.Add(time.Hour))
	verify := token(account.PurposeVerify, moment.Add(time.Hour))
	reset := func(hash string, now time.Time) error {
		return f.ResetPassword(ctx, f.org, user, hash, ids.New(), now, f.event())
	}
	want(t, "a token of another purpose", reset(verify.Hash, moment), "token_not_found")
	want(t, "an expired token", reset(one.Hash, one.ExpiresAt), "token_not_found")
	was, err := f.Account(ctx, user, f.org)
	must(t, err)
	epoch, _ := f.Epoch()
	if won := crowd(t, 50, "token_not_found", func() error { return reset(one.Hash, moment) }); won != 1 {
		t.Errorf("a token set %d passwords", won)
	}
	want(t, "the user's other token", reset(two.Hash, moment), "token_not_found")
	is, err := f.Account(ctx, user, f.org)
	must(t, err)
	if now, _ := f.Epoch(); is.TokenGen != was.TokenGen+1 || is.PasswordHash == was.PasswordHash || !is.EmailVerified || now == epoch {
		t.Errorf("before %+v, after %+v", was, is)
	}
	if _, err := f.MailToken(ctx, verify.Hash, account.PurposeVerify, moment); !fault.Is(err, fault.NotFound) {
		t.Errorf("the mail that confirms still works: %v", err)
	}
	// What has ended is swept, what has not is not.
	old, fresh := token(account.PurposeReset, moment.Add(time.Minute)), token(account.PurposeReset, moment.Add(time.Hour))
	must(t, f.Sweep(ctx, moment.Add(week+2*time.Minute), moment))
	if _, err := f.MailToken(ctx, old.Hash, old.Purpose, moment); !fault.Is(err, fault.NotFound) {
		t.Errorf("an old token was not swept: %v", err)
	}
	if a, err := f.MailToken(ctx, fresh.Hash, fresh.Purpose, moment); err != nil || a.ID != user {
		t.Errorf("a fresh token was swept: %v", err)
	}
	// A token of nobody costs the same and is good for nothing.
	none := account.MailToken{Hash: ids.New(), Purpose: account.PurposeReset, ExpiresAt: moment.Add(time.Hour)}
	must(t, f.AddMailToken(ctx, "", none))
	_, err = f.MailToken(ctx, none.Hash, none.Purpose, moment)
	want(t, "a token of nobody", err, "user_not_found")
}
