package app

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/config"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/llmstub"
)

// TestASilentProviderHoldsNoCall: before its answer, in a whole one and in a stream, each in its dialect; and
// one that says a little for ever.
func TestASilentProviderHoldsNoCall(t *testing.T) {
	wait := func(idle, long time.Duration) func(*config.Config) {
		return func(c *config.Config) {
			c.ShroudIdleTimeout, c.ShroudCallTimeout = config.Wait(idle), config.Wait(long)
		}
	}
	r := shroudWith(t, "", nil, wait(300*time.Millisecond, time.Hour))
	r.set(`{"daily_budget_usd":5}`)
	for what, c := range map[string]struct {
		come   int // events of a stream that come; -1: a whole answer
		status int
	}{"no answer": {-1, 504}, "a stream that does not begin": {0, 504}, "a stream that stops": {2, 200}} {
		body := strings.Replace(hello, "{", `{"max_tokens":9,"stream":`+map[bool]string{true: "false", false: "true"}[c.come < 0]+`,`, 1)
		thinking(r, max(c.come, 0))
		got := r.send("POST", chat, body, r.usual())
		if got.status != c.status || !strings.Contains(got.body, "sent nothing for too long") || strings.Contains(got.body, "never ended") {
			t.Errorf("%s: %d %s", what, got.status, got.body)
		}
		<-r.stub.Last().Gone()
	}
	raw := llmstub.Raw{Status: 200, Header: http.Header{"Content-Type": {"application/json"}, "Content-Length": {"400"}}, Body: []byte(`{"choices":[`)}
	r.stub.Answer(llmstub.Reply{Raw: &raw})
	if got := r.send("POST", chat, hello, r.usual()); got.status != 502 && got.status != 504 {
		t.Errorf("an answer that stops: %d %s", got.status, got.body)
	}
	if list := r.settled(4); strings.Count(list, `"cut_by":"provider"`) != 4 || strings.Contains(list, "not_served") {
		t.Errorf("activity: %s", list)
	}

	r = shroudWith(t, "", nil, wait(time.Minute, 2*time.Second))
	reply := llmstub.Says(llmstub.Said(llmstub.Text, strings.Split(strings.Repeat("and on ,", 4000), ",")...))
	reply.Before = func(gone context.Context, _ int) {
		select {
		case <-gone.Done():
		case <-time.After(20 * time.Millisecond): // a provider that takes its time
		}
	}
	r.stub.Answer(reply)
	got := r.send("POST", chat, strings.Replace(hello, "{", `{"stream":true,`, 1), r.usual())
	if heard, err := llmstub.HearStream(llmstub.Chat, []byte(got.body)); err != nil || !strings.Contains(heard.Failed, "took too long") || !strings.Contains(got.body, "and on") {
		t.Errorf("a stream without an end: %v %s", err, got.body[max(0, len(got.body)-300):])
	}
}
