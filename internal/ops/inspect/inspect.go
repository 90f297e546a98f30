// Package inspect looks whether all that a database holds opens with its keystore.
//
// Its promise: it changes nothing, wipes each value that it opened at once, and names
// what is damaged by where it is. A full look opens everything that is sealed, walks
// every log and checks the pages of the database.
package inspect

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/datadir"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/keyring"
	"github.com/oneclaw-dev/oneclaw/internal/keystore"
	"github.com/oneclaw-dev/oneclaw/internal/process"
	"github.com/oneclaw-dev/oneclaw/internal/seal"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb/transfer"
	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// CodeDamaged says that all is well but for values that do not open.
const CodeDamaged = "values_damaged"

// Findings is what was found in a database with its keystore.
type Findings struct {
	Vaults, Values, Logs int
	Events               uint64
	Altered              []string          // logs that are not whole, and the first thing that does not fit in each
	Unsealed             []keyring.LostKey // what else was sealed under a key that is not there, or can't be used
	Lost                 []keyring.LostKey // vaults that are there, and whose key is not, or can't be used
	Problems             []string
	Torn                 error    // pages that do not fit together; among the problems too
	Opening              *Opening // nil: not everything was opened
	Unwalked             bool     // a key that signed the log can't be used
}

// Err is the first problem. That no vault at all has its key means another
// keystore.
func (i *Findings) Err() error {
	switch {
	case len(i.Problems) > 0:
		return fault.New(fault.Internal, "verification_failed", i.Problems[0])
	case i.Unwalked:
		return fault.New(fault.Internal, "verification_failed", "The audit log was not walked: a key that signed it does not open.")
	case len(i.Lost) > 0 && len(i.Lost) == i.Vaults:
		return fault.New(fault.Invalid, "other_keystore", "The keystore has the key of no vault in the database: it is another one's.")
	case len(i.Altered) > 0:
		return AlteredError("", i.Altered)
	case len(i.Lost) > 0 && i.Opening != nil:
		return fault.New(fault.Damaged, CodeDamaged, fmt.Sprintf("The keystore has no key that opens %s, and so for %d of %d vaults.", i.Lost[0].Of, len(i.Lost), i.Vaults))
	case i.Opening != nil && i.Opening.Damaged+i.Opening.Keyless > 0:
		return fault.New(fault.Damaged, CodeDamaged, fmt.Sprintf("%d of %d stored values and texts are damaged, or have lost their key: %s.",
			i.Opening.Damaged+i.Opening.Keyless, i.Opening.Opened, strings.Join(i.Opening.Lines(), "; ")))
	}
	return nil
}

// Lines say what was found to be in order, and which keys are lost.
func (i *Findings) Lines() []string {
	lines := []string{fmt.Sprintf("Checked: %d logs with %d events are whole, %d of %d vaults hold values, %d open.", i.Logs-len(i.Altered), i.Events, i.Values, i.Vaults, i.Vaults-len(i.Lost))}
	lines = append(lines, i.Altered...)
	if i.Opening != nil {
		lines = append(lines, fmt.Sprintf("Opened: %d versions and other sealed things, of which %d are damaged or have lost their key.", i.Opening.Opened, i.Opening.Damaged+i.Opening.Keyless))
		for _, line := range i.Opening.Lines() {
			lines = append(lines, "Damaged: "+line+".")
		}
	}
	for _, k := range i.Lost {
		lines = append(lines, k.String())
	}
	for _, k := range i.Unsealed {
		lines = append(lines, k.String()+" Without it they must be made anew.")
	}
	return lines
}

// Database opens a value of every vault. When whole is set it opens everything that
// is sealed, checks the database's pages, and walks every log and compares it with what
// anchor says was signed.
func Database(ctx context.Context, db *store.DB, keys keystore.KeyStore, anchor datadir.Anchor, whole bool, now func() time.Time, step transfer.Progress) (*Findings, error) {
	in := &Findings{}
	quiet := slog.New(slog.DiscardHandler)
	vaults := vault.New(db, seal.New(keys), keys, db, nil, quiet) // no request is decided here
	ids, err := db.AllVaults(ctx)
	if err != nil {
		return nil, err
	}
	lost := map[string]bool{}
	for _, id := range ids {
		path, version, found, err := db.AnyVersion(ctx, id)
		if whole {
			path = "" // all are opened below
		}
		if err == nil {
			err = vaults.Probe(ctx, id, path, version)
		}
		switch {
		case fault.Is(err, fault.Unavailable):
			return nil, err
		case fault.CodeOf(err) == seal.CodeKeyLost:
			in.Lost = append(in.Lost, keyring.NewLost(ctx, keys, "vault "+id, err))
			lost[id] = true
		case err != nil:
			in.Problems = append(in.Problems, "The values of vault "+id+" do not open: the keystore has another key for it, or they were altered.")
		}
		in.Vaults++
		if found {
			in.Values++
		}
	}
	if in.Unsealed, err = Unsealed(ctx, db, keys); err != nil {
		return nil, err
	}
	if whole {
		process.LetServersRunFirst()
		if in.Opening, err = openAll(ctx, db, keys, vaults, lost, step); err != nil {
			return nil, err
		}
	}
	if whole {
		if err := db.Check(ctx); fault.CodeOf(err) == audit.CodeDamaged {
			in.Torn = err
			in.Problems = append(in.Problems, "The database is damaged: its pages do not fit together.")
		} else if err != nil {
			return nil, err
		}
	}
	orgs, err := db.Chains(ctx)
	if in.Logs = len(orgs); err != nil || !whole {
		return in, err
	}
	in.Events, in.Altered, err = Logs(ctx, db, keys, anchor, now)
	if fault.CodeOf(err) == audit.CodeKeyUnusable {
		in.Unwalked, err = true, nil
	}
	return in, err
}
