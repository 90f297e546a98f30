package audit

import (
	"cmp"
	"context"
	"crypto"
	"crypto/ed25519"
	"errors"
	"log/slog"
	"maps"
	"strconv"
	"sync"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/loop"
	"github.com/oneclaw-dev/oneclaw/internal/stamp"
)

// Query selects events. Empty fields do not restrict.
type Query struct {
	ResourceID, ActorID string
	Actions             []string // any of them
	Vault, Path         string   // of the details
	OnlyActor           string   // a limit set by who asks, beside its own filters
	From, To            time.Time
	BeforeSeq           uint64 // keyset paging: only events before this one
	AfterSeq            uint64 // only events after this one
	Limit, Offset       int
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
	// CountEvents returns how many events of org there are between two times, zero being no
	// bound, up to last: of the oldest at most limit, unless that is 0. fit are those of them
	// up to a sequence number.
	CountEvents(ctx context.Context, org string, from, to time.Time, limit int, last, fit uint64) (all, fits uint64, err error)
	// Walk feeds events in order, from the one after the given sequence number,
	// until fn returns false. Walks have one connection among them, apart from those
	// of requests, and take turns at it: a long one starves nobody.
	Walk(ctx context.Context, org string, after uint64, fn func(*Row) bool) error
	// Event returns one event; found is false when it is not there.
	Event(ctx context.Context, org string, seq uint64) (r *Row, found bool, err error)
	// Newest returns the event with the highest sequence number.
	Newest(ctx context.Context, org string) (r *Row, found bool, err error)
	// Head returns the recorded end of the chain; zero when there is none.
	Head(ctx context.Context, org string) (Head, error)
	// Unsigned returns chains grown by that many events since they were last
	// signed, or grown at all and last signed before the given time: that of org, or
	// all when it is empty.
	Unsigned(ctx context.Context, org string, events uint64, before time.Time) (map[string]Head, error)
	AddCheckpoint(ctx context.Context, c Checkpoint) error
	// Checkpoints returns org's checkpoints in order, those of events after the given one.
	Checkpoints(ctx context.Context, org string, after uint64) ([]Checkpoint, error)
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

	runs verifications

	lastMu sync.Mutex
	last   error // of the last time that heads were to be signed
	first  error // of the look at all heads at the start
}

// How far a chain may grow before its head is signed.
const (
	checkpointEvents = 1000
	checkpointAge    = time.Minute
	// keyEvery is how often the key is looked at that signs, also while nothing is signed.
	keyEvery = 10 * time.Second
)

// Run signs chain heads until ctx ends, and once more then.
func (l *Log) Run(ctx context.Context) {
	l.Look(ctx)
	next := l.Now().Add(keyEvery)
	loop.EveryOr(ctx, time.Second, l.Grown, func(ctx context.Context) {
		switch err := l.begun(); {
		case err != nil && fault.CodeOf(err) != codeChanged: // which ends with a restart
			l.Look(ctx)
		case err == nil && !l.Now().Before(next):
			l.lookAtKey(ctx)
			next = l.Now().Add(keyEvery)
		}
		l.Sign(ctx, checkpointEvents)
	})
	l.Sign(context.WithoutCancel(ctx), 1)
}

// Sign signs the logs that have so many events, or one for a minute, that no checkpoint covers,
// and notes what came of it.
func (l *Log) Sign(ctx context.Context, events uint64) {
	err := l.Checkpoint(ctx, events)
	if ctx.Err() == nil {
		l.lastMu.Lock()
		l.last = err
		l.lastMu.Unlock()
	}
	if err != nil && ctx.Err() == nil {
		l.Log.Warn("audit checkpoint not written", slog.Any("error", err))
	}
}

// Look checks once what signing checks of logs that grow: that the key opens, that what
// was signed can be read, and that the logs are those. It runs beside the start of a
// server: each log costs it a look at one event.
func (l *Log) Look(ctx context.Context) {
	err := l.unchanged(ctx)
	if ctx.Err() != nil {
		return
	}
	l.lastMu.Lock()
	l.first = err
	l.lastMu.Unlock()
	if err != nil {
		l.Log.Warn("the audit log can't go on as it is", slog.Any("error", err))
	}
}

// lookAtKey notes that the key that signs is gone or does not open, as Look does. That the
// keystore does not answer is told elsewhere.
func (l *Log) lookAtKey(ctx context.Context) {
	err := l.keyOpens(ctx)
	if err == nil || fault.Is(err, fault.Unavailable) || ctx.Err() != nil {
		return
	}
	l.lastMu.Lock()
	l.first = err
	l.lastMu.Unlock()
	l.Log.Warn("the audit log can't go on as it is", slog.Any("error", err))
}

func (l *Log) keyOpens(ctx context.Context) error {
	ids, err := l.keyIDs(ctx)
	if err == nil && len(ids) > 0 {
		_, err = l.signer(ctx, ids[len(ids)-1])
	}
	return err
}

func (l *Log) begun() error {
	l.lastMu.Lock()
	defer l.lastMu.Unlock()
	return l.first
}

func (l *Log) unchanged(ctx context.Context) error {
	if err := l.keyOpens(ctx); err != nil {
		return err
	}
	l.mu.Lock()
	err := l.recall()
	signed := maps.Clone(l.signed)
	l.mu.Unlock()
	if err != nil {
		return err
	}
	for org, base := range signed {
		h, err := l.Store.Head(ctx, org)
		if err != nil {
			return err
		}
		changed, err := l.changed(ctx, org, base, h)
		if err != nil {
			return err
		}
		if changed {
			return changedBelow(base)
		}
	}
	return nil
}

func changedBelow(base Head) error {
	return fault.New(fault.Internal, codeChanged,
		"The log was changed below event "+strconv.FormatUint(base.Seq, 10)+", which is signed. No more checkpoints are made of it: run `oneclaw audit verify`. "+
			"If you restored an older database on purpose, stop the server, and then remove audit-signed.json from the data folder: a server that runs writes it again.")
}

// Ready returns nil when the heads that were due last were signed, and nothing was found
// at the start. Otherwise its code says what is wrong.
func (l *Log) Ready() error {
	l.lastMu.Lock()
	defer l.lastMu.Unlock()
	last := l.last
	if last == nil || fault.CodeOf(l.first) == codeChanged {
		last = cmp.Or(l.first, l.last)
	}
	switch {
	case last == nil:
		return nil
	case fault.CodeOf(last) == codeChanged:
		return fault.Wrap(last, fault.Unavailable, "log_changed", "A log was changed below what is signed: run oneclaw audit verify.")
	}
	return fault.Wrap(last, fault.Unavailable, "log_not_signed", "The log can't be signed: does the keystore answer, and can audit-signed.json in the data folder be read and written?")
}

// Checkpoint signs the head of every chain that has grown by that many events
// since its last checkpoint, or was last signed more than a minute ago.
func (l *Log) Checkpoint(ctx context.Context, events uint64) error {
	return l.signGrown(ctx, "", events)
}

func (l *Log) signGrown(ctx context.Context, org string, events uint64) error {
	heads, err := l.Store.Unsigned(ctx, org, events, l.Now().Add(-checkpointAge))
	if err != nil || len(heads) == 0 {
		return err
	}
	ids, err := l.keyIDs(ctx)
	if err != nil {
		return err
	}
	id := ids[len(ids)-1]
	signer, err := l.signer(ctx, id)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.recall(); err != nil {
		return err
	}
	var errs []error
	for org, h := range heads {
		err := l.checkpoint(ctx, signer, id, org, h)
		if fault.CodeOf(err) == codeChanged { // the gravest is the one that is told
			errs = append([]error{err}, errs...)
			continue
		}
		errs = append(errs, err)
	}
	if l.Anchor != nil {
		errs = append(errs, l.Anchor.Save(l.signed))
	}
	return errors.Join(errs...)
}

// recall takes up what earlier processes signed. mu is held.
func (l *Log) recall() (err error) {
	if l.signed != nil {
		return nil
	}
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
	base := l.signed[org]
	changed, err := l.changed(ctx, org, base, h)
	if err != nil {
		return err
	}
	if changed {
		return changedBelow(base)
	}
	c := Checkpoint{Org: org, Seq: h.Seq, Hash: h.Hash, At: stamp.Of(l.Now()), KeyID: id}
	if c.Signature, err = signer.Sign(nil, c.Message(), crypto.Hash(0)); err != nil {
		return err
	}
	if err := l.Store.AddCheckpoint(ctx, c); err != nil {
		return err
	}
	l.signed[org] = h
	return nil
}

// changed reports whether the chain that ends with h is not the one of which base was
// signed.
func (l *Log) changed(ctx context.Context, org string, base, h Head) (bool, error) {
	if base.Seq == 0 {
		return false, nil
	}
	r, found, err := l.Store.Event(ctx, org, base.Seq)
	if err != nil {
		return false, err
	}
	return !found || r.Hash != base.Hash || h.Seq < base.Seq || h.Seq == base.Seq && h.Hash != base.Hash, nil
}

// lastSigned is the head of org that this server signed last.
func (l *Log) lastSigned(org string) (Head, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	err := l.recall()
	return l.signed[org], err
}

// CodeKeyUnusable is the code of the fault of a log whose signing keys do not all open.
const CodeKeyUnusable = "log_key_unusable"

func (l *Log) signer(ctx context.Context, id string) (crypto.Signer, error) {
	s, err := l.Keys.Signer(ctx, id)
	if err == nil || fault.Is(err, fault.Unavailable) || ctx.Err() != nil {
		return s, err
	}
	return nil, keyUnusable(err)
}

func keyUnusable(err error) error {
	return fault.Wrap(err, fault.Damaged, CodeKeyUnusable, "A key that signs the log is not there or does not open, and so checkpoints can't be verified. "+
		"An operator has to put it back from a backup of the keys: oneclaw doctor names it.")
}

// A question with Shows looks at no more than so many rows: what lies further back
// is not found: the next page goes on there.
const (
	shownPage  = 1000
	shownPages = 20
)

// Read returns the events of org that fit q, newest first, and the BeforeSeq with which
// it goes on; 0 at the end. Pages that go on so do not shift while events come in: what came
// after the first page is in none.
func (l *Log) Read(ctx context.Context, org string, q Query) (rows []*Row, next uint64, err error) {
	if q.Shows == nil {
		limit := q.Limit
		q.Limit++ // one more shows that there are more
		rows, err = l.Store.Events(ctx, org, q)
		if len(rows) > limit {
			rows = rows[:limit]
			next = rows[limit-1].Seq
		}
		return rows, next, err
	}
	out, skip, limit := []*Row{}, q.Offset, q.Limit
	q.Offset, q.Limit = 0, shownPage
	for range shownPages {
		rows, err := l.Store.Events(ctx, org, q)
		if err != nil {
			return nil, 0, err
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
				return out, r.Seq, nil
			}
		}
		if len(rows) < shownPage {
			return out, 0, nil
		}
		q.BeforeSeq = rows[len(rows)-1].Seq
	}
	return out, q.BeforeSeq, nil
}

// PublicKeys returns the public halves of the checkpoint keys.
func (l *Log) PublicKeys(ctx context.Context) (map[string]ed25519.PublicKey, error) {
	ids, err := l.keyIDs(ctx)
	if err != nil {
		return nil, err
	}
	out := map[string]ed25519.PublicKey{}
	for _, id := range ids {
		s, err := l.signer(ctx, id)
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
		err = keyUnusable(errors.New("the keystore has no key that signs the log"))
	}
	return ids, err
}
