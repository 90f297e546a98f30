package approval_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/approval"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/netguard"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/signedcall"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// office is the service of a world, with an organisation that has an owner and a
// vault.
type office struct {
	*approval.Service
	w     *world.World
	owner policy.Principal
	vault string
}

// newOffice makes one whose webhooks may be at the addresses that allow names.
func newOffice(t *testing.T, allow string) *office {
	t.Helper()
	allowed, err := netguard.ParseAllow(allow)
	must(t, err)
	w := world.Open(t, func(s *world.Setup) {
		s.Webhooks = netguard.New(netguard.Config{Allow: allowed}).Client(netguard.Options{})
	})
	owner := w.Owner("owner")
	return &office{Service: w.Approvals, w: w, owner: owner, vault: w.NewVault(owner, "v")}
}

func (o *office) call(who policy.Principal) *call.Call { return o.w.Call(who, policy.RequestApproval) }

// mail waits for the n-th mail and returns whom it went to and what it tells.
func (o *office) mail(t *testing.T, n int) string {
	t.Helper()
	m := o.w.Mail.Await(t, world.Approve, n)
	text := m.To
	for _, n := range m.Approval.Notices {
		text += " " + n.Requester + " " + n.Operation + " " + n.Path
	}
	if m.Approval.More > 0 {
		text += fmt.Sprint(" and ", m.Approval.More, " more")
	}
	return text
}

// ask stores a request of an agent.
func (o *office) ask(t *testing.T) approval.Request {
	t.Helper()
	return o.asks(t, "a \"quoted\" reason")
}

func (o *office) asks(t *testing.T, reason string) approval.Request {
	t.Helper()
	who := o.w.Agent(o.owner)
	g, err := o.w.Vault.Grant(t.Context(), o.w.Call(o.w.Here(o.owner), policy.CreatePolicy), o.vault, vault.Grant{
		Pattern: "**", PrincipalKind: who.Kind, PrincipalID: who.ID, Permissions: []string{"read"}, Conditions: []byte(`{"require_approval":true}`),
	})
	must(t, err)
	r, err := o.Ask(t.Context(), o.call(who), approval.Use{
		Org: o.owner.Org, Vault: o.vault, Path: "prod/db", Operation: approval.Read, Kind: who.Kind, Principal: who.ID, Human: who.Creator,
	}, policy.Version{ID: g.ID, Revision: 1}, policy.Approval{ValidFor: time.Hour, MaxUses: 1}, reason)
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

	if mail := o.mail(t, 1); mail != "owner@example.com agent "+r.Principal+" read prod/db" {
		t.Errorf("the mail says %q", mail)
	}
	first := receive(t, got, "call")
	o.w.Clock.Forward(10 * time.Second) // it was refused: it comes again later
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
			"type": "approval.requested", "approval_request_id": r.ID, "org_id": o.owner.Org, "vault_id": o.vault, "secret_path": "prod/db",
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
	if len(o.w.Mail.Letters(world.Approve)) != 1 {
		t.Error("the mail went out twice")
	}
}

// How the latest call went is kept with the webhook, and tells no more than its kind.
func TestTheWebhookShowsHowItsLatestCallWent(t *testing.T) {
	o := newOffice(t, "127.0.0.0/8")
	var answers atomic.Int64
	answers.Store(http.StatusTeapot)
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(int(answers.Load())) }))
	t.Cleanup(hook.Close)
	_, key, err := o.SetWebhook(t.Context(), o.call(o.owner), hook.URL)
	must(t, err)
	key.Wipe()
	o.ask(t)
	o.run(t)
	await := func(status int) signedcall.Last {
		t.Helper()
		for late := time.After(30 * time.Second); ; {
			w, err := o.Webhook(t.Context(), o.call(o.owner))
			must(t, err)
			if w.Last.Status == status {
				return w.Last
			}
			select {
			case <-late:
				t.Fatalf("the webhook shows %+v", w.Last)
			case <-time.After(10 * time.Millisecond):
			}
		}
	}
	if l := await(http.StatusTeapot); l.Error != signedcall.BadStatus || !l.DeliveredAt.IsZero() || l.CalledAt.IsZero() {
		t.Errorf("after a refusal: %+v", l)
	}
	answers.Store(http.StatusNoContent)
	o.w.Clock.Forward(10 * time.Second)
	if l := await(http.StatusNoContent); l.Error != "" || l.DeliveredAt.IsZero() {
		t.Errorf("after it was taken: %+v", l)
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
	o.mail(t, 1)
	// The call is tried right after the mail. Once its next try is noted, it has failed.
	for due := false; !due; {
		_, _, found, err := o.w.DB.ClaimNotice(t.Context(), o.w.Clock.Now().Add(3*time.Second), o.w.Clock.Now().Add(3*time.Second))
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
	if mail := o.mail(t, 1); strings.Count(mail, "prod/db") != 8 {
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
	if mail := o.mail(t, 1); strings.Contains(mail, r.Principal) {
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
	if mail := o.mail(t, 1); strings.Count(mail, "prod/db") != 20 || !strings.HasSuffix(mail, " and 5 more") {
		t.Errorf("the first mail is %q", mail)
	}
	for range 7 {
		o.ask(t)
	}
	// They wait for the next round: once the queue says so, nothing was sent.
	for due := true; due; {
		_, found, err := o.w.DB.ClaimMails(t.Context(), o.w.Clock.Now(), o.w.Clock.Now().Add(time.Minute))
		must(t, err)
		due = found
	}
	if n := len(o.w.Mail.Letters(world.Approve)); n != 1 {
		t.Errorf("a second mail came at once: %q", o.mail(t, 2))
	}
	o.w.Clock.Forward(30 * time.Second)
	if mail := o.mail(t, 2); strings.Count(mail, "prod/db") != 7 {
		t.Errorf("the second mail is %q", mail)
	}
}

// TestALetterNamesWhatIsAsked: who, where and why in words; a reason that could lead people
// somewhere is left out, and said to be.
func TestALetterNamesWhatIsAsked(t *testing.T) {
	for name, c := range map[string]struct{ reason, shown string }{
		"a reason":            {`deploy v1.2, ticket 41: "now"`, `deploy v1.2, ticket 41: "now"`},
		"none":                {"", ""},
		"a link":              {"look at https://evil.example/x", ""},
		"a bare host":         {"look at evil.example", ""},
		"an address":          {"ask me@evil", ""},
		"a number for a host": {"look at 192.0.2.1", ""},
		"letters turned":      {"a \u202e b", ""},
		"letters alike":       {"\u0430pproved by security", ""},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t, "")
			o.asks(t, c.reason)
			o.run(t)
			n := o.w.Mail.Await(t, world.Approve, 1).Approval.Notices[0]
			if n.VaultName != "v" || n.RequesterName == "" || n.Reason != c.shown || n.ReasonHidden != (c.reason != c.shown) {
				t.Errorf("%+v", n)
			}
		})
	}
}
