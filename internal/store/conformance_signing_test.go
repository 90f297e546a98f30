package store_test

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/freeze"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/intents/guard"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/signingkey"
	"github.com/oneclaw-dev/oneclaw/internal/transaction"
)

// signer is an agent that may have transactions signed.
func (f *fixture) signer(t *testing.T) string {
	t.Helper()
	id := ids.New()
	must(t, f.AddAgent(t.Context(), agent.Agent{
		State: identity.State{ID: id, Org: f.org, Creator: ids.New(), Active: true, Intents: true}, Name: id, AuthMethod: agent.MethodAPIKey, CreatedAt: moment,
	}, f.event()))
	return id
}

func testFreezes(t *testing.T, f *fixture) {
	a, b := f.signer(t), f.signer(t)
	by := ids.New()
	frozen := func() (out []bool) {
		t.Helper()
		for _, id := range []string{a, b} {
			got, err := f.AgentForTransactions(t.Context(), f.org, id)
			must(t, err)
			state, err := f.Agent(t.Context(), f.org, id)
			must(t, err)
			if got.Frozen != state.Frozen {
				t.Errorf("%s is frozen in one place only", id)
			}
			out = append(out, got.Frozen)
		}
		return out
	}
	wantFrozen := func(what string, want ...bool) {
		t.Helper()
		if got := frozen(); !slices.Equal(got, want) {
			t.Errorf("%s: frozen %v, want %v", what, got, want)
		}
	}
	add := func(id string, managed bool) freeze.Freeze {
		t.Helper()
		got, err := f.AddFreeze(t.Context(), freeze.Freeze{Org: f.org, Agent: id, By: by, Managed: managed, At: moment}, f.event())
		must(t, err)
		return got
	}
	end := func(id string) error {
		return f.EndFreeze(t.Context(), f.org, id, func(freeze.Freeze) error { return nil }, f.event())
	}
	wantFrozen("at first", false, false)
	want(t, "none to end", end(a), "not_frozen")
	if got := add(a, false); got.Managed {
		t.Error("a member's freeze is an admin's")
	}
	wantFrozen("one", true, false)
	if got := add(a, true); !got.Managed || got.By != by {
		t.Errorf("an admin's freeze over a member's: %+v", got)
	}
	if got := add(a, false); !got.Managed {
		t.Error("a member's freeze made an admin's its own")
	}
	refused := fault.New(fault.Denied, "held", "")
	want(t, "who may not", f.EndFreeze(t.Context(), f.org, a, func(got freeze.Freeze) error {
		if !got.Managed || got.Agent != a {
			t.Errorf("asked about %+v", got)
		}
		return refused
	}, f.event()), "held")
	wantFrozen("still", true, false)
	add("", true)
	wantFrozen("all", true, true)
	if all, err := f.Freezes(t.Context(), f.org); err != nil || len(all) != 2 || all[0].Agent != "" || all[1].Agent != a {
		t.Errorf("freezes %+v, %v", all, err)
	}
	if all, err := f.Freezes(t.Context(), ids.New()); err != nil || len(all) != 0 {
		t.Errorf("another's freezes %+v, %v", all, err)
	}
	must(t, end(""))
	wantFrozen("the agent's own stays", true, false)
	must(t, end(a))
	wantFrozen("in the end", false, false)
}

var payer = evm.Address{0xaa}

// reserve asks for a transaction that takes 10 wei of at most 100 a day.
func (f *fixture) reserve(t *testing.T, agent string, change ...func(*transaction.Reservation)) (*transaction.Tx, error) {
	r := &transaction.Reservation{
		Tx: &transaction.Tx{
			ID: ids.New(), Org: f.org, Agent: agent, Chain: "base", ChainID: 8453, From: payer, Status: transaction.Pending,
			CreatedAt: moment, NextAt: moment.Add(time.Minute),
		},
		Since: moment.Add(-24 * time.Hour),
		Decide: func(_ *transaction.Agent, spent *guard.Spent) ([]guard.Take, error) {
			rules, take := guard.Rules{DailyLimit: uint256.NewInt(100)}, uint256.NewInt(10)
			v := guard.Decide(&rules, &guard.Attempt{Chain: "base", ChainID: 8453, To: &payer, Value: *take}, spent)
			if v.Denial != nil {
				return nil, fault.New(fault.Denied, "over", "")
			}
			return []guard.Take{{Asset: guard.Native, Amount: *take}}, nil
		},
	}
	for _, c := range change {
		c(r)
	}
	return r.Tx, f.ReserveTransaction(t.Context(), r, f.event())
}

func testReserve(t *testing.T, f *fixture) {
	a := f.signer(t)
	var took, over atomic.Int64
	var mu sync.Mutex
	var all []*transaction.Tx
	var racers sync.WaitGroup
	for range 50 {
		racers.Go(func() {
			got, err := f.reserve(t, a)
			switch {
			case err == nil:
				took.Add(1)
				mu.Lock()
				all = append(all, got)
				mu.Unlock()
			case fault.CodeOf(err) == "over":
				over.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	racers.Wait()
	if took.Load() != 10 || over.Load() != 40 {
		t.Fatalf("%d of 50 got into a limit for 10, and %d were over it", took.Load(), over.Load())
	}
	slices.SortFunc(all, func(x, y *transaction.Tx) int { return int(x.Nonce) - int(y.Nonce) })
	for i, got := range all {
		if got.Nonce != uint64(i) {
			t.Errorf("nonce %d in place %d", got.Nonce, i)
		}
	}
	// What is given back can be used again: the part of the limit and the nonce, once.
	for range 2 {
		must(t, f.GiveBack(t.Context(), all[3], "", f.event()))
	}
	if got, err := f.reserve(t, a); err != nil || got.Nonce != 3 {
		t.Errorf("after a gap: %d, %v", got.Nonce, err)
	}
	_, err := f.reserve(t, a)
	want(t, "the limit is full again", err, "over")
	// A nonce that was asked for.
	other, five := f.signer(t), uint64(5)
	_, err = f.reserve(t, other, func(r *transaction.Reservation) { r.Nonce = &five })
	want(t, "a nonce that is used", err, "nonce_used")
	if got, err := f.reserve(t, other); err != nil || got.Nonce != 10 {
		t.Errorf("another agent with the same account: %d, %v", got.Nonce, err)
	}
}

// testDueOfEachChain: a chain whose nodes answer nothing leaves many due, and keeps no other
// chain from being looked at.
func testDueOfEachChain(t *testing.T, f *fixture) {
	on := func(chain string, id uint64, later time.Duration) {
		_, err := f.reserve(t, f.signer(t), func(r *transaction.Reservation) {
			r.Tx.Chain, r.Tx.ChainID = chain, id
			r.Tx.NextAt = r.Tx.NextAt.Add(later)
		})
		must(t, err)
	}
	for range 3 {
		on("slow", 900_001, 0)
	}
	on("well", 900_002, time.Second)
	due, err := f.DueTransactions(t.Context(), moment.Add(time.Hour), 2)
	must(t, err)
	got := map[string]int{}
	for _, d := range due {
		got[d.Chain]++
	}
	if got["slow"] != 2 || got["well"] != 1 {
		t.Errorf("due of each chain: %v", got)
	}
}

func testReplayKey(t *testing.T, f *fixture) {
	a, b := f.signer(t), f.signer(t)
	keyed := func(r *transaction.Reservation) { r.Tx.ReplayKey, r.Tx.ReplayBody = "key", "body" }
	var took atomic.Int64
	var racers sync.WaitGroup
	for range 8 {
		racers.Go(func() {
			if _, err := f.reserve(t, a, keyed); err == nil {
				took.Add(1)
			} else if fault.CodeOf(err) != fault.CodeOf(transaction.ErrReplayed) {
				t.Error(err)
			}
		})
	}
	racers.Wait()
	if took.Load() != 1 {
		t.Errorf("a key was taken %d times", took.Load())
	}
	if _, err := f.reserve(t, b, keyed); err != nil {
		t.Errorf("another agent's key of the same name: %v", err)
	}
	first, found, err := f.ReplayedTransaction(t.Context(), a, "key", moment.Add(-time.Hour))
	if err != nil || !found || first.ReplayBody != "body" || first.Agent != a {
		t.Errorf("found %v: %+v, %v", found, first, err)
	}
	if _, found, err := f.ReplayedTransaction(t.Context(), a, "key", moment); err != nil || found {
		t.Errorf("one that is too old: %v, %v", found, err)
	}
	later, err := f.reserve(t, a, keyed, func(r *transaction.Reservation) {
		r.Tx.CreatedAt, r.Since = moment.Add(25*time.Hour), moment.Add(time.Hour)
	})
	must(t, err)
	if got, found, err := f.ReplayedTransaction(t.Context(), a, "key", moment.Add(time.Hour)); err != nil || !found || got.ID != later.ID {
		t.Errorf("a day later: %v, %v", found, err)
	}
}

func testSigningKeys(t *testing.T, f *fixture) {
	a := f.signer(t)
	put := func(replaces bool) (signingkey.Key, error) {
		k := signingkey.Key{ID: ids.New(), Org: f.org, Agent: a, Chain: signingkey.Ethereum, Address: payer, PublicKey: "0x04", CreatedBy: ids.New(), CreatedAt: moment}
		k.Stored = "evm:" + k.ID
		return k, f.PutSigningKey(t.Context(), &k, replaces, f.event())
	}
	active := func() (out []int64) {
		t.Helper()
		all, err := f.SigningKeys(t.Context(), a)
		must(t, err)
		for i, k := range all {
			if k.Active {
				out = append(out, k.Version)
			}
			if k.Active == !k.RotatedAt.IsZero() || k.Version != int64(len(all)-i) {
				t.Errorf("key %d of %d: %+v", i, len(all), k)
			}
		}
		return out
	}
	_, err := put(true)
	want(t, "none to replace", err, "signing_key_not_found")
	var took atomic.Int64
	var racers sync.WaitGroup
	for range 8 {
		racers.Go(func() {
			if _, err := put(false); err == nil {
				took.Add(1)
			} else if fault.CodeOf(err) != "signing_key_exists" {
				t.Error(err)
			}
		})
	}
	racers.Wait()
	if got := active(); took.Load() != 1 || !slices.Equal(got, []int64{1}) {
		t.Fatalf("%d were made, active %v", took.Load(), got)
	}
	if k, err := put(true); err != nil || k.Version != 2 {
		t.Errorf("replaced: %+v, %v", k, err)
	}
	if got := active(); !slices.Equal(got, []int64{2}) {
		t.Errorf("active %v", got)
	}
	nobody := func() error { return policy.ErrPersonRequired }
	if k, err := f.UseSigningKey(t.Context(), f.org, a, 1, moment, nobody, f.event()); err != nil || k.Version != 1 || !k.Active {
		t.Errorf("used again: %+v, %v", k, err)
	}
	if got := active(); !slices.Equal(got, []int64{1}) {
		t.Errorf("active %v", got)
	}
	_, err = f.UseSigningKey(t.Context(), f.org, a, 7, moment, nobody, f.event())
	want(t, "a version that is not there", err, "signing_key_not_found")
	_, err = f.UseSigningKey(t.Context(), ids.New(), a, 2, moment, nobody, f.event())
	want(t, "another organisation's", err, "signing_key_not_found")
	want(t, "to stop another organisation's", f.StopSigningKey(t.Context(), ids.New(), a, moment, f.event()), "signing_key_not_found")
	must(t, f.StopSigningKey(t.Context(), f.org, a, moment, f.event()))
	if got := active(); len(got) != 0 {
		t.Errorf("active %v", got)
	}
	for _, version := range []int64{1, 2} { // with the one in use those before it are deleted
		_, err = f.UseSigningKey(t.Context(), f.org, a, version, moment, nobody, f.event())
		want(t, "a deleted one with nobody there", err, "person_required")
	}
	want(t, "to stop twice", f.StopSigningKey(t.Context(), f.org, a, moment, f.event()), "signing_key_not_found")
	if k, err := put(false); err != nil || k.Version != 3 {
		t.Errorf("after the stop: %+v, %v", k, err)
	}
}

func testGuardRules(t *testing.T, f *fixture) {
	a := f.signer(t)
	set := func(org string, now transaction.Rewritten, refuse error) (transaction.Agent, error) {
		return f.ChangeRules(t.Context(), org, a, func(*transaction.Agent) (transaction.Rewritten, error) { return now, refuse }, f.event())
	}
	got, err := set(f.org, transaction.Rewritten{Rules: []byte(`{"max_per_day":7}`), Held: true}, nil)
	if err != nil || !got.Held || got.Revision != 1 {
		t.Errorf("set: %+v, %v", got, err)
	}
	_, err = set(f.org, transaction.Rewritten{Rules: []byte(`{}`)}, fault.New(fault.Denied, "held", ""))
	want(t, "who may not", err, "held")
	_, err = set(ids.New(), transaction.Rewritten{Rules: []byte(`{}`)}, nil)
	want(t, "another organisation's", err, "agent_not_found")
	if got, err := f.AgentForTransactions(t.Context(), f.org, a); err != nil || string(got.Rules) != `{"max_per_day":7}` || !got.Held || got.Revision != 1 {
		t.Errorf("kept: %+v, %v", got, err)
	}
	if got, err := set(f.org, transaction.Rewritten{Rules: []byte(`{}`)}, nil); err != nil || got.Held || got.Revision != 2 {
		t.Errorf("set again: %+v, %v", got, err)
	}
}

func testKeyAddresses(t *testing.T, f *fixture) {
	v := f.addVault(t, "v")
	first := f.put(t, v.ID, "keys/base-signer", 1)
	if got, err := f.KeyAddress(t.Context(), first.ID); err != nil || got != "" {
		t.Errorf("at first %q, %v", got, err)
	}
	for _, address := range []string{payer.String(), evm.Address{0xbb}.String()} { // the first who finds out
		must(t, f.PutKeyAddress(t.Context(), f.org, first.ID, address))
	}
	if got, err := f.KeyAddress(t.Context(), first.ID); err != nil || got != payer.String() {
		t.Errorf("then %q, %v", got, err)
	}
	if all, err := f.VaultsWith(t.Context(), f.org, "keys/base-signer"); err != nil || !slices.Equal(all, []string{v.ID}) {
		t.Errorf("vaults %v, %v", all, err)
	}
	if all, err := f.VaultsWith(t.Context(), ids.New(), "keys/base-signer"); err != nil || len(all) != 0 {
		t.Errorf("another's vaults %v, %v", all, err)
	}
	must(t, f.Purge(t.Context(), v.ID, "keys/base-signer", f.event()))
	if got, err := f.KeyAddress(t.Context(), first.ID); err != nil || got != "" {
		t.Errorf("of a purged key %q, %v", got, err)
	}
	second := f.put(t, v.ID, "keys/other", 1)
	must(t, f.PutKeyAddress(t.Context(), f.org, second.ID, payer.String()))
	must(t, f.RemoveVault(t.Context(), v, f.event()))
	must(t, f.ClearRemains(t.Context()))
	if got, err := f.KeyAddress(t.Context(), second.ID); err != nil || got != "" {
		t.Errorf("of a key of a vault that is gone %q, %v", got, err)
	}
}
