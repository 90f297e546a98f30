package transaction_test

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/approval"
	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/intents"
	"github.com/oneclaw-dev/oneclaw/internal/patch"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/signingkey"
	"github.com/oneclaw-dev/oneclaw/internal/transaction"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

func path(p string) func(*transaction.Draft) {
	return func(d *transaction.Draft) { d.KeyPath = p }
}

// keyAt puts secretKey into a vault and lets the agent read there.
func (b *bench) keyAt(in, p string, change ...func(*vault.Draft)) {
	b.t.Helper()
	d := vault.Draft{Value: secret.FromString(secretKey), Type: "private_key"}
	for _, f := range change {
		f(&d)
	}
	_, err := b.Vault.Put(b.t.Context(), b.Call(b.owner, policy.WriteSecret), in, b.Path(p), d)
	b.must(err)
	k, err := evm.ParseKey([]byte(secretKey))
	b.must(err)
	b.fund(k.Address())
}

func TestAKeyInAVaultSignsAndIsNeverShown(t *testing.T) {
	b := open(t)
	in := b.NewVault(b.owner, "wallets")
	b.keyAt(in, "keys/main")
	_, _, err := b.try(pay("0.1", path("keys/main")))
	b.refused("without a right", err, fault.NotFound, "signing_key_not_found")
	b.Grant(b.owner, in, b.payer, "keys/**", "read")
	tx := b.submit(pay("0.1", path("keys/main")), transaction.Broadcast)
	if tx.From == b.from {
		t.Error("the keystore's key signed")
	}
	b.got("0.1")
	_, err = b.Vault.Reveal(t.Context(), b.Call(b.payer, policy.ReadSecret), in, b.Path("keys/main"))
	if !fault.Is(err, fault.Denied) {
		t.Errorf("the agent reads the key: %v", err)
	}
	key, err := hex.DecodeString(secretKey[2:])
	b.must(err)
	_, err = b.replace(tx.ID, transaction.Replacement{Cancel: true, KeyPath: "keys/main"}) // fails, and may say why
	b.refused("in a block", err, fault.Conflict, "transaction_over")
	told := map[string]string{"the log": b.Log.String()}
	for _, e := range b.Events(b.owner.Org) {
		told["the event "+e.Action] += string(e.DetailsJSON)
	}
	for where, text := range told {
		if tells(text, key) {
			t.Errorf("%s has the key", where)
		}
		if tells(text, tx.Raw) {
			t.Errorf("%s has the signed bytes", where)
		}
	}
	for _, way := range []any{tx.Raw, string(tx.Raw), hex.EncodeToString(tx.Raw), "0X" + strings.ToUpper(hex.EncodeToString(tx.Raw[40:])), base64.StdEncoding.EncodeToString(tx.Raw)} {
		was := len(b.Log.String())
		b.Logger().Info("what is looked for", slog.Any("raw", way))
		if text := b.Log.String()[was:]; !tells(text, tx.Raw) {
			t.Errorf("it would not be found in %s", text)
		}
	}
}

// tells reports whether a text has a part of a value, as anybody would write it.
func tells(text string, value []byte) bool {
	const part = 24 // longer than an account, which is told
	lower := strings.ToLower(text)
	quoted := strconv.Quote(string(value))
	for i := 0; i+part <= len(value); i++ {
		some := value[i : i+part]
		if strings.Contains(lower, hex.EncodeToString(some)) || strings.Contains(text, strings.Trim(fmt.Sprintf("%d", some), "[]")) || strings.Contains(text, string(some)) {
			return true
		}
	}
	encoded := base64.RawStdEncoding.EncodeToString(value)
	return strings.Contains(text, encoded[:part]) || strings.Contains(text, quoted[1:len(quoted)-1])
}

// A key that is stored as something else could be read by the agent that signs with it.
func TestAKeyThatTheAgentCouldReadSignsNothing(t *testing.T) {
	b := open(t)
	in := b.NewVault(b.owner, "wallets")
	b.Grant(b.owner, in, b.payer, "keys/**", "read")
	b.keyAt(in, "keys/plain", func(d *vault.Draft) { d.Type = "generic" })
	b.keyAt(in, "keys/api", func(d *vault.Draft) { d.Type = "api_key" })
	for _, p := range []string{"keys/plain", "keys/api"} {
		_, _, err := b.try(pay("0.1", path(p)))
		b.refused(p, err, fault.Denied, "signing_key_readable")
	}
	b.keyAt(in, "keys/untold", func(d *vault.Draft) { d.Type = "" })
	b.keyAt(in, "keys/plain", func(d *vault.Draft) { d.Type = "" }) // the next version
	for _, p := range []string{"keys/untold", "keys/plain"} {
		b.submit(pay("0.1", path(p)), transaction.Broadcast)
		if _, err := b.Vault.Reveal(t.Context(), b.Call(b.payer, policy.ReadSecret), in, b.Path(p)); !fault.Is(err, fault.Denied) {
			t.Errorf("the agent reads %s: %v", p, err)
		}
	}
	_, err := b.Vault.Put(t.Context(), b.Call(b.owner, policy.WriteSecret), in, b.Path("keys/untold"), vault.Draft{Value: secret.FromString("no key")})
	b.refused("what is no key, in the place of one", err, fault.Invalid, "invalid_private_key")
	b.keyAt(in, "api-keys/plain", func(d *vault.Draft) { d.Type = "" })
	m, err := b.Vault.Reveal(t.Context(), b.Call(b.owner, policy.ReadSecret), in, b.Path("api-keys/plain"))
	if err != nil || m.Type != "generic" {
		t.Errorf("elsewhere: %q, %v", m.Type, err)
	}
}

func TestOtherPathsThanThoseOfKeysAreRefused(t *testing.T) {
	b := open(t)
	in := b.NewVault(b.owner, "wallets")
	b.Grant(b.owner, in, b.payer, "**", "read")
	other, _ := b.NewAgent(b.owner, agent.Agent{Name: "other"})
	for _, p := range []string{"api/key", "agents/" + other.ID + "/keys/ethereum", "agents/" + b.payer.ID + "/secrets/a", "keys", "keysmith/a"} {
		_, _, err := b.try(pay("0.1", path(p)))
		b.refused(p, err, fault.Denied, "key_path_not_allowed")
	}
	for _, p := range []string{"keys/none", "wallets/none"} {
		_, _, err := b.try(pay("0.1", path(p)))
		b.refused(p, err, fault.NotFound, "signing_key_not_found")
	}
}

func TestSeveralVaultsWithAKeyAtThePath(t *testing.T) {
	b := open(t)
	one, two, hidden := b.NewVault(b.owner, "one"), b.NewVault(b.owner, "two"), b.NewVault(b.owner, "hidden")
	for _, in := range []string{one, two, hidden} {
		b.keyAt(in, "keys/main")
	}
	b.Grant(b.owner, one, b.payer, "keys/**", "read")
	b.submit(pay("0.1", path("keys/main")), transaction.Broadcast) // the others do not count
	b.Grant(b.owner, two, b.payer, "keys/**", "read")
	_, _, err := b.try(pay("0.1", path("keys/main")))
	b.refused("two", err, fault.Conflict, "ambiguous_signing_key")
	b.submit(pay("0.1", path("keys/main"), func(d *transaction.Draft) { d.Vault = two }), transaction.Broadcast)
	_, _, err = b.try(pay("0.1", path("keys/main"), func(d *transaction.Draft) { d.Vault = hidden }))
	if !fault.Is(err, fault.Denied) {
		t.Errorf("a hidden one: %v", err)
	}
}

func TestAKeyWithOneReadSignsOnce(t *testing.T) {
	b := open(t)
	in := b.NewVault(b.owner, "wallets")
	b.keyAt(in, "keys/main", func(d *vault.Draft) { d.MaxAccess = 1 })
	b.Grant(b.owner, in, b.payer, "keys/**", "read")
	b.submit(pay("0.1", path("keys/main")), transaction.Broadcast)
	_, _, err := b.try(pay("0.1", path("keys/main")))
	if !fault.Is(err, fault.Gone) {
		t.Errorf("a second time: %v", err)
	}
	b.got("0.1")
}

func TestAKeyThatTheClientsOfItsVaultEncryptSignsNothing(t *testing.T) {
	b := open(t)
	in := b.NewVault(b.owner, "wallets")
	b.Grant(b.owner, in, b.payer, "keys/**", "read")
	_, err := b.Vault.EnableCMEK(t.Context(), b.Call(b.Here(b.owner), policy.EnableCMEK), in, strings.Repeat("ab", 32))
	b.must(err)
	b.keyAt(in, "keys/main")
	_, _, err = b.try(pay("0.1", path("keys/main")))
	b.refused("a client's", err, fault.Denied, "signing_key_encrypted")
}

func TestAKeyThatExpiredSignsNothing(t *testing.T) {
	b := open(t)
	in := b.NewVault(b.owner, "wallets")
	b.Grant(b.owner, in, b.payer, "keys/**", "read")
	b.keyAt(in, "keys/main", func(d *vault.Draft) { d.ExpiresAt = b.Clock.Now().Add(time.Hour) })
	b.submit(pay("0.1", path("keys/main")), transaction.Broadcast)
	b.Clock.Forward(2 * time.Hour)
	_, _, err := b.try(pay("0.1", path("keys/main")))
	if !fault.Is(err, fault.Gone) {
		t.Errorf("expired: %v", err)
	}
	b.got("0.1")
}

func TestAPolicyThatAsksForApprovalOfTheKeysPathIsAskedOnceForEachSignature(t *testing.T) {
	b := open(t)
	in := b.NewVault(b.owner, "wallets")
	b.keyAt(in, "keys/main")
	_, err := b.Vault.Grant(t.Context(), b.Call(b.Here(b.owner), policy.CreatePolicy), in, vault.Grant{
		Pattern: "keys/**", PrincipalKind: policy.KindAgent, PrincipalID: b.payer.ID, Permissions: []string{"read"}, Conditions: []byte(`{"require_approval": true}`),
	})
	b.must(err)
	for range 2 {
		_, _, err = b.try(pay("0.1", path("keys/main")))
		b.has(b.told(err), "0.1 ETH on anvil to "+payee)
		b.approve(err)
		_, _, other := b.try(pay("0.2", path("keys/main")))
		b.refused("another transaction than was approved", other, fault.Denied, "approval_required")
		b.submit(pay("0.1", path("keys/main")), transaction.Broadcast)
	}
	b.got("0.2")
	b.rules(`{"allow_text": true, "approval": {"require_for_chains": ["anvil"]}}`)
	for range 2 { // the policy asks, and the rules ask
		_, _, err = b.try(pay("0.1", path("keys/main")))
		b.approve(err)
	}
	b.submit(pay("0.1", path("keys/main")), transaction.Broadcast)
	text := transaction.Message{Chain: "anvil", Text: "hello", KeyPath: "keys/main"}
	_, err = b.signMessage(text)
	b.has(b.told(err), `Sign the text "hello"`)
}

// approve has the owner approve the request of an error.
func (b *bench) approve(err error) {
	b.t.Helper()
	id, ok := approval.Awaited(err)
	if !ok {
		b.t.Fatalf("nothing is to be approved: %v", err)
	}
	_, err = b.Approvals.Decide(b.t.Context(), b.Call(b.Here(b.owner), policy.GrantApproval), id, true, "")
	b.must(err)
}

func TestAnApprovalIsForExactlyWhatWasAskedForAndOnce(t *testing.T) {
	b := open(t)
	b.rules(`{"approval": {"require_above_native": "100000000000000000"}}`)
	_, _, err := b.try(pay("0.5"))
	id, _ := approval.Awaited(err)
	_, _, again := b.try(pay("0.5"))
	if same, _ := approval.Awaited(again); id == "" || same != id {
		t.Errorf("got %v and %v, want one request", err, again)
	}
	if _, err := b.Approvals.Decide(t.Context(), b.Call(b.payer, policy.GrantApproval), id, true, ""); err == nil {
		t.Error("the agent approves its own request")
	}
	b.approve(err)
	for what, other := range map[string]transaction.Draft{
		"more": pay("0.6"), "someone else": pay("0.5", func(d *transaction.Draft) { d.To = stranger }), "another gas limit": pay("0.5", gas(50000)),
		"an access list": pay("0.5", func(d *transaction.Draft) { d.AccessList = []transaction.Access{{Address: b.from.String()}} }),
	} {
		_, _, err := b.try(other)
		b.refused(what, err, fault.Denied, "approval_required")
	}
	b.submit(pay("0.5"), transaction.Broadcast)
	_, _, err = b.try(pay("0.5"))
	b.refused("a second time", err, fault.Denied, "approval_required")
	b.got("0.5")
}

const approved = `{"approval": {"require_above_native": "100000000000000000"}}`

func TestAnApprovalEndsWithItsHourAndWithWhatItRestsOn(t *testing.T) { approvalEnds(t) }

func approvalEnds(t *testing.T) {
	for name, end := range map[string]func(b *bench, admin policy.Principal, id string){
		"its hour": func(b *bench, _ policy.Principal, _ string) { b.Clock.Forward(time.Hour) },
		"the rules that asked for it, although they ask the same": func(b *bench, _ policy.Principal, _ string) { b.rules(approved) },
		"who gave it": func(b *bench, admin policy.Principal, _ string) {
			b.must(b.Orgs.RemoveMember(t.Context(), b.Call(b.Here(b.owner), policy.RemoveMember), admin.ID))
		},
		"the right of who gave it": func(b *bench, admin policy.Principal, _ string) {
			_, err := b.Orgs.ChangeRole(t.Context(), b.Call(b.Here(b.owner), policy.UpdateMember), admin.ID, policy.RoleMember)
			b.must(err)
		},
		"the key of who asked": func(b *bench, _ policy.Principal, _ string) {
			_, err := b.Agents.RotateAgentKey(t.Context(), b.Call(b.Here(b.owner), policy.RotateAgentKey), b.payer.ID, false)
			b.must(err)
		},
		"a withdrawal": func(b *bench, _ policy.Principal, id string) {
			_, err := b.Approvals.Withdraw(t.Context(), b.Call(b.Here(b.owner), policy.WithdrawApproval), id)
			b.must(err)
		},
		"a limit that is changed, and changed back": func(b *bench, _ policy.Principal, _ string) {
			for _, eth := range []string{"0.9", "1"} {
				b.update(agent.Patch{Guardrails: intents.Patch{DailyLimitETH: patch.Value(eth)}})
			}
		},
		"a freeze of the agent": func(b *bench, _ policy.Principal, _ string) {
			ways["the agent is frozen"].ready(b)()
			b.must(b.Freezes.UnfreezeAgent(t.Context(), b.Call(b.Here(b.owner), policy.UnfreezeAgent), b.payer.ID))
		},
		"a freeze of the organisation": func(b *bench, _ policy.Principal, _ string) {
			ways["the organisation is frozen"].ready(b)()
			b.must(b.Freezes.UnfreezeOrg(t.Context(), b.Call(b.Here(b.owner), policy.UnfreezeOrg)))
		},
		"another account": func(b *bench, _ policy.Principal, _ string) {
			k, err := b.keys.Rotate(t.Context(), b.Call(b.Here(b.owner), policy.RotateSigningKey), b.payer.ID, signingkey.Ethereum, 0)
			b.must(err)
			b.fund(k.Address)
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := open(t, limited("1"))
			b.rules(approved)
			admin := b.Member(b.Here(b.owner), "admin", policy.RoleAdmin)
			_, _, err := b.try(pay("0.5"))
			id, _ := approval.Awaited(err)
			_, err = b.Approvals.Decide(t.Context(), b.Call(b.Here(admin), policy.GrantApproval), id, true, "")
			b.must(err)
			end(b, admin, id)
			b.payer = b.renewed()
			_, _, err = b.try(pay("0.5"))
			b.refused("afterwards", err, fault.Denied, "approval_required")
			if again, _ := approval.Awaited(err); again == id {
				t.Error("it waits for the one that ended")
			}
			b.approve(err)
			b.submit(pay("0.5"), transaction.Broadcast)
		})
	}
}

// TestARequestForAnApprovalEndsWithTheRulesThatMadeIt: what a human reads is what would hold.
func TestARequestForAnApprovalEndsWithTheRulesThatMadeIt(t *testing.T) {
	b := open(t)
	b.rules(approved)
	_, _, err := b.try(pay("0.5"))
	id, _ := approval.Awaited(err)
	b.rules(`{"approval": {"require_above_native": "200000000000000000"}}`)
	_, err = b.Approvals.Decide(t.Context(), b.Call(b.Here(b.owner), policy.GrantApproval), id, true, "")
	b.refused("decided late", err, fault.Conflict, "approval_ended")
}

func TestAnApprovalThatEndsWhileTheKeySigns(t *testing.T) { approvalEndsMeanwhile(t) }

func approvalEndsMeanwhile(t *testing.T) {
	for _, step := range steps {
		t.Run(step.name, func(t *testing.T) {
			b := open(t)
			b.rules(approved)
			admin := b.Member(b.Here(b.owner), "admin", policy.RoleAdmin)
			_, _, err := b.try(pay("0.5"))
			id, _ := approval.Awaited(err)
			_, err = b.Approvals.Decide(t.Context(), b.Call(b.Here(admin), policy.GrantApproval), id, true, "")
			b.must(err)
			b.at(step.end, func() {
				b.must(b.Orgs.RemoveMember(t.Context(), b.Call(b.Here(b.owner), policy.RemoveMember), admin.ID))
			})
			_, _, err = b.try(pay("0.5"))
			b.refused(step.name, err, fault.Unavailable, step.code)
			_, _, err = b.try(pay("0.5"))
			b.refused("again", err, fault.Denied, "approval_required")
			b.got("0")
		})
	}
}

// TestAnApprovalIsNotSpentOnWhatWasNotSigned: nobody need be asked twice for one payment.
func TestAnApprovalIsNotSpentOnWhatWasNotSigned(t *testing.T) {
	b := open(t)
	b.rules(approved)
	_, _, err := b.try(pay("0.5"))
	b.approve(err)
	b.at(func(b *bench, end func()) {
		b.seen = signer{Keys: b.keys, sign: func() error { return errors.New("the token is gone") }}
	}, nil)
	if _, _, err := b.try(pay("0.5")); err == nil || fault.Is(err, fault.Denied) {
		t.Errorf("got %v", err)
	}
	b.at(func(*bench, func()) {}, nil)
	b.submit(pay("0.5"), transaction.Broadcast)
	_, _, err = b.try(pay("0.5"))
	b.refused("a second time", err, fault.Denied, "approval_required")
	b.got("0.5")
}

// renewed is the agent as it comes with a later token.
func (b *bench) renewed() policy.Principal {
	p, err := b.Identity.PrincipalNow(b.t.Context(), policy.KindAgent, b.payer.ID, b.payer.Org, b.Clock.Now())
	b.must(err)
	return p
}

func TestTwoAtOnceWithOneApprovalPayOnce(t *testing.T) {
	b := open(t)
	b.rules(`{"approval": {"require_above_native": "100000000000000000"}}`)
	_, _, err := b.try(pay("0.5"))
	b.approve(err)
	parallel(8, func(int) {
		if _, _, err := b.try(pay("0.5")); err != nil && !fault.Is(err, fault.Denied) {
			t.Errorf("got %v", err)
		}
	})
	b.got("0.5")
}

func TestEventsOfOneTransaction(t *testing.T) {
	b := open(t)
	tx := b.submit(pay("0.5"), transaction.Broadcast)
	found := map[string]int{}
	for _, e := range b.Events(b.owner.Org) {
		if e.ResourceID != tx.ID {
			continue
		}
		found[e.Action]++
		if e.Detail("outcome") != audit.Success || e.Detail("to") != payee || e.Detail("value_wei") != "500000000000000000" || !strings.Contains(e.Detail("effects"), payee) {
			t.Errorf("%s says %s", e.Action, e.DetailsJSON)
		}
		if signed := e.Action == string(policy.SignTransaction); signed != (e.Detail("tx_hash") == tx.Hash.String()) {
			t.Errorf("%s says %s", e.Action, e.DetailsJSON)
		}
	}
	if len(found) != 2 || found[string(policy.SubmitTransaction)] != 1 || found[string(policy.SignTransaction)] != 1 {
		t.Errorf("the events are %v", found)
	}
}

// TestADenialHoldsForTheLike: a wei more is no other payment.
func TestADenialHoldsForTheLike(t *testing.T) { denied(t) }

func denied(t *testing.T) {
	b := open(t)
	b.rules(`{"allow_text": true, "approval": {"require_above_native": "100000000000000000", "require_for_chains": ["anvil"]}}`)
	deny := func(err error) {
		t.Helper()
		id, ok := approval.Awaited(err)
		if !ok {
			t.Fatalf("nothing is to be approved: %v", err)
		}
		_, err = b.Approvals.Decide(t.Context(), b.Call(b.Here(b.owner), policy.GrantApproval), id, false, "")
		b.must(err)
	}
	_, _, err := b.try(pay("0.5"))
	deny(err)
	for what, d := range map[string]transaction.Draft{"the same": pay("0.5"), "a wei more": pay("0.500000000000000001"), "other gas": pay("0.5", gas(50000)),
		"with data that the account ignores": pay("0.5", func(d *transaction.Draft) { d.Data = "0x12345678" })} {
		_, _, err := b.try(d)
		b.refused(what, err, fault.RateLimited, "approval_paused")
	}
	_, _, err = b.try(pay("0.5", func(d *transaction.Draft) { d.To = stranger }))
	b.refused("somebody else", err, fault.Denied, "approval_required")
	_, err = b.signMessage(transaction.Message{Chain: "anvil", Text: "hello"})
	deny(err)
	_, err = b.signMessage(transaction.Message{Chain: "anvil", Text: "hello!"})
	b.refused("another text", err, fault.RateLimited, "approval_paused")
	b.Clock.Forward(11 * time.Minute)
	b.payer = b.renewed()
	_, _, err = b.try(pay("0.500000000000000001"))
	b.refused("later", err, fault.Denied, "approval_required")
}

// TestAReplacementWithAGatedKeyIsApprovedItself: it is another signature.
func TestAReplacementWithAGatedKeyIsApprovedItself(t *testing.T) {
	b := open(t)
	in := b.NewVault(b.owner, "wallets")
	b.keyAt(in, "keys/main")
	_, err := b.Vault.Grant(t.Context(), b.Call(b.Here(b.owner), policy.CreatePolicy), in, vault.Grant{
		Pattern: "keys/**", PrincipalKind: policy.KindAgent, PrincipalID: b.payer.ID, Permissions: []string{"read"}, Conditions: []byte(`{"require_approval": true}`),
	})
	b.must(err)
	_, _, err = b.try(pay("0.1", path("keys/main")))
	b.approve(err)
	tx := b.waiting(pay("0.1", path("keys/main")))
	for _, how := range []transaction.Replacement{{KeyPath: "keys/main"}, {KeyPath: "keys/main", Cancel: true}} {
		_, err = b.replace(tx.ID, how)
		b.refused("not approved", err, fault.Denied, "approval_required")
		b.has(b.told(err), "In place of the transaction "+tx.ID)
		b.approve(err)
		if got, err := b.replace(tx.ID, how); err != nil || got.Status != transaction.Broadcast {
			t.Errorf("approved: %s, %v", got.Status, err)
		}
		_, err = b.replace(tx.ID, how)
		b.refused("a second time", err, fault.Denied, "approval_required")
	}
	b.deep()
	b.got("0")
}
