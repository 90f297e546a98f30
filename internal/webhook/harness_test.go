package webhook_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/netguard"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
	"github.com/oneclaw-dev/oneclaw/internal/webhook"
)

// onBoth runs a test on each database.
func onBoth(t *testing.T, test func(t *testing.T, o *office)) {
	for name, postgres := range map[string]bool{"sqlite": false, "postgres": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			allowed, err := netguard.ParseAllow("127.0.0.0/8")
			must(t, err)
			w := world.Open(t, func(s *world.Setup) {
				s.Postgres = postgres
				s.Webhooks = netguard.New(netguard.Config{Allow: allowed}).Client(netguard.Options{})
			})
			test(t, &office{World: w, owner: w.Owner("owner")})
		})
	}
}

type office struct {
	*world.World
	owner policy.Principal
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// hook makes one and returns the secret of its calls.
func (o *office) hook(t *testing.T, url string, events ...string) (webhook.Hook, string) {
	t.Helper()
	h, key, err := o.Webhooks.Create(t.Context(), o.Call(o.owner, policy.CreateHook), webhook.Draft{URL: url, Events: events})
	must(t, err)
	defer key.Wipe()
	return h, string(key.Reveal())
}

// happens puts events into the organisation's log, in this order.
func (o *office) happens(t *testing.T, actions ...string) []*audit.Event {
	t.Helper()
	out := make([]*audit.Event, len(actions))
	for i, a := range actions {
		out[i] = &audit.Event{
			ID: ids.New(), Org: o.owner.Org, At: o.Clock.Now(), Action: a, ActorKind: "user", ActorID: o.owner.ID,
			ResourceType: "secret", ResourceID: ids.New(), Details: audit.Details{Outcome: audit.Success, Path: "prod/db"},
		}
		must(t, o.DB.Append(t.Context(), out[i]))
	}
	return out
}

// crowd puts very many events of one action into the log.
func (o *office) crowd(t *testing.T, action string, n int) {
	t.Helper()
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for range n / 16 {
				ev := &audit.Event{ID: ids.New(), Org: o.owner.Org, At: o.Clock.Now(), Action: action, Details: audit.Details{Outcome: audit.Success}}
				if err := o.DB.Append(context.Background(), ev); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}

// run starts the loop, which ends with the test.
func run(t *testing.T, s *webhook.Service) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Run(ctx)
	}()
	t.Cleanup(func() {
		stop()
		<-done
	})
}

// told is one call.
type told struct {
	at     string // the path
	header http.Header
	body   []byte
	ID     string          `json:"id"`
	Type   string          `json:"type"`
	Hook   string          `json:"webhook_id"`
	Org    string          `json:"org_id"`
	Log    string          `json:"log"`
	Seq    uint64          `json:"seq"`
	Missed uint64          `json:"skipped"`
	Event  json.RawMessage `json:"event"`
}

// signed reports whether a call carries the signature of docs/webhooks.md.
func (c *told) signed(key string) bool {
	at, signature, _ := strings.Cut(strings.TrimPrefix(c.header.Get("X-Oneclaw-Signature"), "t="), ",v1=")
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(at + "." + string(c.body)))
	return signature == hex.EncodeToString(mac.Sum(nil))
}

// receiver notes its calls and answers as it is told to.
type receiver struct {
	URL   string
	calls chan told
}

func receive(t *testing.T, answer func(c told) int) *receiver {
	t.Helper()
	r := &receiver{calls: make(chan told, 5000)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		c := told{at: req.URL.Path, header: req.Header, body: body}
		if err := json.Unmarshal(body, &c); err != nil {
			t.Error(err)
		}
		status := answer(c)
		r.calls <- c
		w.WriteHeader(status)
	}))
	t.Cleanup(server.Close)
	r.URL = server.URL
	return r
}

func takes(told) int { return http.StatusNoContent }

// next waits for a call.
func (r *receiver) next(t *testing.T) told {
	t.Helper()
	select {
	case c := <-r.calls:
		return c
	case <-time.After(60 * time.Second):
		t.Fatal("no call came")
		panic("unreachable")
	}
}

// await looks again until a hook is as it should be.
func (o *office) await(t *testing.T, id string, is func(webhook.Hook) bool) webhook.Hook {
	t.Helper()
	for late := time.After(60 * time.Second); ; {
		h, err := o.Webhooks.Get(t.Context(), o.Call(o.owner, policy.ReadHook), id)
		must(t, err)
		if is(h) {
			return h
		}
		select {
		case <-late:
			t.Fatalf("the webhook stays %+v", h.State)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
