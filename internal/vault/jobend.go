package vault

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/cmek"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/seal"
	"github.com/oneclaw-dev/oneclaw/internal/stamp"
)

// What the event of a job's end says of the vault's keys of before.
const (
	reasonDestroyed = "old_key_destroyed" // scheduled for destruction with the event; tried again until it is gone
	reasonKept      = "old_key_kept"      // a version needs one of them still
)

// clocksApart bounds how far the clocks of nodes are apart, and how long a write
// may take.
const clocksApart = 5 * time.Minute

// end closes the job. why is empty when it did all that it had to do.
func (w *Worker) end(ctx context.Context, j *Job, why string) (over bool, err error) {
	oldest, err := w.s.store.OldestKEK(ctx, j.Vault, j.To)
	if err != nil {
		return false, err
	}
	j.Status, j.Error = JobCompleted, why
	if j.Error != "" {
		j.Status = JobFailed
	}
	if !j.Switched {
		oldest = 0 // nothing may be destroyed: the vault still writes under the old key
	}
	j.CompletedAt = stamp.Of(w.now())
	err = w.s.store.EndJob(ctx, *j, oldest, j.ended(oldest))
	return err == nil, err
}

// ended is the event of the job's end: who began it has done this. It comes from
// no address.
func (j *Job) ended(oldest int64) *audit.Event {
	ev := &audit.Event{
		ID: ids.New(), Org: j.Org, At: j.CompletedAt, Action: string(policy.RekeyVault), ResourceType: "vault", ResourceID: j.Vault,
		Details: audit.Details{Outcome: audit.Success, Reason: reasonDestroyed, Vault: j.Vault, Target: "job:" + j.ID},
	}
	ev.ActorKind, ev.ActorID, _ = strings.Cut(j.CreatedBy, ":")
	if j.Kind == JobCMEK {
		ev.Action = string(policy.RotateCMEK)
	}
	if j.Status == JobFailed {
		ev.Details.Outcome = audit.Failed
	}
	if oldest < j.To {
		ev.Details.Reason = reasonKept
	}
	return ev
}

// late counts values that a client has encrypted with its old key after the vault
// had switched. They are not turned: their place was sealed for under the vault's
// present key already. The same rotation once more turns them.
func (w *Worker) late(ctx context.Context, j *Job, t *turner) (n int64, err error) {
	if j.Kind != JobCMEK {
		return 0, nil
	}
	since, from := j.CreatedAt.Add(-clocksApart), Version{}
	renew := w.now().Add(leaseTime / 4)
	for {
		rows, err := w.s.store.WrittenSince(ctx, *j, since, from.Path, from.Meta.Version, batchRows)
		if err != nil || len(rows) == 0 {
			return n, err
		}
		for i := range rows {
			old, err := w.underOldKey(ctx, j, t, &rows[i])
			if err != nil {
				return n, err
			}
			if old {
				n++
			}
		}
		if ctx.Err() != nil {
			return n, ctx.Err()
		}
		from = rows[len(rows)-1]
		if now := w.now(); now.After(renew) { // nothing changes but the lease
			p := Progress{CursorPath: j.CursorPath, CursorVersion: j.CursorVersion}
			if err := w.s.store.Rewrite(ctx, *j, nil, p, now.Add(leaseTime)); err != nil {
				return n, err
			}
			renew = now.Add(leaseTime / 4)
		}
	}
}

func (w *Worker) underOldKey(ctx context.Context, j *Job, t *turner, v *Version) (bool, error) {
	at := seal.Ref{Org: j.Org, Vault: j.Vault, Path: v.Path, Version: v.Meta.Version}
	full, err := w.s.store.At(ctx, j.Vault, v.Path, v.Meta.Version)
	if fault.Is(err, fault.NotFound) {
		return false, nil // removed meanwhile
	}
	if err != nil {
		return false, err
	}
	value, err := w.s.sealer.Open(ctx, kekID(j.Vault, full.KEKGen), at, full.Box)
	if err != nil {
		return false, passing(err)
	}
	defer value.Wipe()
	next, found, err := t.turn(value)
	next.Wipe()
	return found == cmek.Turned, err
}

// complaint says what a job could not do, without naming what the reader may
// not see.
func (j *Job) complaint(late int64) string {
	var all []string
	if j.Unopened > 0 {
		all = append(all, fmt.Sprintf("%d of %d values open with neither key and were left as they were.", j.Unopened, j.Processed))
	}
	if late > 0 {
		all = append(all, fmt.Sprintf("%d values were written with the old key after the vault had moved, and are still under it: ask for this rotation again with the same keys.", late))
	}
	if j.Damaged > 0 {
		all = append(all, fmt.Sprintf("%d stored versions do not open at all; the vault's old key is kept for them.", j.Damaged))
	}
	return strings.Join(all, " ")
}

// Prune removes jobs that ended long ago.
func (w *Worker) Prune(ctx context.Context) {
	if err := w.s.store.PruneJobs(ctx, w.now().Add(-keepJobs)); err != nil && ctx.Err() == nil {
		w.s.log.Warn("jobs that ended long ago could not be removed", slog.Any("error", err))
	}
}
