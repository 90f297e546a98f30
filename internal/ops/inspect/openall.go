package inspect

import (
	"context"
	"fmt"
	"strconv"

	"github.com/oneclaw-dev/oneclaw/internal/account"
	"github.com/oneclaw-dev/oneclaw/internal/approval"
	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/keystore"
	"github.com/oneclaw-dev/oneclaw/internal/mail"
	"github.com/oneclaw-dev/oneclaw/internal/seal"
	"github.com/oneclaw-dev/oneclaw/internal/sharing"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/flagged"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/placekey"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb/transfer"
	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
	"github.com/oneclaw-dev/oneclaw/internal/webhook"
)

// maxNamed bounds how many damaged things are named; all are counted.
const maxNamed = 1000

// Opening is what opening everything that is sealed in a database found.
type Opening struct {
	Opened  int      // that opened, or did not
	Damaged int      // that did not
	Keyless int      // whose key is not there
	named   []string // the first of both

	Unmovable string // the first damaged text that PostgreSQL can't store
}

func (o *Opening) note(name string, err error) {
	if fault.CodeOf(err) == seal.CodeKeyLost {
		o.Keyless++
	} else {
		o.Damaged++
	}
	if len(o.named) < maxNamed {
		o.named = append(o.named, name+": "+fault.CodeOf(err))
	}
}

// openAll looks at every value, opens every version of every vault but those whose key is lost, and
// whatever else is sealed, one after the other, and wipes each at once. It ends
// with an error only when the database or the keystore does not answer.
// step is told how far it is.
func openAll(ctx context.Context, db *store.DB, keys keystore.KeyStore, vaults *vault.Service, lost map[string]bool, step transfer.Progress) (*Opening, error) {
	o := &Opening{}
	tried := func(name string, err error) error {
		o.Opened++
		step("stored values", int64(o.Opened))
		if !lasting(err) {
			return err
		}
		o.note(name, err)
		return nil
	}
	ids, err := db.AllVaults(ctx)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		torn, err := db.Unlisted(ctx, id)
		if err != nil {
			return nil, err
		}
		for _, path := range torn {
			if err := tried("rows of vault "+id+", path "+strconv.Quote(path), fault.New(fault.Damaged, audit.CodeDamaged, "")); err != nil {
				return nil, err
			}
		}
		if lost[id] {
			continue
		}
		if err := openVault(ctx, db, vaults, id, tried); err != nil {
			return nil, err
		}
	}
	err = db.Flaws(ctx, step, func(f transfer.Flaw) error {
		if f.Unmovable && o.Unmovable == "" {
			o.Unmovable = f.String()
		}
		return tried(f.String(), fault.New(fault.Damaged, audit.CodeDamaged, ""))
	})
	if err != nil {
		return nil, err
	}
	heads, err := db.OddHeads(ctx)
	if err != nil {
		return nil, err
	}
	for _, what := range heads {
		if err := tried(what, fault.New(fault.Damaged, audit.CodeDamaged, "")); err != nil {
			return nil, err
		}
	}
	odd, err := db.OddTransactions(ctx)
	if err != nil {
		return nil, err
	}
	for _, id := range odd {
		if err := tried("transaction "+id, fault.New(fault.Damaged, audit.CodeDamaged, "")); err != nil {
			return nil, err
		}
	}
	sealer := seal.New(keys)
	return o, db.EachSealed(ctx, func(s store.Sealed) error {
		kek, at := sealedAt(s)
		value, err := sealer.Open(ctx, kek, at, s.Box)
		value.Wipe()
		return tried(string(s.Kind)+" "+s.ID, seal.KeyLost(err))
	})
}

// lasting reports whether err says that something does not open and never will.
func lasting(err error) bool {
	return err != nil && fault.Is(err, fault.Damaged)
}

const namesAtOnce = 500

func openVault(ctx context.Context, db *store.DB, vaults *vault.Service, id string, tried func(string, error) error) error {
	v, err := db.Vault(ctx, id)
	if err != nil {
		return err
	}
	var at store.VersionName
	for {
		names, err := db.VersionNames(ctx, id, at, namesAtOnce)
		if err != nil {
			return err
		}
		for _, at = range names {
			err := vaults.OpenVersion(ctx, &v, at.Path, at.Version)
			if fault.CodeOf(err) == "secret_not_found" {
				continue // removed meanwhile
			}
			if err := tried("vault "+id+", path "+strconv.Quote(at.Path)+", version "+strconv.FormatUint(at.Version, 10), err); err != nil {
				return err
			}
		}
		if len(names) < namesAtOnce {
			return nil
		}
	}
}

// sealedAt says which key a thing is sealed with, and where.
func sealedAt(s store.Sealed) (kek string, at seal.Ref) {
	switch s.Kind {
	case store.SealedTOTP:
		return account.SealOfTOTP(s.ID)
	case store.SealedMail:
		return mail.SealOf(s.ID)
	case store.SealedLink:
		return sharing.SealOfLink(s.Org, s.Vault, s.ID)
	case store.SealedWebhook:
		return approval.SealOfWebhook(s.Org, s.ID)
	case store.SealedHook:
		return webhook.SealOf(s.Org, s.ID)
	case store.SealedJob:
		return vault.SealOfJob(s.Org, s.Vault, s.ID)
	case store.SealedText:
		return flagged.SealOf(s.Org, s.ID)
	case store.SealedPlace:
		return placekey.SealOf(s.Org)
	}
	panic("inspect: a kind that nobody seals")
}

// Lines say what did not open.
func (o *Opening) Lines() []string {
	all := o.named
	if more := o.Damaged + o.Keyless - len(all); more > 0 {
		all = append(all[:len(all):len(all)], fmt.Sprintf("and %d more", more))
	}
	return all
}
