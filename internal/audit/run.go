package audit

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// Scope says how much of a log Verify walks.
type Scope uint8

const (
	// Recent walks from the last checkpoint at which this process found the log whole,
	// and all of it when it did not yet. What was altered before that checkpoint
	// afterwards is for Whole to find.
	Recent Scope = iota
	// Whole walks from the first event.
	Whole
)

// maxVerifications bounds the logs that are verified at once. They take turns at
// one connection: more would only make all of them slow.
const maxVerifications = 16

// maxVerified bounds the checkpoints that are remembered.
const maxVerified = 10_000

// verifications are those under way, one an organisation and scope, and where
// earlier ones ended.
type verifications struct {
	mu    sync.Mutex
	under map[task]*verification
	ended map[string]verified
}

type task struct {
	org   string
	scope Scope
}

// verification is shared by all who ask for it while it is under way.
type verification struct {
	done    chan struct{}
	cancel  context.CancelFunc
	waiting int
	report  Report
	err     error
}

// Verify checks the chain of org as it is stored now. It returns an error when the
// database or the keystore does not answer, and fault.Unavailable when too many
// logs are verified already; what can't be read because it is broken is a finding.
// Who asks while the same is under way gets its result.
func (l *Log) Verify(ctx context.Context, org string, scope Scope) (Report, error) {
	t := task{org, scope}
	v := l.join(ctx, t)
	if v == nil {
		return Report{}, &fault.Error{Kind: fault.Unavailable, Code: "verification_busy", RetryAfter: 5 * time.Second,
			Detail: "Too many logs are being verified. Wait as long as the Retry-After header says."}
	}
	select {
	case <-v.done:
		return v.report, v.err
	case <-ctx.Done():
		l.leave(t, v)
		return Report{}, fault.Wrap(ctx.Err(), fault.Unavailable, "request_cancelled", "The request was given up before it was done.")
	}
}

// join returns the verification under way, or begins it. It outlives the request
// that began it as long as another one waits.
func (l *Log) join(ctx context.Context, t task) *verification {
	l.runs.mu.Lock()
	defer l.runs.mu.Unlock()
	v := l.runs.under[t]
	if v == nil {
		if len(l.runs.under) >= maxVerifications {
			return nil
		}
		if l.runs.under == nil {
			l.runs.under = map[task]*verification{}
		}
		v = &verification{done: make(chan struct{})}
		ctx, v.cancel = context.WithCancel(context.WithoutCancel(ctx))
		l.runs.under[t] = v
		go l.conduct(ctx, t, v)
	}
	v.waiting++
	return v
}

// Waiting is how many wait for a verification that is under way.
func (l *Log) Waiting(org string, scope Scope) int {
	l.runs.mu.Lock()
	defer l.runs.mu.Unlock()
	if v := l.runs.under[task{org, scope}]; v != nil {
		return v.waiting
	}
	return 0
}

func (l *Log) leave(t task, v *verification) {
	l.runs.mu.Lock()
	defer l.runs.mu.Unlock()
	if v.waiting--; v.waiting > 0 {
		return
	}
	v.cancel()
	l.forget(t, v) // who comes now must not join one that was given up
}

func (l *Log) forget(t task, v *verification) {
	if l.runs.under[t] == v {
		delete(l.runs.under, t)
	}
}

func (l *Log) conduct(ctx context.Context, t task, v *verification) {
	defer close(v.done)
	defer func() {
		if r := recover(); r != nil {
			v.err = fmt.Errorf("panic in a verification: %v", r)
		}
		v.cancel()
		l.runs.mu.Lock()
		defer l.runs.mu.Unlock()
		l.forget(t, v)
	}()
	v.report, v.err = l.verify(ctx, t.org, t.scope)
}

func (l *Log) verify(ctx context.Context, org string, scope Scope) (Report, error) {
	keys, err := l.PublicKeys(ctx)
	if err != nil {
		return Report{}, err
	}
	v := NewVerifier(org, keys)
	if err := l.begin(ctx, v, scope); err != nil {
		return Report{}, err
	}
	points, err := l.Store.Checkpoints(ctx, org, v.head.Seq)
	broken, err := damage(false, err)
	if err != nil {
		return Report{}, err
	}
	for _, c := range points {
		v.Checkpoint(c)
	}
	base, blind := l.lastSigned(org)
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
	unreadable, err := damage(false, l.Store.Walk(ctx, org, v.head.Seq, func(r *Row) bool {
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
	changed, err := l.changed(ctx, org, base, head)
	if broken, err = damage(broken, err); err != nil {
		return Report{}, err
	}
	// An event that is missing says more than what follows.
	report := v.Finish(head)
	switch {
	case !report.OK:
	case broken:
		v.Damaged()
	case blind != nil:
		v.fail(0, "", "what this server signed of the log can not be read: audit-signed.json in its data folder is damaged")
	case changed:
		v.fail(base.Seq, "", fmt.Sprintf("the log was changed below event %d, which this server signed", base.Seq))
	}
	report = v.Finish(head)
	l.remember(org, v, report)
	return report, nil
}

// begin sets v to where an earlier verification ended, if the log still has the
// event that it ended with. If not, or when the whole log is asked for, v begins at
// the start, and looks out for that event.
func (l *Log) begin(ctx context.Context, v *Verifier, scope Scope) error {
	l.runs.mu.Lock()
	at, ok := l.runs.ended[v.org]
	l.runs.mu.Unlock()
	if !ok {
		return nil
	}
	v.known = at.Head
	if scope == Whole {
		return nil
	}
	r, found, err := l.Store.Event(ctx, v.org, at.Seq)
	broken, err := damage(false, err)
	if err == nil && !broken && found && r.Hash == at.Hash && r.ID == at.ID {
		v.resume(at)
	}
	return err
}

// remember keeps the last signed event of a log that is whole. It stays in memory:
// what the database held could be put there by who alters the log.
func (l *Log) remember(org string, v *Verifier, r Report) {
	if !r.OK || v.signed.Seq == 0 {
		return
	}
	l.runs.mu.Lock()
	defer l.runs.mu.Unlock()
	if l.runs.ended == nil || len(l.runs.ended) >= maxVerified {
		l.runs.ended = map[string]verified{}
	}
	l.runs.ended[org] = verified{Head: v.signed, points: r.Checkpoints}
}

// beyond looks for an event after the recorded head. An event is committed with
// the head that counts it, so the newest event read before the head can't lie
// beyond it.
func (l *Log) beyond(ctx context.Context, org string, v *Verifier) error {
	newest, found, err := l.Store.Newest(ctx, org)
	if broken, err := damage(false, err); broken || err != nil {
		if broken {
			v.Damaged()
		}
		return err
	}
	now, err := l.Store.Head(ctx, org)
	if broken, err := damage(false, err); broken || err != nil {
		if broken {
			v.Damaged()
		}
		return err
	}
	if found && newest.Seq > now.Seq {
		v.fail(now.Seq+1, newest.ID, fmt.Sprintf("event %d was inserted: the log has %d events", now.Seq+1, now.Seq))
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

// Counted says how many events of a range of time a report is about, and how many of those
// fit. Zero times are no bounds; limit, unless 0, takes the oldest so many of the range.
// The report is of the whole log up to its head: an event fits only if all before it do.
func (l *Log) Counted(ctx context.Context, r Report, from, to time.Time, limit int) (checked, fit uint64, err error) {
	last := r.Events
	if !r.OK {
		last++ // the one that does not fit
	}
	if from.IsZero() && to.IsZero() && limit == 0 {
		return last, r.Events, nil
	}
	return l.Store.CountEvents(ctx, r.Org, from, to, limit, last, r.Events)
}
