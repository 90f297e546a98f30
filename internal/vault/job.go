package vault

import (
	"context"
	"strconv"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/seal"
)

// JobKind is what a Job does.
type JobKind string

// The kinds. Both move all versions of a vault to a new key-encryption key; the
// first also moves the client's own encryption to a new key of the client.
const (
	JobCMEK  JobKind = "cmek"
	JobRekey JobKind = "rekey"
)

// JobStatus is how far a Job is.
type JobStatus string

// The states, in the words of the contract.
const (
	JobPending   JobStatus = "pending"
	JobRunning   JobStatus = "running"
	JobCompleted JobStatus = "completed"
	JobFailed    JobStatus = "failed"
)

// Job is work on all versions of a vault, done in batches. What is done is in
// the rows themselves (their generation), so a Job can stop anywhere and go on.
type Job struct {
	ID, Org, Vault                 string
	Kind                           JobKind
	Status                         JobStatus
	OldFingerprint, NewFingerprint string   // of the client's keys
	To                             int64    // the generation that all versions get
	Keys                           seal.Box // the client's two keys; empty for JobRekey and once it is over
	Switched                       bool     // new versions are written under To
	CursorPath                     string   // the last version that was looked at
	CursorVersion                  uint64
	Total, Processed               int64
	Unopened                       int64  // of Processed: values that opened with neither client key
	Damaged                        int64  // versions that did not open at all and stay as they are
	Error                          string // for people; names no path and no key
	Holder                         string // who works on it
	CreatedBy                      string // "user:<uuid>"
	CreatedAt                      time.Time
	StartedAt, CompletedAt         time.Time // zero: not yet
}

// KeptJobs bounds the jobs of a kind that a vault remembers.
const KeptJobs = 100

// Begin gives a job the generation after the vault's and after that of its last job: one
// is never used twice, also when a job did not get to its end. A JobCMEK is ErrStale where
// the vault's fingerprint is neither the old one nor, after such a job has failed, the new one.
func (j *Job) Begin(fingerprint string, gen, last int64) error {
	if j.Kind == JobCMEK && fingerprint != j.OldFingerprint && fingerprint != j.NewFingerprint {
		return ErrStale
	}
	j.To = max(gen, last) + 1
	return nil
}

// Dooms are the keys that are destroyed with the job's end: that which the client's keys
// were sealed with, and the vault's from its oldest on that no version needs.
func (j *Job) Dooms(oldest, needed int64) []string {
	ids := KEKs(j.Vault, oldest, needed-1)
	if j.Kind == JobCMEK {
		ids = append(ids, j.KEK())
	}
	return ids
}

// Progress is what a batch adds to a Job.
type Progress struct {
	CursorPath                   string
	CursorVersion                uint64
	Processed, Unopened, Damaged int64
}

// Rewritten is a version whose Box was made anew.
type Rewritten struct {
	Path    string
	Version uint64
	From    int64    // generation that it had
	Box     seal.Box // Ciphertext nil: it stays
}

// JobStore is what jobs need of a database. A method that takes a Job's ID and
// Holder returns ErrJobLost when somebody else works on the job or nobody may
// any more; then it did nothing.
type JobStore interface {
	// SetCMEK changes a vault's fingerprint from was to is; empty is none.
	// ErrStale when it is not was any more, ErrJobRunning while a job of the
	// vault is under way.
	SetCMEK(ctx context.Context, org, vault, was, is string, ev *audit.Event) error
	// CountVersions counts the versions of a vault, or those that a client
	// encrypted.
	CountVersions(ctx context.Context, vault string, cmekOnly bool) (int64, error)
	// AddJob stores a pending job and gives it its generation. For JobCMEK the
	// vault's fingerprint becomes the new one; ErrStale when it is not the old
	// one, nor the new one after such a rotation has failed. ErrJobRunning when
	// the vault has a job under way, NotFound when it is gone.
	AddJob(ctx context.Context, j Job, ev *audit.Event) (Job, error)
	// Job returns fault.NotFound when the vault has none of that kind and id.
	Job(ctx context.Context, vault string, kind JobKind, id string) (Job, error)
	// LastJob returns the newest job of a kind; fault.NotFound when there is none.
	LastJob(ctx context.Context, vault string, kind JobKind) (Job, error)

	// ClaimJob leases the job that has waited longest to holder, if any waits.
	// Each holder is one loop of one process.
	ClaimJob(ctx context.Context, holder string, now, until time.Time) (Job, bool, error)
	// ReleaseJob ends the lease; others may claim the job from then on.
	ReleaseJob(ctx context.Context, j Job, from time.Time) error
	// Remaining returns versions after the job's cursor that have an older
	// generation than the job's, without their ciphertext.
	Remaining(ctx context.Context, j Job, limit int) ([]Version, error)
	// OldestKEK returns the lowest generation among a vault's versions, and else
	// when it has none.
	OldestKEK(ctx context.Context, vault string, otherwise int64) (int64, error)
	// Rewrite stores a batch: rows that still have the generation that they had,
	// and how far the job is now, in one transaction that renews the lease.
	Rewrite(ctx context.Context, j Job, rows []Rewritten, p Progress, until time.Time) error
	// SwitchKEK makes the job's generation the one that the vault writes under:
	// no version of an older one comes after. The cursor goes back to the start.
	SwitchKEK(ctx context.Context, j Job) error
	// WrittenSince returns versions without their Box that a client encrypted, that
	// have the job's generation, come after path and version, and were written at
	// the time or later.
	WrittenSince(ctx context.Context, j Job, since time.Time, path string, version uint64, limit int) ([]Version, error)
	// EndJob ends a job as j says, forgets the client's keys, and schedules for
	// destruction the key that they were sealed with and the vault's keys of
	// generations below oldest.
	EndJob(ctx context.Context, j Job, oldest int64, ev *audit.Event) error
	// PruneJobs removes jobs that ended before. The last of a vault stays when it
	// failed, so that it can be taken up again, and one whose generation the vault
	// has not reached, so that no other gets it.
	PruneJobs(ctx context.Context, before time.Time) error
}

// Faults of jobs.
var (
	// ErrJobRunning says that the vault has a job under way.
	ErrJobRunning = fault.New(fault.Conflict, "job_running", "A rotation of this vault is under way. Wait for its end.")
	// ErrJobLost says that a job is somebody else's now. No caller sees it.
	ErrJobLost = fault.New(fault.Conflict, "job_lost", "Another node works on this job.")
)

// kekID names a generation of a vault's key in the keystore.
func kekID(vault string, gen int64) string {
	if gen == 0 {
		return "vault:" + vault // what every vault begins with
	}
	return "vault:" + vault + ":" + strconv.FormatInt(gen, 10)
}

// KEKs returns the ids of a vault's keys from one generation to another, the
// last included.
func KEKs(vault string, from, to int64) []string {
	var ids []string
	for gen := from; gen <= to; gen++ {
		ids = append(ids, kekID(vault, gen))
	}
	return ids
}

// KEK is the keystore's id of the key that seals the client's keys while the
// job runs. It is destroyed with the job's end, and every copy of them with it.
func (j *Job) KEK() string { return "job:" + j.ID }

// SealOfJob says which key the client's keys of a job are sealed with, and where.
func SealOfJob(org, vault, id string) (kek string, at seal.Ref) {
	j := &Job{Org: org, Vault: vault, ID: id}
	return j.KEK(), j.ref()
}

// ref is the place of the client's keys. No secret has it: a secret's vault is a
// bare UUID.
func (j *Job) ref() seal.Ref {
	return seal.Ref{Org: j.Org, Vault: "job:" + j.Vault, Path: j.ID, Version: 1}
}
