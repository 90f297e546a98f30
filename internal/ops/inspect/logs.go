package inspect

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/datadir"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/keyring"
	"github.com/oneclaw-dev/oneclaw/internal/keystore"
	"github.com/oneclaw-dev/oneclaw/internal/store"
)

// CodeAltered says that a log is not what its hashes and signatures say. A restore may
// take it, since the values beside it may be whole.
const CodeAltered = "log_altered"

// Movable reports whether err, of Findings, tells of damage that a copy is no worse for:
// values or texts that are damaged, and logs that were altered.
func Movable(err error) bool {
	code := fault.CodeOf(err)
	return code == CodeDamaged || code == CodeAltered
}

// Logs walks the log of every organisation to its end, and compares it with what anchor
// says was signed. It returns how many events are in those that are whole, and a sentence
// for each that is not. When a key that signed a log can't be used, the error's code is
// audit.CodeKeyUnusable.
func Logs(ctx context.Context, db *store.DB, keys keystore.KeyStore, anchor datadir.Anchor, now func() time.Time) (events uint64, altered []string, err error) {
	log := &audit.Log{Store: db, Keys: keys, Newest: keyring.AuditIDs(keys), Now: now, Log: slog.New(slog.DiscardHandler)}
	_, cut, err := Signed(ctx, db, anchor)
	if err != nil {
		return 0, nil, err
	}
	orgs, err := db.Chains(ctx)
	if err != nil {
		return 0, nil, err
	}
	for org := range cut {
		if !slices.Contains(orgs, org) {
			orgs = append(orgs, org) // all of its log is gone
		}
	}
	for _, org := range orgs {
		r, err := log.Verify(ctx, org, audit.Whole)
		switch {
		case err != nil:
			return events, altered, err
		case r.OK && cut[org] > 0:
			altered = append(altered, fmt.Sprintf("The audit log of organisation %s is not the one whose event %d was signed.", org, cut[org]))
		case r.OK:
			events += r.Events
		default:
			altered = append(altered, "The audit log of organisation "+org+" is not whole: "+r.Problem+".")
		}
	}
	return events, altered, nil
}

// Signed compares every log with what a node signed of it, which its anchor keeps apart
// from the database. It returns how many logs were signed, and of each organisation whose
// log is another one the event that was signed.
func Signed(ctx context.Context, db *store.DB, anchor datadir.Anchor) (logs int, other map[string]uint64, err error) {
	known, err := anchor.Load()
	if err != nil {
		return 0, nil, err
	}
	other = map[string]uint64{}
	for org, h := range known {
		r, found, err := db.Event(ctx, org, h.Seq)
		if err != nil {
			return 0, nil, err
		}
		if !found || r.Hash != h.Hash {
			other[org] = h.Seq
		}
	}
	return len(known), other, nil
}

// AlteredError names the first log of altered, after what has been said before.
func AlteredError(before string, altered []string) error {
	more := ""
	if n := len(altered) - 1; n > 0 {
		more = fmt.Sprintf(" So are %d others.", n)
	}
	return fault.New(fault.Damaged, CodeAltered, before+altered[0]+more)
}
