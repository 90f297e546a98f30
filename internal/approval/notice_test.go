package approval_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/approval"
	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/keystore/soft"
	"github.com/oneclaw-dev/oneclaw/internal/netguard"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/seal"
	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/ready"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// office is the service on a real database and keystore, with an organisation
// that has an owner and a vault.
type office struct {
	*approval.Service
	db    *store.DB
	org   string
	owner policy.Principal
	vault string
	told  chan string
	now   atomic.Int64
}

// ApprovalRequested implements approval.Mailer.
func (o *office) ApprovalRequested(_ context.Context, to string, l approval.Letter) error {
	text := to
	for _, n := range l.Notices {
		text += " " + n.Requester + " " + n.Operation + " " + n.Path
	}
	if l.More > 0 {
		text += fmt.Sprint(" and ", l.More, " more")
	}
	o.told <- text
	return nil
}

func (o *office) clock() time.Time { return time.UnixMicro(o.now.Load()) }

func newOffice(t *testing.T, allow string) *office {
	t.Helper()
	dir := ready.Dir(t)
	o := &office{org: ids.New(), vault: ids.New(), told: make(chan string, 10)}
	o.now.Store(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC).UnixMicro())
	keys, err := soft.Open(t.Context(), soft.Config{Dir: filepath.Join(dir, "keys")})
	must(t, err)
	t.Cleanup(func() { must(t, keys.Close()) })
	log := slog.New(slog.DiscardHandler)
	o.db, err = store.Open(t.Context(), store.Config{Dir: dir, Log: log})
	must(t, err)
	t.Cleanup(func() { must(t, o.db.Close()) })
	allowed, err := netguard.ParseAllow(allow)
	must(t, err)
	o.Service = approval.New(approval.Config{
		Store: o.db, Mailer: o, Sealer: seal.New(keys), Keys: keys, Log: log, Now: o.clock,
		Sender: netguard.New(netguard.Config{Allow: allowed}).Client(netguard.Options{}),
	})
	o.owner = policy.Principal{Kind: policy.KindUser, ID: ids.New(), Org: o.org, Role: policy.RoleOwner, Person: o.clock()}
	must(t, o.db.AddUser(t.Context(), identity.Account{
		User: identity.User{ID: o.owner.ID, Email: "owner@example.com", AuthMethod: "password", HomeOrg: o.org, CreatedAt: o.clock()},
		Org:  o.org, Role: policy.RoleOwner, PasswordHash: "none",
	}, "org", nil, o.call(o.owner).Event))
	must(t, o.db.AddVault(t.Context(), vault.Vault{
		ID: o.vault, Org: o.org, Name: "v", CreatedBy: o.owner.ID, CreatedByKind: policy.KindUser, CreatedAt: o.clock(),
	}, o.call(o.owner).Event))
	return o
}

func (o *office) call(who policy.Principal) *call.Call {
	return &call.Call{Who: who, Now: o.clock(), Event: &audit.Event{
		ID: ids.New(), Org: o.org, At: o.clock(), Action: "approval.request", ActorKind: string(who.Kind), ActorID: who.ID,
	}}
}

// ask stores a request of an agent.
func (o *office) ask(t *testing.T) approval.Request {
	t.Helper()
	who := policy.Principal{Kind: policy.KindAgent, ID: ids.New(), Org: o.org, Creator: o.owner.ID}
	must(t, o.db.AddAgent(t.Context(), agent.Agent{
		State: identity.State{ID: who.ID, Org: o.org, Creator: o.owner.ID, Active: true},
		Name:  "agent", AuthMethod: agent.MethodMTLS, CreatedAt: o.clock(),
	}, o.call(o.owner).Event))
	g := vault.Grant{
		ID: ids.New(), Vault: o.vault, Pattern: "**", PrincipalKind: who.Kind, PrincipalID: who.ID, Permissions: []string{"read"},
		Conditions: []byte(`{"require_approval":true}`), CreatedBy: o.owner.ID, CreatedByKind: policy.KindUser, CreatedAt: o.clock(),
	}
	must(t, o.db.AddGrant(t.Context(), o.org, g, o.call(o.owner).Event))
	r, err := o.Ask(t.Context(), o.call(who), approval.Use{
		Org: o.org, Vault: o.vault, Path: "prod/db", Operation: approval.Read, Kind: who.Kind, Principal: who.ID, Human: who.Creator,
	}, policy.Version{ID: g.ID, Revision: 1}, policy.Approval{ValidFor: time.Hour, MaxUses: 1}, "a \"quoted\" reason")
	must(t, err)
	return r
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// run starts the loop, which ends with the test.
func (o *office) run(t *testing.T) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		o.Run(ctx)
	}()
	t.Cleanup(func() {
		stop()
		<-done
	})
}

type delivery struct {
	header http.Header
	body   []byte
}

// receive takes one delivery, or fails the test.
func receive[T any](t *testing.T, from <-chan T, what string) T {
	t.Helper()
	select {
	case d := <-from:
		return d
	case <-time.After(30 * time.Second):
		t.Fatalf("no %s came", what)
		panic("unreachable")
	}
}

func TestANewRequestIsMailedAndCalledOut(t *testing.T) {
	o := newOffice(t, "127.0.0.0/8")
	got := make(chan delivery, 10)
	var refusals atomic.Int64
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- delivery{r.Header, body}
		if refusals.Add(1) == 1 {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	t.Cleanup(hook.Close)
	_, key, err := o.SetWebhook(t.Context(), o.call(o.owner), hook.URL)
	must(t, err)
	r := o.ask(t)
	o.run(t)

	if mail := receive(t, o.told, "mail"); mail != "owner@example.com agent "+r.Principal+" read prod/db" {
		t.Errorf("the mail says %q", mail)
	}
	first := receive(t, got, "call")
	o.now.Add(int64(10 * time.Second / time.Microsecond)) // it was refused: it comes again later
	second := receive(t, got, "second call")
	for _, d := range []delivery{first, second} {
		at, signature, _ := strings.Cut(strings.TrimPrefix(d.header.Get("X-Oneclaw-Signature"), "t="), ",v1=")
		mac := hmac.New(sha256.New, key.Reveal())
		mac.Write([]byte(at + "." + string(d.body)))
		if signature != hex.EncodeToString(mac.Sum(nil)) {
			t.Errorf("the signature %q is not the body's", d.header.Get("X-Oneclaw-Signature"))
		}
		var e map[string]any
		must(t, json.Unmarshal(d.body, &e))
		for field, want := range map[string]any{
			"type": "approval.requested", "approval_request_id": r.ID, "org_id": o.org, "vault_id": o.vault, "secret_path": "prod/db",
			"operation": "read", "requester_type": "agent", "requester_id": r.Principal, "reason": `a "quoted" reason`,
		} {
			if e[field] != want {
				t.Errorf("%s is %v, want %v", field, e[field], want)
			}
		}
		if d.header.Get("X-Oneclaw-Delivery") != r.ID {
			t.Errorf("delivery %q", d.header.Get("X-Oneclaw-Delivery"))
		}
	}
	if len(o.told) != 0 {
		t.Error("the mail went out twice")
	}
}

func TestAWebhookReachesNoPrivateAddress(t *testing.T) {
	o := newOffice(t, "")
	called := make(chan struct{}, 10)
	hook := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called <- struct{}{} }))
	t.Cleanup(hook.Close)
	_, _, err := o.SetWebhook(t.Context(), o.call(o.owner), hook.URL)
	must(t, err)
	o.ask(t)
	o.run(t)
	receive(t, o.told, "mail")
	// The call is tried right after the mail. Once its next try is noted, it has failed.
	for due := false; !due; {
		_, _, found, err := o.db.ClaimNotice(t.Context(), o.clock().Add(3*time.Second), o.clock().Add(3*time.Second))
		must(t, err)
		due = found
	}
	if len(called) != 0 {
		t.Error("a webhook on a loopback address was called")
	}
}

// A webhook that hangs keeps nobody else's mails.
func TestMailsDoNotWaitForWebhooks(t *testing.T) {
	o := newOffice(t, "127.0.0.0/8")
	hang := make(chan struct{})
	var ended atomic.Int64
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		select {
		case <-hang:
		case <-r.Context().Done():
			ended.Add(1)
		}
	}))
	t.Cleanup(hook.Close)
	t.Cleanup(func() { close(hang) })
	_, _, err := o.SetWebhook(t.Context(), o.call(o.owner), hook.URL)
	must(t, err)
	for range 8 {
		o.ask(t)
	}
	o.run(t)
	if mail := receive(t, o.told, "mail"); strings.Count(mail, "prod/db") != 8 {
		t.Errorf("one mail tells of all: %q", mail)
	}
	if ended.Load() != 0 {
		t.Error("a mail waited until a call was given up")
	}
}

func TestARequestThatWasDecidedIsNotAnnounced(t *testing.T) {
	o := newOffice(t, "")
	r := o.ask(t)
	_, err := o.Decide(t.Context(), o.call(o.owner), r.ID, false, "")
	must(t, err)
	o.ask(t)
	o.run(t)
	if mail := receive(t, o.told, "mail"); strings.Contains(mail, r.Principal) {
		t.Errorf("told of a decided request: %s", mail)
	}
}

// Many requests make one mail to each human, and while they come, few mails.
func TestManyRequestsMakeFewMails(t *testing.T) {
	o := newOffice(t, "")
	for range 25 {
		o.ask(t)
	}
	o.run(t)
	if mail := receive(t, o.told, "mail"); strings.Count(mail, "prod/db") != 20 || !strings.HasSuffix(mail, " and 5 more") {
		t.Errorf("the first mail is %q", mail)
	}
	for range 7 {
		o.ask(t)
	}
	// They wait for the next round: once the queue says so, nothing was sent.
	for due := true; due; {
		_, found, err := o.db.ClaimMails(t.Context(), o.clock(), o.clock().Add(time.Minute))
		must(t, err)
		due = found
	}
	if len(o.told) != 0 {
		t.Errorf("a second mail came at once: %q", <-o.told)
	}
	o.now.Add(int64(30 * time.Second / time.Microsecond))
	if mail := receive(t, o.told, "mail"); strings.Count(mail, "prod/db") != 7 {
		t.Errorf("the second mail is %q", mail)
	}
}
