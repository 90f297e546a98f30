package e2e_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// speaker is a provider on the wire: it answers each connection with one text of answers and, once the
// caller has that, with what comes after it. It tells when the caller has closed the connection.
func speaker(t *testing.T, answers, after []string) (url string, sent chan<- struct{}, closed <-chan struct{}) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	next, gone := make(chan struct{}), make(chan struct{}, len(answers))
	go func() {
		for i := range answers {
			conn, err := l.Accept()
			if err != nil {
				return // the test is over
			}
			in := bufio.NewReader(conn)
			if r, err := http.ReadRequest(in); err == nil {
				_, _ = io.Copy(io.Discard, r.Body)
			}
			_, _ = io.WriteString(conn, answers[i])
			<-next
			_, _ = io.WriteString(conn, after[i])
			_, _ = io.Copy(io.Discard, in)
			_ = conn.Close()
			gone <- struct{}{}
		}
	}()
	return "http://" + l.Addr().String(), next, gone
}

// TestNothingThatAProviderSaysIsLogged: neither what comes after an answer, nor what is no HTTP.
func TestNothingThatAProviderSaysIsLogged(t *testing.T) {
	t.Parallel()
	const (
		mark  = "words-of-the-answer sk-proj-planted"
		whole = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
	)
	answers := []string{whole, mark + "\r\n\r\n", "HTTP/1.1 200 OK\r\n" + mark + "\r\n\r\n", "HTTP/1.1 " + mark + "\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: " + mark + "\r\n\r\n"}
	url, sent, closed := speaker(t, answers, []string{"HTTP/1.1 200 OK\r\n\r\n" + mark, "", "", "", ""})
	p := newPlace(t)
	p.env = []string{fmt.Sprintf(`ONECLAW_SHROUD_UPSTREAMS={"openai":%q}`, url), "ONECLAW_LOG_LEVEL=debug"}
	s := p.start()
	owner := s.login()
	vault, key := grant(t, owner, "providers/**", "read")
	owner.want(t, http.StatusCreated, "PUT", vault+"/secrets/providers/openai/api-key", map[string]any{"value": "sk-of-the-provider", "type": "api_key"})
	me := owner.exchange(t, key).want(t, http.StatusOK, "GET", "/v1/agents/me", nil)
	owner.want(t, http.StatusOK, "PATCH", "/v1/agents/"+text(t, me, "id"), map[string]any{"shroud_enabled": true})
	for i := range answers {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.ShroudURL+"/v1/chat/completions", strings.NewReader(`{"model":"m","messages":[]}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header = http.Header{"Authorization": {"Bearer " + key}, "X-Shroud-Provider": {"openai"}, "Content-Type": {"application/json"}}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if (res.StatusCode == http.StatusOK) != (i == 0) || err != nil || strings.Contains(string(body), "planted") {
			t.Errorf("answer %d: %d %s %v", i, res.StatusCode, body, err)
		}
		sent <- struct{}{}
		<-closed
	}
	s.stop()
	if out := s.output(); strings.Contains(out, "planted") || strings.Contains(out, "words-of-the-answer") || !strings.Contains(out, "a provider could not be called") {
		t.Errorf("it logs %s", out)
	}
}
