package audit

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"sync"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// Query selects events. Empty fields do not restrict.
type Query struct {
	ResourceID, ActorID, Action string
	OnlyActor                   string // a limit set by who asks, beside its own filters
	From, To                    time.Time
	BeforeSeq                   uint64 // keyset paging: only events before this one
	Limit, Offset               int
	// Shows leaves out, before paging, the rows that it returns false for; nil: none.
	Shows func(*Row) bool
}

// CodeDamaged is the code of a fault of the Store that means: this can't be read
// because it was altered or broken, and trying again won't help.
const CodeDamaged = "storage_damaged"

// Store is what the log needs of a database.
type Store interface {
	// Events returns the events of org that fit, newest first.
	Events(ctx context.Context, org string, q Query) ([]*Row, error)
	// Walk feeds events in order, from the one after the given sequence number,
	// until fn returns false.
	Walk(ctx context.Context, org string, after uint64, fn func(*Row) bool) error
	// Check looks for damage to the stored events that reading them may not show.
	Check(ctx context.Context) error
	// Head returns the recorded end of the chain; zero when there is none.
	Head(ctx context.Context, org string) (Head, error)
	// Unsigned returns chains grown by that many events since they were last
	// signed, or grown at all and last signed before the given time.
	Unsigned(ctx context.Context, events uint64, before time.Time) (map[string]Head, error)
	AddCheckpoint(ctx context.Context, c Checkpoint) error
	// Checkpoints returns org's checkpoints in order.
	Checkpoints(ctx context.Context, org string) ([]Checkpoint, error)
}

// Keys gives the keys that checkpoints are signed with: the newest id signs.
type Keys interface {
	Signer(ctx context.Context, id string) (crypto.Signer, error)
}

// Anchor remembers the last signed head of each organisation.
type Anchor interface {
	Load() (map[string]Head, error)
	Save(signed map[string]Head) error
}

// Log reads, signs and verifies the log.
type Log struct {
	Store  Store
	Keys   Keys
	KeyIDs []string // key ids of checkpoints, the one that signs last
	// Newest gives the ids that there are now, in the order of KeyIDs, which then
	// is not used: another process may have made a newer key. May be nil.
	Newest func(ctx context.Context) ([]string, error)
	Now    func() time.Time
	Log    *slog.Logger
	// Grown tells that the log has grown by a good many events; nil is fine.
	Grown <-chan struct{}

	// Anchor keeps what was signed outside of the database, so that who writes
	// there can't have a rewritten log signed after a restart either. May be nil.
	Anchor Anchor

	mu     sync.Mutex
	signed map[string]Head // what this process last signed, by organisation
}

// How far a chain may grow before its head is signed.
const (
	checkpointEvents = 1000
	checkpointAge    = time.Minute
)

// Run signs chain heads until ctx ends, and once more then.
func (l *Log) Run(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			l.sign(context.WithoutCancel(ctx), 1)
			return
		case <-tick.C:
		case <-l.Grown:
		}
		l.sign(ctx, checkpointEvents)
	}
}

func (l *Log) sign(ctx context.Context, events uint64) {
	if err := l.Checkpoint(ctx, events); err != nil && ctx.Err() == nil {
		l.Log.Warn("audit checkpoint not written", slog.Any("error", err))
	}
}

// Checkpoint signs the head of every chain that has grown by that many events
// since its last checkpoint, or was last signed more than a minute ago.
func (l *Log) Checkpoint(ctx context.Context, events uint64) error {
	heads, err := l.Store.Unsigned(ctx, events, l.Now().Add(-checkpointAge))
	if err != nil || len(heads) == 0 {
		return err
	}
	ids, err := l.keyIDs(ctx)
	if err != nil {
		return err
	}
	id := ids[len(ids)-1]
	signer, err := l.Keys.Signer(ctx, id)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.signed == nil {
		if err := l.remember(); err != nil {
			return err
		}
	}
	var errs []error
	for org, h := range heads {
		errs = append(errs, l.checkpoint(ctx, signer, id, org, h))
	}
	if l.Anchor != nil {
		errs = append(errs, l.Anchor.Save(l.signed))
	}
	return errors.Join(errs...)
}

// remember takes up what earlier processes signed.
func (l *Log) remember() (err error) {
	if l.Anchor != nil {
		if l.signed, err = l.Anchor.Load(); err != nil {
			return err
		}
	}
	if l.signed == nil {
		l.signed = map[string]Head{}
	}
	return nil
}

// codeChanged is the fault of a log that is not the one that was signed.
const codeChanged = "audit_chain_changed"

// checkpoint signs one head, unless the chain below it is not the one that was
// signed before: who can write to the database must not get a rewritten chain
// signed by waiting.
func (l *Log) checkpoint(ctx context.Context, signer crypto.Signer, id, org string, h Head) (err error) {
	if base := l.signed[org]; base.Seq > 0 {
		var at Hash
		if err := l.Store.Walk(ctx, org, base.Seq-1, func(r *Row) bool {
			if r.Seq == base.Seq {
				at = r.Hash
			}
			return false
		}); err != nil {
			return err
		}
		if at != base.Hash || h.Seq < base.Seq || h.Seq == base.Seq && h.Hash != base.Hash {
			return fault.New(fault.Internal, codeChanged,
				"The log was changed below event "+strconv.FormatUint(base.Seq, 10)+", which is signed. No more checkpoints are made of it: run `oneclaw audit verify`. "+
					"If you restored an older database on purpose, remove audit-signed.json from the data folder.")
		}
	}
	c := Checkpoint{Org: org, Seq: h.Seq, Hash: h.Hash, At: l.Now().UTC().Truncate(time.Microsecond), KeyID: id}
	if c.Signature, err = signer.Sign(nil, c.Message(), crypto.Hash(0)); err != nil {
		return err
	}
	if err := l.Store.AddCheckpoint(ctx, c); err != nil {
		return err
	}
	l.signed[org] = h
	return nil
}

// A question with Shows looks at no more than so many rows: what lies further back
// is not found, and from and before_seq lead there.
const (
	shownPage  = 1000
	shownPages = 20
)

// Read returns the events of org that fit q, newest first.
func (l *Log) Read(ctx context.Context, org string, q Query) ([]*Row, error) {
	if q.Shows == nil {
		return l.Store.Events(ctx, org, q)
	}
	out, skip, limit := []*Row{}, q.Offset, q.Limit
	q.Offset, q.Limit = 0, shownPage
	for range shownPages {
		rows, err := l.Store.Events(ctx, org, q)
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			switch {
			case !q.Shows(r):
			case skip > 0:
				skip--
			default:
				out = append(out, r)
			}
			if len(out) == limit {
				return out, nil
			}
		}
		if len(rows) < shownPage {
			break
		}
		q.BeforeSeq = rows[len(rows)-1].Seq
	}
	return out, nil
}

// PublicKeys returns the public halves of the checkpoint keys.
func (l *Log) PublicKeys(ctx context.Context) (map[string]ed25519.PublicKey, error) {
	ids, err := l.keyIDs(ctx)
	if err != nil {
		return nil, err
	}
	out := map[string]ed25519.PublicKey{}
	for _, id := range ids {
		s, err := l.Keys.Signer(ctx, id)
		if err != nil {
			return nil, err
		}
		pub, ok := s.Public().(ed25519.PublicKey)
		if !ok {
			return nil, errors.New("audit: checkpoint key is not Ed25519")
		}
		out[id] = pub
	}
	return out, nil
}

func (l *Log) keyIDs(ctx context.Context) ([]string, error) {
	if l.Newest == nil {
		return l.KeyIDs, nil
	}
	ids, err := l.Newest(ctx)
	if err == nil && len(ids) == 0 {
		err = errors.New("audit: there is no checkpoint key")
	}
	return ids, err
}

// Verify walks the whole chain of org as it is stored now. It returns an error
// when the database or the keystore does not answer; what can't be read because
// it is broken is a finding.
func (l *Log) Verify(ctx context.Context, org string) (Report, error) {
	keys, err := l.PublicKeys(ctx)
	if err != nil {
		return Report{}, err
	}
	v := NewVerifier(org, keys)
	points, err := l.Store.Checkpoints(ctx, org)
	broken, err := damage(false, err)
	if err != nil {
		return Report{}, err
	}
	for _, c := range points {
		v.Checkpoint(c)
	}
	// The head is read first: events that come in meanwhile lie beyond it, and
	// are not walked.
	head, err := l.Store.Head(ctx, org)
	end := head.Seq
	if err != nil {
		if broken, err = damage(broken, err); err != nil {
			return Report{}, err
		}
		end = math.MaxUint64
	}
	unreadable, err := damage(false, l.Store.Walk(ctx, org, 0, func(r *Row) bool {
		return r.Seq <= end && v.Event(r)
	}))
	if err != nil {
		return Report{}, err
	}
	if end == math.MaxUint64 {
		head = v.Head() // the recorded one is broken: what was found stands for it
	}
	if unreadable {
		v.Unreadable()
		return v.Finish(head), nil
	}
	if err := l.beyond(ctx, org, v); err != nil {
		return Report{}, err
	}
	if !broken {
		if broken, err = damage(false, l.Store.Check(ctx)); err != nil {
			return Report{}, err
		}
	}
	// An event that is missing says more than damage somewhere.
	report := v.Finish(head)
	if broken && report.OK {
		v.Damaged()
		report = v.Finish(head)
	}
	return report, nil
}

// beyond looks for an event after the recorded head. An event is committed with
// the head that counts it, so the newest event read before the head can't lie
// beyond it.
func (l *Log) beyond(ctx context.Context, org string, v *Verifier) error {
	newest, err := l.Store.Events(ctx, org, Query{Limit: 1})
	if broken, err := damage(false, err); broken || err != nil {
		return err // what is broken, Check will name
	}
	now, err := l.Store.Head(ctx, org)
	if broken, err := damage(false, err); broken || err != nil {
		return err
	}
	if len(newest) > 0 && newest[0].Seq > now.Seq {
		v.fail(now.Seq+1, newest[0].ID, fmt.Sprintf("event %d was inserted: the log has %d events", now.Seq+1, now.Seq))
	}
	return nil
}

// damage sorts err: broken says that the store is damaged (or was before), other
// that it could not answer.
func damage(before bool, err error) (broken bool, other error) {
	if fault.CodeOf(err) == CodeDamaged {
		return true, nil
	}
	return before, err
}
