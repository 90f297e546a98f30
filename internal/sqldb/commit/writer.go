// Package commit is group commit: the writes of all callers, and their events, go into
// one transaction after the other. Who comes while nobody writes runs the transaction;
// what comes meanwhile goes into the next one.
//
// Its promise: what was acknowledged is on disk with its event, as the chain of its
// organisation's log has it, and stood at the commit on the rights that it was decided
// on (call.Basis). No caller fails for another's fault.
package commit

import (
	"context"
	"database/sql"
	"maps"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb/driver"
)

// Config is what a Writer needs of the database that it writes to.
type Config struct {
	Engine driver.Engine
	Pool   *sql.DB // where its connection comes from
	Sync   bool    // an event alone waits for the disk, too

	Now      func() time.Time // the machine's clock
	Clock    func() time.Time // Tx.ByClock
	Believes func() bool      // Tx.BelievesClock

	InPlace  func(durable bool) error      // refuses a batch whose file is gone
	Away     func() bool                   // whether the database answers nothing; may be nil
	Answered func()                        // is told that it answered; may be nil
	Moved    func(epoch int64, all []Move) // is told of the moves of a commit

	// Begin writes what begins with an event (audit.Event.Begins), in its transaction. It
	// may be nil.
	Begin func(tx *Tx, ev *audit.Event) error
	// Committed is told what a transaction made stale (Tx.Stale), in its order: after the
	// commit, and before anybody is told of that. It may be nil.
	Committed func([]Stale)
}

// MaxBatch bounds how many requests share one commit: enough that the fsync is
// a small part of each, few enough that the first one does not wait long.
const MaxBatch = 128

// maxYields is how often the writer lets others run while it gathers a batch; after
// lonelyFrom batches in a row that one caller waits for, not at all.
const (
	maxYields  = 2
	lonelyFrom = 16
)

// op is one caller's piece of a transaction: work, or a lone event.
type op struct {
	org     string   // whose the op is
	orgs    []string // whose logs are locked, and may be appended to; org is one
	basis   *call.Basis
	work    Work
	event   *audit.Event
	durable bool
	long    bool // it may touch very many rows
	err     error
	done    chan struct{}
	then    func(error) // instead of done, of an op that nobody waits for
}

// A Writer owns the only connection which writes, and puts all that waits into one
// transaction.
type Writer struct {
	cfg     Config
	queue   chan *op
	wake    chan struct{} // Run is to look at the queue
	closing chan struct{}
	between chan func()   // SQLite: work for between two batches, see Between
	stopped chan struct{} // closed when no op will run any more
	later   atomic.Int64  // ops that nobody waits for, until they ended
	due     atomic.Bool   // Run will be woken for them

	turn       sync.Mutex // who has it writes; all below is theirs
	ended      bool       // nobody writes any more
	batch      []*op
	lonely     int // batches in a row that one caller waits for
	conn       *sql.Conn
	appendConn *sql.Conn            // PostgreSQL: see appendInOne
	stmts      map[string]*sql.Stmt // SQLite only: pgx caches by itself
	heads      map[string]head
	appended   int           // events since grown was told
	grown      chan struct{} // see Grown
	synced     bool          // SQLite: which synchronous mode the connection is in
	health     logHealth
	patience   *patience // PostgreSQL: of the batch that is being written
}

// New returns a writer that Run is to start.
func New(cfg Config) *Writer {
	return &Writer{
		cfg:   cfg,
		queue: make(chan *op, 4*MaxBatch), wake: make(chan struct{}, 1), closing: make(chan struct{}), between: make(chan func(), 1),
		grown: make(chan struct{}, 1), stopped: make(chan struct{}), batch: make([]*op, 0, MaxBatch),
		stmts: map[string]*sql.Stmt{}, heads: map[string]head{}, synced: true,
	}
}

// Stopped returns a writer that writes nothing.
func Stopped() *Writer {
	w := New(Config{})
	w.ended = true
	close(w.stopped)
	return w
}

// Append puts ev into its organisation's log and returns when it is there. It
// returns fault.Unavailable when it could not be, and then ev is not in the log,
// unless the code is outcome_unknown: PostgreSQL went away while it committed.
func (w *Writer) Append(ctx context.Context, ev *audit.Event) error {
	return w.do(ctx, &op{org: ev.Org, orgs: []string{ev.Org}, event: ev})
}

// Write does work in a transaction of its own on behalf of organisations, whose logs
// it holds; the first is whose it is. What it wrote, and the events it appended, are on
// disk when Write returns nil. When it returns an error nothing of it stays. When ctx
// carries a call.Basis on which the write does not stand any more, work is not done and
// the error is call.ErrMoved.
func (w *Writer) Write(ctx context.Context, orgs []string, work Work) error {
	return w.write(ctx, orgs, false, work)
}

// WriteLong is Write for what may delete very many rows.
func (w *Writer) WriteLong(ctx context.Context, orgs []string, work Work) error {
	return w.write(ctx, orgs, true, work)
}

// WriteSoon is Write for the server's own counts: it does not wait for the disk.
func (w *Writer) WriteSoon(ctx context.Context, org string, work Work) error {
	return w.do(ctx, &op{org: org, orgs: []string{org}, work: work})
}

// WriteStanding is WriteSoon for what stands on the caller's right, as Write does.
func (w *Writer) WriteStanding(ctx context.Context, org string, work Work) error {
	return w.based(ctx, &op{org: org, orgs: []string{org}, work: work})
}

func (w *Writer) write(ctx context.Context, orgs []string, long bool, work Work) error {
	return w.based(ctx, &op{org: orgs[0], orgs: orgs, work: work, durable: true, long: long})
}

// based has an op written that rests on the right that ctx carries.
func (w *Writer) based(ctx context.Context, o *op) error {
	o.basis = call.BasisOf(ctx)
	if o.basis != nil && !slices.Contains(o.orgs, o.basis.Org) {
		o.orgs = append(slices.Clone(o.orgs), o.basis.Org)
	}
	return w.do(ctx, o)
}

// Grown receives when the logs have grown by about a thousand events since it
// last did.
func (w *Writer) Grown() <-chan struct{} { return w.grown }

// Prepared are the statements that it keeps prepared. Nothing may be under way.
func (w *Writer) Prepared() []string { return slices.Collect(maps.Keys(w.stmts)) }

// Between has f run between two batches, unless another waits for that.
func (w *Writer) Between(f func()) bool {
	select {
	case w.between <- f:
		return true
	default:
		return false
	}
}

// do has o written, with what waits already, or waits for whoever writes it. A caller
// whose context ends while it waits still waits: it must know whether its write happened.
func (w *Writer) do(ctx context.Context, o *op) error {
	o.done = make(chan struct{}, 1)
	if err := w.enter(ctx, o); err != nil {
		return err
	}
	if w.turn.TryLock() {
		w.take()
	} else {
		w.call()
	}
	select {
	case <-o.done:
		return o.err
	case <-w.stopped:
	}
	// It came into the queue at the last moment: the writer answered it, or
	// will never see it.
	select {
	case <-o.done:
		return o.err
	default:
		return errClosed
	}
}

// enter puts o into the queue.
func (w *Writer) enter(ctx context.Context, o *op) error {
	if err := ctx.Err(); err != nil {
		return driver.Wrap("queue", err)
	}
	select {
	case <-w.closing:
		return errClosed
	default:
	}
	if w.refuses() {
		return ErrAway
	}
	select {
	case w.queue <- o:
		return nil
	case <-ctx.Done():
		return driver.Wrap("queue", ctx.Err())
	case <-w.closing:
		return errClosed
	}
}

// end tells the caller of an op what became of it.
func (o *op) end() {
	if o.then != nil {
		o.then(o.err)
		return
	}
	o.done <- struct{}{}
}

// Close has Run end when it has written what is queued. Writes that come later get
// fault.Unavailable.
func (w *Writer) Close() { close(w.closing) }

// Run writes what nobody else does, until Close.
func (w *Writer) Run() {
	defer close(w.stopped)
	for {
		select {
		case <-w.wake:
			w.turn.Lock()
			w.take()
		case f := <-w.between:
			w.turn.Lock()
			f()
			w.turn.Unlock()
		case <-w.closing:
			w.turn.Lock()
			w.drain()
			w.drop()
			w.ended = true
			w.turn.Unlock()
			return
		}
	}
}

// call has Run look at the queue, once it can have the turn.
func (w *Writer) call() {
	select {
	case w.wake <- struct{}{}:
	default: // it will
	}
}

// take writes one batch of what waits, with the turn, and gives that up.
func (w *Writer) take() {
	defer func() {
		w.turn.Unlock()
		if len(w.queue) > 0 { // it came meanwhile, or was too much for a batch
			w.call()
		}
	}()
	if w.ended {
		return
	}
	w.batch = w.fill(w.batch[:0])
	w.put(w.batch)
	clear(w.batch)
}

func (w *Writer) put(batch []*op) {
	switch {
	case len(batch) == 0:
	case w.refuses(): // they waited while another got no answer
		turnAway(batch)
	default:
		w.commit(batch)
	}
}

// fill adds what already waits. While several write, it adds what those who are about to ask bring
// when they get to run, too: a larger batch makes every request in it cheaper.
func (w *Writer) fill(batch []*op) []*op {
	yields := 0
	for len(batch) < MaxBatch {
		select {
		case o := <-w.queue:
			batch = append(batch, o)
			continue
		default:
		}
		if yields++; yields > maxYields || w.lonely >= lonelyFrom && !several(batch) {
			break
		}
		runtime.Gosched()
	}
	if w.lonely++; several(batch) {
		w.lonely = 0
	}
	return batch
}

// several reports whether more than one of a batch is waited for.
func several(batch []*op) bool {
	n := 0
	for _, o := range batch {
		if o.then == nil {
			n++
		}
	}
	return n > 1
}

// drain answers those who were queued when Close came.
func (w *Writer) drain() {
	for {
		batch := w.fill(nil)
		if len(batch) == 0 {
			return
		}
		w.commit(batch)
	}
}
