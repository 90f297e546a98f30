package client_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oneclaw-dev/oneclaw/client"
)

// script is a transport that answers with one step a request, without a network,
// so that waits run on the fake clock of synctest.
type script struct {
	steps []step
	calls int
}

type step struct {
	status int
	after  string // Retry-After
	err    error
	body   string
}

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	if s.calls >= len(s.steps) {
		return nil, errors.New("one request too many")
	}
	st := s.steps[s.calls]
	s.calls++
	if st.err != nil {
		return nil, st.err
	}
	h := http.Header{}
	if st.after != "" {
		h.Set("Retry-After", st.after)
	}
	if st.body == "" {
		st.body = "{}"
	}
	return &http.Response{StatusCode: st.status, Header: h, Body: io.NopCloser(strings.NewReader(st.body)), Request: r}, nil
}

func TestRetries(t *testing.T) {
	const tooSoon = `{"status":429,"code":"rate_limited"}`
	lost := errors.New("connection reset")
	get := func(ctx context.Context, c *client.Client) error { _, err := c.Vaults(ctx); return err }
	put := func(ctx context.Context, c *client.Client) error {
		_, err := c.PutSecret(ctx, "v", "a", client.ValueOf("x"), client.PutOptions{})
		return err
	}
	post := func(ctx context.Context, c *client.Client) error { _, err := c.CreateVault(ctx, "n", ""); return err }
	del := func(ctx context.Context, c *client.Client) error { return c.DeleteSecret(ctx, "v", "a") }
	for name, tc := range map[string]struct {
		call   func(context.Context, *client.Client) error
		steps  []step
		calls  int
		status int // of the error; -1 = no error
		waited time.Duration
	}{
		"a read survives two failures":               {get, []step{{status: 503}, {err: lost}, {status: 200}}, 3, -1, 500 * time.Millisecond},
		"a read gives up after three tries":          {get, []step{{status: 502}, {status: 502}, {status: 504}}, 3, 504, 500 * time.Millisecond},
		"a read waits as long as it is told":         {get, []step{{status: 429, after: "7"}, {status: 200}}, 2, -1, 7 * time.Second},
		"a read does not wait for minutes":           {get, []step{{status: 429, after: "600"}}, 1, 429, 0},
		"429 without Retry-After is not repeated":    {get, []step{{status: 429}}, 1, 429, 0},
		"a refusal is not repeated":                  {get, []step{{status: 403}}, 1, 403, 0},
		"a fault of the server is not repeated":      {get, []step{{status: 500}}, 1, 500, 0},
		"a write of a secret is sent once":           {put, []step{{err: lost}}, 1, 0, 0},
		"a write is sent once though 503":            {put, []step{{status: 503}}, 1, 503, 0},
		"a write that came too soon waits":           {put, []step{{status: 429, after: "2", body: tooSoon}, {status: 200}}, 2, -1, 2 * time.Second},
		"a write that is refused with 429 otherwise": {put, []step{{status: 429, after: "2"}}, 1, 429, 0},
		"a creation is sent once":                    {post, []step{{err: lost}}, 1, 0, 0},
		"a delete is repeated":                       {del, []step{{status: 503}, {status: 204}}, 2, -1, 100 * time.Millisecond},
		"a delete whose answer was lost is done":     {del, []step{{err: lost}, {status: 404}}, 2, -1, 100 * time.Millisecond},
		"a delete of nothing is an error":            {del, []step{{status: 404}}, 1, 404, 0},
		"404 after a 503 is an error: nothing done":  {del, []step{{status: 503}, {status: 404}}, 2, 404, 100 * time.Millisecond},
		"a fixed token that is refused stays so":     {get, []step{{status: 401}}, 1, 401, 0},
		"a reply that is not JSON is not asked anew": {get, []step{{status: 200, body: "<html>"}}, 1, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{steps: tc.steps}
				c := dial(t, "https://h", client.WithToken("t"), client.WithHTTPClient(&http.Client{Transport: s}))
				start := time.Now()
				err := tc.call(t.Context(), c)
				if d := time.Since(start); d != tc.waited {
					t.Errorf("waited %v, want %v", d, tc.waited)
				}
				if s.calls != tc.calls {
					t.Errorf("%d requests, want %d", s.calls, tc.calls)
				}
				e, isErr := errors.AsType[*client.Error](err)
				switch {
				case tc.status == -1 && err != nil:
					t.Errorf("err = %v", err)
				case tc.status != -1 && (!isErr || e.Status != tc.status):
					t.Errorf("err = %v, want status %d", err, tc.status)
				}
			})
		})
	}
}

func TestAWaitEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{steps: []step{{status: 429, after: "20"}}}
		c := dial(t, "https://h", client.WithHTTPClient(&http.Client{Transport: s}))
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		_, err := c.Vaults(ctx)
		if e, ok := errors.AsType[*client.Error](err); !ok || e.RetryAfter != 20*time.Second {
			t.Errorf("err = %v", err)
		}
		if s.calls != 1 {
			t.Errorf("%d requests", s.calls)
		}
	})
}

func TestErrors(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		body   string
		want   client.Error
	}{
		"a problem": {404, `{"type":"about:blank","title":"Not Found","status":404,"detail":"No such vault."}`,
			client.Error{Status: 404, Type: "about:blank", Title: "Not Found", Detail: "No such vault.", Code: "not_found", RequestID: "r1"}},
		"a named problem": {403, `{"type":"resource_limit_exceeded","title":"Forbidden","detail":"Vault limit"}`,
			client.Error{Status: 403, Type: "resource_limit_exceeded", Title: "Forbidden", Detail: "Vault limit", Code: "resource_limit_exceeded", RequestID: "r1"}},
		"a problem named by URN": {410, `{"type":"urn:oneclaw:error:secret_expired"}`,
			client.Error{Status: 410, Type: "urn:oneclaw:error:secret_expired", Title: "Gone", Code: "secret_expired", RequestID: "r1"}},
		"a code of its own": {400, `{"code":"bad_path","message":"m","request_id":"r2"}`,
			client.Error{Status: 400, Type: "about:blank", Title: "Bad Request", Detail: "m", Code: "bad_path", RequestID: "r2"}},
		"only an error text": {401, `{"error":"e"}`,
			client.Error{Status: 401, Type: "about:blank", Title: "Unauthorized", Detail: "e", Code: "unauthorized", RequestID: "r1"}},
		"a page of some proxy": {403, `<html>no</html>`,
			client.Error{Status: 403, Type: "about:blank", Title: "Forbidden", Code: "forbidden", RequestID: "r1"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("X-Request-Id", "r1")
				w.WriteHeader(tc.status)
				_, _ = io.WriteString(w, tc.body)
			}))
			defer s.Close()
			_, err := dial(t, s.URL).Vaults(t.Context())
			e, ok := errors.AsType[*client.Error](err)
			if !ok || *e != tc.want {
				t.Errorf("err = %+v, want %+v", e, tc.want)
			}
		})
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("the request went to another host")
	}))
	defer other.Close()
	s := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	defer s.Close()
	c := dial(t, s.URL, client.WithToken("t"), client.WithHTTPClient(&http.Client{}))
	_, err := c.PutSecret(t.Context(), "v", "a", client.ValueOf("x"), client.PutOptions{})
	if !client.IsStatus(err, http.StatusTemporaryRedirect) {
		t.Errorf("err = %v", err)
	}
}

func TestAReplyWithoutEndIsCutOff(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b := []byte(strings.Repeat(" ", 1<<20))
		for r.Context().Err() == nil {
			if _, err := w.Write(b); err != nil {
				return
			}
		}
	}))
	defer s.Close()
	_, err := dial(t, s.URL).Vaults(t.Context())
	if e, ok := errors.AsType[*client.Error](err); !ok || e.Code != client.CodeBadReply {
		t.Errorf("err = %v", err)
	}
}

func TestAServerThatIsNotThere(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	s.Close()
	_, err := dial(t, s.URL).GetSecret(t.Context(), "v", "path-in-question")
	e, ok := errors.AsType[*client.Error](err)
	if !ok || e.Code != client.CodeUnreachable || !strings.Contains(err.Error(), s.URL) {
		t.Fatalf("err = %v", err)
	}
	if strings.Contains(err.Error(), "path-in-question") {
		t.Errorf("the error shows the path: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := dial(t, s.URL).Vaults(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v, want context.Canceled in it", err)
	}
}

func TestListingFollowsTheCursor(t *testing.T) {
	asked := []string{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cur := r.URL.Query().Get("cursor")
		asked = append(asked, cur)
		n, _ := strconv.Atoi(cur)
		next := ""
		if n < 2 {
			next = `,"next_cursor":"` + strconv.Itoa(n+1) + `"`
		}
		_, _ = io.WriteString(w, `{"secrets":[{"path":"a`+strconv.Itoa(n)+`"},{"path":"b`+strconv.Itoa(n)+`"}]`+next+`}`)
	}))
	defer s.Close()
	all, err := dial(t, s.URL).ListSecrets(t.Context(), "v", "")
	if err != nil || len(all) != 6 || all[5].Path != "b2" || strings.Join(asked, ",") != ",1,2" {
		t.Errorf("got %d secrets after cursors %q, %v", len(all), asked, err)
	}
	for _, err := range dial(t, s.URL).Secrets(t.Context(), "v", "") {
		if err != nil {
			t.Error(err)
		}
		break
	}
	if len(asked) != 4 {
		t.Errorf("a loop that ends early asked for %d pages", len(asked)-3)
	}
}

func TestAListingThatGoesInCirclesEnds(t *testing.T) {
	c, _ := recorder(t, 200, `{"secrets":[{"path":"a"}],"next_cursor":"x"}`)
	if _, err := c.ListSecrets(t.Context(), "v", ""); err == nil {
		t.Error("no error")
	}
}

func TestAuditAllGivesEachEventOnce(t *testing.T) {
	log := []string{"5", "4", "3", "2", "1"}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		off, _ := strconv.Atoi(r.URL.Query().Get("offset"))
		part := log[min(off, len(log)):min(off+2, len(log))]
		ids := []string{}
		for _, id := range part {
			ids = append(ids, `{"id":"`+id+`"}`)
		}
		_, _ = io.WriteString(w, `{"events":[`+strings.Join(ids, ",")+`]}`)
		if off == 0 { // a new event pushes the others back
			log = append([]string{"6"}, log...)
		}
	}))
	defer s.Close()
	got := ""
	for e, err := range dial(t, s.URL).AuditAll(t.Context(), client.AuditFilter{Limit: 2}) {
		if err != nil {
			t.Fatal(err)
		}
		got += e.ID
	}
	if got != "54321" {
		t.Errorf("events %s", got)
	}
}
