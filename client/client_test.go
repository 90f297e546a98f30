package client_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/client"
)

// seen is one request as the server got it.
type seen struct {
	method, path, query, auth, agent string
	body                             map[string]any
}

// recorder answers every request with reply and keeps what came.
func recorder(t *testing.T, status int, reply string) (*client.Client, *[]seen) {
	t.Helper()
	var got []seen
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := seen{method: r.Method, path: r.URL.EscapedPath(), query: r.URL.RawQuery,
			auth: r.Header.Get("Authorization"), agent: r.UserAgent()}
		if b, _ := io.ReadAll(r.Body); len(b) > 0 {
			if err := json.Unmarshal(b, &q.body); err != nil {
				t.Errorf("body is not JSON: %v", err)
			}
		}
		got = append(got, q)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, reply)
	}))
	t.Cleanup(s.Close)
	return dial(t, s.URL, client.WithToken("tok")), &got
}

func dial(t *testing.T, base string, opts ...client.Option) *client.Client {
	t.Helper()
	c, err := client.New(base, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestBaseURL(t *testing.T) {
	for name, tc := range map[string]struct {
		base string
		opts []client.Option
		ok   bool
	}{
		"https anywhere":                       {base: "https://vault.example.com", ok: true},
		"plain http to an IPv4 loopback":       {base: "http://127.0.0.1:8210/", ok: true},
		"plain http to an IPv6 loopback":       {base: "http://[::1]:8210", ok: true},
		"plain http to localhost":              {base: "http://localhost:8210", ok: true},
		"plain http elsewhere is refused":      {base: "http://vault.example.com"},
		"a name that starts like a loopback":   {base: "http://127.0.0.1.example.com"},
		"plain http elsewhere when allowed":    {base: "http://10.0.0.7", opts: []client.Option{client.WithPlainHTTP()}, ok: true},
		"another scheme":                       {base: "ftp://127.0.0.1"},
		"no scheme":                            {base: "127.0.0.1:8210"},
		"a user in it":                         {base: "https://u:p@host"},
		"a query in it":                        {base: "https://host?x=1"},
		"nothing":                              {base: ""},
		"a token with a line end is refused":   {base: "https://host", opts: []client.Option{client.WithToken("a\n")}},
		"two credentials are refused":          {base: "https://host", opts: []client.Option{client.WithToken("a"), client.WithAgentKey("ocv_b")}},
		"an empty credential is refused":       {base: "https://host", opts: []client.Option{client.WithToken("")}},
		"a path before /v1 is kept by a proxy": {base: "https://host/oneclaw/", ok: true},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := client.New(tc.base, tc.opts...)
			if (err == nil) != tc.ok {
				t.Fatalf("err = %v, want ok = %v", err, tc.ok)
			}
			if tc.ok && strings.HasSuffix(c.BaseURL(), "/") {
				t.Errorf("base URL %q ends in a slash", c.BaseURL())
			}
		})
	}
}

func TestNothingPrintsAValue(t *testing.T) {
	const canary = "canary-7c1f"
	c, got := recorder(t, http.StatusOK, `{"path":"a","value":"`+canary+`"}`)
	s, err := c.GetSecret(t.Context(), "v", "a")
	if err != nil || string(s.Value.Reveal()) != canary {
		t.Fatalf("value = %q, %v", s.Value.Reveal(), err)
	}
	if len(*got) != 1 {
		t.Fatalf("requests = %d", len(*got))
	}
	withToken := dial(t, "https://h", client.WithToken(canary))
	withKey := dial(t, "https://h", client.WithAgentKey(canary))
	var out bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&out, nil))
	for _, v := range []any{s, *s, s.Value, &s.Value, withToken, *withToken, withKey, *withKey, withKey.UsingToken(canary)} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
			fmt.Fprintf(&out, verb, v)
		}
		log.Info("x", slog.Any("v", v))
		b, _ := json.Marshal(v)
		out.Write(b)
	}
	if strings.Contains(out.String(), canary) || strings.Contains(out.String(), fmt.Sprintf("%x", canary)) {
		t.Errorf("printed: %s", out.String())
	}
}

func TestPathsThatWouldReachAnotherRouteAreNotSent(t *testing.T) {
	c, got := recorder(t, http.StatusOK, `{}`)
	for _, path := range []string{"", "/", "a//b", "../agents", "a/../b", "a/.", "/a", "a/"} {
		_, err := c.GetSecret(t.Context(), "v", path)
		if e, ok := errors.AsType[*client.Error](err); !ok || e.Code != client.CodeInvalidPath || e.Status != 400 {
			t.Errorf("path %q: err = %v", path, err)
		}
	}
	for _, id := range []string{"", ".", ".."} {
		if err := c.DeleteVault(t.Context(), id); err == nil {
			t.Errorf("vault id %q was sent", id)
		}
	}
	if len(*got) != 0 {
		t.Errorf("sent: %+v", *got)
	}
	if _, err := c.GetSecret(t.Context(), "v/../../agents", "a b/ü%2F?x#y"); err != nil {
		t.Fatal(err)
	}
	want := "/v1/vaults/v%2F..%2F..%2Fagents/secrets/a%20b/%C3%BC%252F%3Fx%23y"
	if p := (*got)[0].path; p != want {
		t.Errorf("path = %s, want %s", p, want)
	}
}

func TestAValueThatJSONWouldChangeIsNotSent(t *testing.T) {
	c, got := recorder(t, http.StatusCreated, `{}`)
	if _, err := c.PutSecret(t.Context(), "v", "a", client.NewValue([]byte{0xff, 0xfe}), client.PutOptions{}); err == nil {
		t.Error("no error")
	}
	if len(*got) != 0 {
		t.Errorf("sent: %+v", *got)
	}
}

func TestATransactionThatIsNotSignedIsNoError(t *testing.T) {
	c, _ := recorder(t, http.StatusUnprocessableEntity, `{"id":"t","status":"simulation_failed","error_message":"It reverts."}`)
	got, err := c.SubmitTransaction(t.Context(), "a", client.Submission{Call: client.Call{Value: "1", Chain: "base"}})
	if err != nil || got.ID != "t" || got.ErrorMessage != "It reverts." {
		t.Errorf("%+v, %v", got, err)
	}
	c, _ = recorder(t, http.StatusUnprocessableEntity, `{"type":"about:blank","status":422,"detail":"No node.","code":"no_rpc"}`)
	if got, err := c.SubmitTransaction(t.Context(), "a", client.Submission{}); !client.IsStatus(err, http.StatusUnprocessableEntity) {
		t.Errorf("a problem: %+v, %v", got, err)
	}
}
