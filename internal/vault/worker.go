package vault

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/cmek"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/keystore"
	"github.com/oneclaw-dev/oneclaw/internal/loop"
	"github.com/oneclaw-dev/oneclaw/internal/seal"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

const (
	// batchRows is how many versions a batch takes, and batchBytes ends one of
	// large values before that.
	batchRows  = 100
	batchBytes = 8 << 20
	// turnTime is how long a job is worked on before the next gets its turn.
	turnTime = 2 * time.Second
	// leaseTime is after how long without a batch another node takes over.
	leaseTime = 20 * time.Second
	// pollJobs is how often a worker looks for what other nodes began or left.
	pollJobs = time.Second
	// pruneEvery is how often jobs that ended long ago are looked for, and
	// keepJobs how long they can be read.
	pruneEvery = time.Hour
	keepJobs   = 30 * 24 * time.Hour
	// retryJob is how long a job rests whose keystore or database was away.
	retryJob = 5 * time.Second
)

// Worker does the jobs of all vaults, one at a time. Many workers share them:
// each job is one worker's until its lease ends.
type Worker struct {
	s      *Service
	now    func() time.Time
	holder string
}

// NewWorker returns a Worker for the jobs that s and its like begin.
func NewWorker(s *Service, now func() time.Time) *Worker {
	return &Worker{s: s, now: now, holder: ids.New()}
}

// Run works until ctx ends. The batch under way is finished first.
func (w *Worker) Run(ctx context.Context) {
	prune := time.NewTicker(pruneEvery)
	defer prune.Stop()
	round := func(ctx context.Context) {
		select {
		case <-prune.C:
			w.Prune(ctx)
		default:
		}
		for w.Turn(ctx) {
		}
	}
	w.Prune(ctx)
	round(ctx)
	loop.EveryOr(ctx, pollJobs, w.s.begun, round)
}

// Turn works on one job for a while, and reports whether there was one.
func (w *Worker) Turn(ctx context.Context) bool {
	if ctx.Err() != nil {
		return false
	}
	now := w.now()
	j, found, err := w.s.store.ClaimJob(ctx, w.holder, now, now.Add(leaseTime))
	if err != nil {
		if ctx.Err() == nil {
			w.s.log.Warn("jobs can't be looked for", slog.Any("error", err))
		}
		return false
	}
	if !found {
		return false
	}
	log := w.s.log.With(slog.String("job", j.ID), slog.String("vault", j.Vault))
	over, err := w.work(ctx, &j, log)
	switch {
	case errors.Is(err, ErrJobLost):
		log.Info("a job went to another node, or its vault is gone")
		w.clean(context.WithoutCancel(ctx), &j, log)
		return true
	case err != nil && ctx.Err() == nil:
		log.Warn("a job rests for a while", slog.Any("error", err))
	}
	if over {
		if err := w.s.Sweep(context.WithoutCancel(ctx)); err != nil {
			log.Error("the old key of a vault could not be destroyed yet", slog.Any("error", err))
		}
		return true
	}
	from := w.now()
	if err != nil {
		from = from.Add(retryJob)
	}
	// Else the lease ends by itself.
	if err := w.s.store.ReleaseJob(context.WithoutCancel(ctx), j, from); err != nil && ctx.Err() == nil {
		log.Warn("a job could not be given back", slog.Any("error", err))
	}
	return err == nil
}

// clean destroys the key that was made for a job whose vault went meanwhile: it
// may have been made after the vault's keys were destroyed.
func (w *Worker) clean(ctx context.Context, j *Job, log *slog.Logger) {
	_, err := w.s.store.Vault(ctx, j.Vault)
	if !fault.Is(err, fault.NotFound) {
		return
	}
	if err := w.s.keys.DestroyKEK(ctx, kekID(j.Vault, j.To)); err != nil {
		log.Warn("the new key of a vault that is gone stays", slog.Any("error", err))
	}
}

// work does batches until the job's turn or the job is over. A panic costs this
// turn, not the server at every start.
func (w *Worker) work(ctx context.Context, j *Job, log *slog.Logger) (over bool, err error) {
	defer func() {
		if r := recover(); r != nil {
			over, err = false, fmt.Errorf("panic in a job: %T", r)
		}
	}()
	until := w.now().Add(turnTime)
	var t turner
	if err := t.load(ctx, w.s.sealer, j); err != nil {
		if !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Damaged) {
			return false, err
		}
		log.Error("the client's keys of a job do not open any more", slog.Any("error", err))
		return w.end(ctx, j, "The keys of this rotation are lost. Ask for it again with the same keys: it goes on where it ended.")
	}
	defer t.wipe()
	// The key may be there already, from a turn that was cut short.
	if err := w.s.keys.CreateKEK(ctx, kekID(j.Vault, j.To)); err != nil && fault.CodeOf(err) != keystore.CodeKeyExists {
		return false, err
	}
	for ctx.Err() == nil && w.now().Before(until) {
		over, err := w.step(ctx, j, &t)
		if over || err != nil {
			return over, err
		}
	}
	return false, nil
}

// step does one batch, or what comes after the last.
//
// A rotation of the client's key first goes over the vault while new versions
// still come under the old generation: whatever clients write meanwhile, with
// either key, is left to do. Then the vault switches, and the second round finds
// the rest. It ends since no version of an old generation comes after the switch.
func (w *Worker) step(ctx context.Context, j *Job, t *turner) (over bool, err error) {
	if j.Kind == JobRekey && !j.Switched {
		return false, w.switched(ctx, j)
	}
	rows, err := w.s.store.Remaining(ctx, *j, batchRows)
	switch {
	case err != nil:
		return false, err
	case len(rows) > 0:
		return false, w.batch(ctx, j, t, rows)
	case !j.Switched:
		return false, w.switched(ctx, j)
	}
	late, err := w.late(ctx, j, t)
	if err != nil {
		return false, err
	}
	return w.end(ctx, j, j.complaint(late))
}

func (w *Worker) switched(ctx context.Context, j *Job) error {
	err := w.s.store.SwitchKEK(ctx, *j)
	if err == nil {
		j.Switched, j.CursorPath, j.CursorVersion = true, "", 0
	}
	return err
}

// batch moves rows to the job's generation.
func (w *Worker) batch(ctx context.Context, j *Job, t *turner, rows []Version) error {
	var done []Rewritten
	var p Progress
	size := 0
	for i := range rows {
		v := &rows[i]
		r, found, err := w.rewrite(ctx, j, t, v)
		if err != nil {
			return err
		}
		counts := j.Kind == JobRekey || v.CMEK
		switch {
		case found == lost:
			if j.Switched { // a first round leaves it to the second
				p.Damaged++
			}
		case found == removed:
		default:
			done = append(done, r)
			if counts {
				p.Processed++
			}
			if found == unopened {
				p.Unopened++
			}
		}
		p.CursorPath, p.CursorVersion = v.Path, v.Meta.Version
		if size += len(r.Box.Ciphertext); size >= batchBytes {
			break
		}
	}
	if err := w.s.store.Rewrite(ctx, *j, done, p, w.now().Add(leaseTime)); err != nil {
		return err
	}
	j.CursorPath, j.CursorVersion = p.CursorPath, p.CursorVersion
	j.Processed += p.Processed
	j.Unopened += p.Unopened
	j.Damaged += p.Damaged
	return nil
}

// outcome is what became of one version.
type outcome int

const (
	moved    outcome = iota
	unopened         // moved as it is: it opens with neither client key
	lost             // it does not open at all
	removed          // by somebody, meanwhile
)

// rewrite makes the Box of v under the job's generation. A value that no client
// key concerns keeps its data key, which is wrapped anew.
func (w *Worker) rewrite(ctx context.Context, j *Job, t *turner, v *Version) (Rewritten, outcome, error) {
	r := Rewritten{Path: v.Path, Version: v.Meta.Version, From: v.KEKGen}
	at := seal.Ref{Org: j.Org, Vault: j.Vault, Path: v.Path, Version: v.Meta.Version}
	from, to := kekID(j.Vault, v.KEKGen), kekID(j.Vault, j.To)
	found := moved
	if j.Kind == JobCMEK && v.CMEK {
		full, err := w.s.store.At(ctx, j.Vault, v.Path, v.Meta.Version)
		if fault.Is(err, fault.NotFound) {
			return r, removed, nil
		}
		if err != nil {
			return r, lost, err
		}
		value, err := w.s.sealer.Open(ctx, from, at, full.Box)
		if err != nil {
			return r, lost, passing(err)
		}
		defer value.Wipe()
		next, turned, err := t.turn(value)
		if err != nil {
			return r, lost, err
		}
		if turned == cmek.Turned {
			defer next.Wipe()
			r.Box, err = w.s.sealer.Seal(ctx, to, at, next)
			return r, moved, err
		}
		if turned == cmek.Neither {
			found = unopened
		}
	}
	wrapped, err := w.s.sealer.Rewrap(ctx, from, to, at, v.Box.WrappedDEK)
	var own *seal.OldKeyError
	if errors.As(err, &own) {
		return r, lost, passing(own.Err)
	}
	r.Box.WrappedDEK = wrapped
	return r, found, err
}

// passing returns err unless trying again would not help: the version does not
// open, or its key is not there.
func passing(err error) error {
	switch {
	case fault.CodeOf(err) == seal.CodeOpenFailed, fault.Is(err, fault.NotFound), fault.CodeOf(err) == seal.CodeKeyLost:
		return nil
	}
	return err
}

// turner holds a job's client keys for one turn.
type turner struct{ both secret.Bytes }

func (t *turner) load(ctx context.Context, sl *seal.Sealer, j *Job) (err error) {
	if j.Kind != JobCMEK {
		return nil
	}
	t.both, err = sl.Open(ctx, j.KEK(), j.ref(), j.Keys)
	if err == nil && t.both.Len() != 2*cmek.KeySize {
		err = fault.New(fault.Damaged, seal.CodeOpenFailed, "")
	}
	return err
}

func (t *turner) wipe() { t.both.Wipe() }

func (t *turner) turn(value secret.Bytes) (secret.Bytes, cmek.Outcome, error) {
	both := t.both.Reveal()
	out, found, err := cmek.Turn(value.Reveal(), both[:cmek.KeySize], both[cmek.KeySize:])
	return secret.New(out), found, err
}
