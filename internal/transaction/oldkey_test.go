package transaction_test

import (
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/signingkey"
	"github.com/oneclaw-dev/oneclaw/internal/transaction"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// replacesAs is replace, asked for by somebody.
func (b *bench) replacesAs(who policy.Principal, id string, how transaction.Replacement) (transaction.Tx, error) {
	c := b.Call(who, policy.ReplaceTransaction)
	return b.svc.Replace(b.based(c), c, b.payer.ID, id, how)
}

func (b *bench) rotate() {
	b.t.Helper()
	_, err := b.keys.Rotate(b.t.Context(), b.Call(b.Here(b.owner), policy.RotateSigningKey), b.payer.ID, signingkey.Ethereum, 0)
	b.must(err)
}

func (b *bench) deleteKey() {
	b.t.Helper()
	b.must(b.keys.Stop(b.t.Context(), b.Call(b.Here(b.owner), policy.DeleteSigningKey), b.payer.ID, signingkey.Ethereum))
}

// TestAPersonCancelsWithTheKeyThatSigned: who replaces a key because somebody may have it wants most to stop what it signed.
func TestAPersonCancelsWithTheKeyThatSigned(t *testing.T) { cancelsWithOldKey(t) }

func cancelsWithOldKey(t *testing.T) {
	for name, change := range map[string]func(*bench){
		"replaced":             (*bench).rotate,
		"deleted":              (*bench).deleteKey,
		"replaced and deleted": func(b *bench) { b.rotate(); b.deleteKey() },
		"deleted and another made": func(b *bench) {
			b.deleteKey()
			_, err := b.keys.Create(b.t.Context(), b.Call(b.owner, policy.CreateSigningKey), b.payer.ID, signingkey.Ethereum)
			b.must(err)
		},
		"replaced, and the agent frozen": func(b *bench) {
			b.rotate()
			ways["the agent is frozen"].ready(b)()
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := open(t, limited("1"))
			tx := b.waiting(pay("0.5"))
			change(b)
			if _, err := b.ownerReplaces(tx.ID, speedup); err == nil {
				t.Error("it is paid faster")
			}
			stop, err := b.ownerReplaces(tx.ID, cancel)
			b.must(err)
			if stop.From != tx.From || stop.Nonce != tx.Nonce || stop.Status != transaction.Broadcast {
				t.Errorf("the cancel is %s of %s", stop.Status, stop.From)
			}
			b.deep()
			b.stands(stop.ID, transaction.Broadcast, transaction.Success)
			b.got("0")
			b.counts("0")
		})
	}
}

// signedByVault is a vault with a key that the agent may use, and what it signed with it.
func (b *bench) signedByVault(change ...func(*vault.Draft)) (in string, tx transaction.Tx) {
	b.t.Helper()
	in = b.NewVault(b.owner, "wallets")
	b.keyAt(in, "keys/main", change...)
	b.Grant(b.owner, in, b.payer, "keys/**", "read")
	return in, b.waiting(pay("0.5", path("keys/main")))
}

// TestAPersonCancelsWithAKeyOfAVault: also an admin whom no policy names, for an agent that is frozen, and with the version of before.
func TestAPersonCancelsWithAKeyOfAVault(t *testing.T) { cancelsWithVaultKey(t) }

func cancelsWithVaultKey(t *testing.T) {
	other := secret.FromString("0x" + strings.Repeat("5a", 32))
	for name, change := range map[string]func(b *bench, in string){
		"as it was":         func(*bench, string) {},
		"the agent stopped": func(b *bench, _ string) { ways["the agent is frozen"].ready(b)() },
		"the key replaced": func(b *bench, in string) {
			_, err := b.Vault.Put(b.t.Context(), b.Call(b.owner, policy.WriteSecret), in, b.Path("keys/main"), vault.Draft{Value: other, Type: "private_key"})
			b.must(err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := open(t, limited("1"))
			admin := b.Member(b.owner, "admin", "admin")
			in, tx := b.signedByVault()
			change(b, in)
			for who, caller := range map[string]policy.Principal{"the owner": b.owner, "an admin": admin} {
				stop, err := b.replacesAs(caller, tx.ID, cancel)
				if err != nil || stop.From != tx.From || stop.Status != transaction.Broadcast {
					t.Errorf("%s: %s, %v", who, stop.Status, err)
				}
			}
			_, err := b.Vault.Reveal(t.Context(), b.Call(admin, policy.ReadSecret), in, b.Path("keys/main"))
			if !fault.Is(err, fault.Denied) {
				t.Errorf("an admin reads the key: %v", err)
			}
			b.deep()
			b.got("0")
			b.counts("0")
		})
	}
}

// TestACancelThatNoKeySigns: it says what stops it instead.
func TestACancelThatNoKeySigns(t *testing.T) {
	ends := map[string]func(b *bench, in string){
		"its secret is deleted": func(b *bench, in string) {
			b.must(b.Vault.Delete(b.t.Context(), b.Call(b.owner, policy.DeleteSecret), in, b.Path("keys/main")))
		},
		"its vault is deleted": func(b *bench, in string) {
			b.must(b.Vault.Remove(b.t.Context(), b.Call(b.Here(b.owner), policy.DeleteVault), in))
		},
		"its uses are spent": nil,
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			b := open(t)
			var change []func(*vault.Draft)
			if end == nil {
				change = append(change, func(d *vault.Draft) { d.MaxAccess = 1 })
			}
			in, tx := b.signedByVault(change...)
			if end != nil {
				end(b, in)
			}
			_, err := b.ownerReplaces(tx.ID, cancel)
			b.refused(name, err, fault.Conflict, "signing_key_gone")
		})
	}
	t.Run("who may not use it", func(t *testing.T) {
		b := open(t)
		maker := b.Member(b.owner, "maker", "member")
		boss := b.owner
		b.owner = maker
		b.hire()
		maker, b.owner = b.owner, boss
		in := b.NewVault(b.owner, "wallets")
		b.keyAt(in, "keys/main")
		b.Grant(b.owner, in, b.payer, "keys/**", "read")
		tx := b.waiting(pay("0.5", path("keys/main")))
		_, err := b.replacesAs(maker, tx.ID, cancel)
		b.refused("a member", err, fault.Conflict, "signing_key_gone")
		_, err = b.ownerReplaces(tx.ID, cancel)
		b.must(err)
	})
}

// TestADeletedKeyStopsWhatItSigned: what nobody has is given up, and what somebody may have is sent no more.
func TestADeletedKeyStopsWhatItSigned(t *testing.T) { deletedKeyStops(t) }

func deletedKeyStops(t *testing.T) {
	t.Run("what nobody has", func(t *testing.T) {
		b := open(t, limited("1"))
		b.at(func(b *bench, end func()) { b.stored = &between{Store: b.DB, kept: end} }, b.deleteKey)
		tx := b.submit(pay("0.5"), transaction.Signed)
		b.look(2)
		if got := b.stands(tx.ID, transaction.Failed, transaction.Waiting); got.ErrorCode != "signing_key_deleted" || len(got.Raw) > 0 {
			t.Errorf("it says %q %q", got.ErrorCode, got.Error)
		}
		b.counts("0")
		if n := len(b.gate.bytesSent()); n != 0 {
			t.Error("it was sent")
		}
	})
	t.Run("what a node may have", func(t *testing.T) {
		b := open(t, limited("1"))
		b.gate.on("eth_sendRawTransaction", away)
		tx := b.submit(pay("0.5"), transaction.Signed)
		b.deleteKey()
		b.gate.on("eth_sendRawTransaction", nil)
		was := len(b.gate.bytesSent())
		b.look(3)
		if got := b.stands(tx.ID, transaction.Signed, transaction.Waiting); got.ErrorCode != "signing_key_deleted" || !strings.Contains(got.Error, "cancel") {
			t.Errorf("it says %q %q", got.ErrorCode, got.Error)
		}
		if len(b.gate.bytesSent()) != was {
			t.Error("it was sent again")
		}
		b.counts("0.5")
		stop, err := b.ownerReplaces(tx.ID, cancel)
		b.must(err)
		b.deep()
		b.stands(stop.ID, transaction.Broadcast, transaction.Success)
		b.stands(tx.ID, transaction.Failed, transaction.Replaced)
		b.got("0")
	})
	t.Run("what a node had, and nobody heard of it", func(t *testing.T) {
		b := open(t, limited("1"))
		b.gate.on("eth_sendRawTransaction", cutOff)
		b.gate.on("eth_getTransactionByHash", says("null"))
		tx := b.submit(pay("0.5"), transaction.Signed)
		b.deleteKey()
		b.deep()
		if got := b.stands(tx.ID, transaction.Broadcast, transaction.Success); got.Error != "" {
			t.Errorf("it says %q", got.Error)
		}
		b.got("0.5")
	})
	t.Run("until it is used again", func(t *testing.T) {
		b := open(t, limited("1"))
		b.gate.on("eth_sendRawTransaction", away)
		tx := b.submit(pay("0.5"), transaction.Signed)
		b.deleteKey()
		b.gate.on("eth_sendRawTransaction", nil)
		b.look(1)
		_, err := b.keys.Rotate(t.Context(), b.Call(b.Here(b.owner), policy.RotateSigningKey), b.payer.ID, signingkey.Ethereum, 1)
		b.must(err)
		b.look(2)
		if got := b.stands(tx.ID, transaction.Broadcast, transaction.Success); got.Error != "" {
			t.Errorf("it says %q", got.Error)
		}
	})
	t.Run("until a person uses it again", func(t *testing.T) {
		b := open(t, limited("1"))
		b.gate.on("eth_sendRawTransaction", away)
		tx := b.submit(pay("0.5"), transaction.Signed)
		b.deleteKey()
		b.gate.on("eth_sendRawTransaction", nil)
		b.Clock.Forward(time.Hour)
		_, err := b.keys.Rotate(t.Context(), b.Call(b.owner, policy.RotateSigningKey), b.payer.ID, signingkey.Ethereum, 1)
		b.refused("with nobody there", err, fault.Denied, "person_required")
		b.look(2)
		b.stands(tx.ID, transaction.Signed, transaction.Waiting)
		b.got("0")
	})
	t.Run("with the keys that it replaced", func(t *testing.T) {
		b := open(t, limited("1"))
		b.gate.on("eth_sendRawTransaction", away)
		tx := b.submit(pay("0.5"), transaction.Signed)
		b.rotate()
		b.deleteKey()
		b.gate.on("eth_sendRawTransaction", nil)
		was := len(b.gate.bytesSent())
		b.look(3)
		if got := b.stands(tx.ID, transaction.Signed, transaction.Waiting); got.ErrorCode != "signing_key_deleted" || len(b.gate.bytesSent()) != was {
			t.Errorf("it says %q %q", got.ErrorCode, got.Error)
		}
		b.got("0")
	})
	t.Run("a key of a vault, of which none is left", func(t *testing.T) {
		b := open(t)
		in := b.NewVault(b.owner, "wallets")
		b.keyAt(in, "keys/main")
		b.Grant(b.owner, in, b.payer, "keys/**", "read")
		b.gate.on("eth_sendRawTransaction", away)
		tx := b.submit(pay("0.5", path("keys/main")), transaction.Signed)
		b.must(b.Vault.Delete(b.t.Context(), b.Call(b.owner, policy.DeleteSecret), in, b.Path("keys/main")))
		b.gate.on("eth_sendRawTransaction", nil)
		b.look(2)
		if got := b.stands(tx.ID, transaction.Signed, transaction.Waiting); got.ErrorCode != "signing_key_deleted" || !strings.Contains(got.Error, "no key is left to cancel it") {
			t.Errorf("it says %q %q", got.ErrorCode, got.Error)
		}
	})
	t.Run("not one that was replaced", func(t *testing.T) {
		b := open(t, limited("1"))
		b.gate.on("eth_sendRawTransaction", away)
		tx := b.submit(pay("0.5"), transaction.Signed)
		b.rotate()
		b.gate.on("eth_sendRawTransaction", nil)
		b.look(2)
		b.stands(tx.ID, transaction.Broadcast, transaction.Success)
	})
	for name, end := range map[string]func(b *bench, in string){
		"a key of a vault": func(b *bench, in string) {
			b.must(b.Vault.Delete(b.t.Context(), b.Call(b.owner, policy.DeleteSecret), in, b.Path("keys/main")))
		},
		"a version of a key of a vault": func(b *bench, in string) {
			b.must(b.Vault.DisableVersion(b.t.Context(), b.Call(b.Here(b.owner), policy.DisableVersion), in, b.Path("keys/main"), 1))
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := open(t, limited("1"))
			in := b.wallet()
			b.Grant(b.owner, in, b.payer, "keys/**", "read")
			b.gate.on("eth_sendRawTransaction", away)
			tx := b.submit(pay("0.5", path("keys/main")), transaction.Signed)
			end(b, in)
			b.gate.on("eth_sendRawTransaction", nil)
			b.look(2)
			if got := b.stands(tx.ID, transaction.Signed, transaction.Waiting); got.ErrorCode != "signing_key_deleted" {
				t.Errorf("it says %q %q", got.ErrorCode, got.Error)
			}
			b.got("0")
		})
	}
}
