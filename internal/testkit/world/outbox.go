package world

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/approval"
	"github.com/oneclaw-dev/oneclaw/internal/sharing"
	"github.com/oneclaw-dev/oneclaw/internal/wanted"
)

// The kinds of letters.
const (
	Verify   = "verify"
	Reset    = "reset"
	Notice   = "notice"
	Invited  = "invite"
	Enroll   = "enroll"
	Approve  = "approve"
	Wants    = "wants"
	Received = "share_received"
	Accessed = "share_accessed"
)

// Letter is a mail. Fields that its kind does not have are zero.
type Letter struct {
	Kind, To string
	Token    string // what its link holds
	ID       string // of a share
	By       string // the address of who shares or invites, or where an agent came from
	What     string // what was done to an account; the name of an agent
	Key      string // of an agent that asks to be taken in
	Agent    string // that agent's id
	Times    int64  // how often a share was read
	Of       string // what the mail about that says it is: its path, vault and recipient
	Approval *approval.Letter
	Wanted   *wanted.Letter
}

// Outbox takes the mails of all services and keeps them. It may be used by many
// goroutines.
type Outbox struct {
	mu      sync.Mutex
	letters []Letter
	came    chan struct{} // closed and made anew with every letter
	none    int
	failure error
}

func newOutbox() *Outbox { return &Outbox{came: make(chan struct{})} }

func (o *Outbox) put(l Letter) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.failure != nil {
		return o.failure
	}
	o.letters = append(o.letters, l)
	close(o.came)
	o.came = make(chan struct{})
	return nil
}

// Fail makes every mail from now on fail with err; nil: none fails.
func (o *Outbox) Fail(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.failure = err
}

// Letters returns the mails of a kind, oldest first; of every kind when it is empty.
func (o *Outbox) Letters(kind string) []Letter {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(o.letters), func(l Letter) bool { return kind != "" && l.Kind != kind })
}

// Await waits for the n-th mail of a kind, counted from 1, and returns it.
func (o *Outbox) Await(t testing.TB, kind string, n int) Letter {
	t.Helper()
	late := time.After(30 * time.Second)
	for {
		o.mu.Lock()
		came := o.came
		o.mu.Unlock()
		if all := o.Letters(kind); len(all) >= n {
			return all[n-1]
		}
		select {
		case <-came:
		case <-late:
			t.Fatalf("no mail number %d of the kind %s came", n, kind)
		}
	}
}

// Token returns what the newest mail to an address holds, or nothing.
func (o *Outbox) Token(kind, to string) string {
	token := ""
	for _, l := range o.Letters(kind) {
		if l.To == to {
			token = l.Token
		}
	}
	return token
}

// None counts the mails that were asked for and not to be sent.
func (o *Outbox) None() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.none
}

// VerifyEmail implements account.Mailer.
func (o *Outbox) VerifyEmail(_ context.Context, to, token string) error {
	return o.put(Letter{Kind: Verify, To: to, Token: token})
}

// EnrollAgent implements agent.Mailer.
func (o *Outbox) EnrollAgent(_ context.Context, to, name, from, id, key, token string) error {
	return o.put(Letter{Kind: Enroll, To: to, What: name, By: from, Agent: id, Key: key, Token: token})
}

// ResetPassword implements account.Mailer.
func (o *Outbox) ResetPassword(_ context.Context, to, token string) error {
	return o.put(Letter{Kind: Reset, To: to, Token: token})
}

// AccountNotice implements account.Mailer.
func (o *Outbox) AccountNotice(_ context.Context, to, what string, _ time.Time) error {
	return o.put(Letter{Kind: Notice, To: to, What: what})
}

// NoMail implements account.Mailer.
func (o *Outbox) NoMail(context.Context) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.none++
	return o.failure
}

// Invite implements org.Mailer.
func (o *Outbox) Invite(_ context.Context, to, from, token string, _ time.Time) error {
	return o.put(Letter{Kind: Invited, To: to, By: from, Token: token})
}

// ApprovalRequested implements approval.Mailer.
func (o *Outbox) ApprovalRequested(_ context.Context, to string, l approval.Letter) error {
	return o.put(Letter{Kind: Approve, To: to, Approval: &l})
}

// SecretsWanted implements wanted.Mailer.
func (o *Outbox) SecretsWanted(_ context.Context, to string, l wanted.Letter) error {
	return o.put(Letter{Kind: Wants, To: to, Wanted: &l})
}

// ShareReceived implements sharing.Mailer.
func (o *Outbox) ShareReceived(_ context.Context, to, id, proof, by string, _ time.Time) error {
	return o.put(Letter{Kind: Received, To: to, ID: id, Token: proof, By: by})
}

// ShareAccessed implements sharing.Mailer.
func (o *Outbox) ShareAccessed(_ context.Context, to string, n sharing.Notice) error {
	return o.put(Letter{Kind: Accessed, To: to, ID: n.ID, Times: n.Times, Of: strings.TrimSpace(n.Path + " in " + n.VaultName + " for " + string(n.Type) + " " + n.Recipient)})
}
