package llmstub_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/llmstub"
)

var paths = map[llmstub.Dialect]string{
	llmstub.Chat: "/v1/chat/completions", llmstub.Mistral: "/v1/chat/completions", llmstub.Completions: "/v1/completions",
	llmstub.Responses: "/v1/responses", llmstub.Messages: "/v1/messages", llmstub.Gemini: "/v1beta/models/stub-1:streamGenerateContent?alt=sse",
	llmstub.Cohere: "/v2/chat",
}

// long says a little of everything.
func long() llmstub.Reply {
	thought := llmstub.Said(llmstub.Thinking, "First ", "this.")
	thought.Signature = "c2ln"
	call := llmstub.Called("weather", `{"city":`, `"Zürich"}`)
	r := llmstub.Says(thought, llmstub.Said(llmstub.Text, "Grüße ", "aus 東京 ", "🦀"), call, llmstub.Called("time", `{"zone":"Z"}`))
	r.Choices = append(r.Choices, []llmstub.Part{llmstub.Said(llmstub.Text, "An", "other")})
	return r
}

func post(t *testing.T, url string, body string) (*http.Response, []byte, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer sk-stub")
	req.Header.Set("X-Odd", "kept")
	res, err := (&http.Transport{DisableCompression: true}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	return res, b, err
}

// events are the data of a stream, as the simplest reader finds them.
func events(stream []byte) (out []string) {
	s := strings.TrimPrefix(string(stream), "\xef\xbb\xbf")
	s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
	for block := range strings.SplitSeq(s, "\n\n") {
		var data []string
		for line := range strings.SplitSeq(block, "\n") {
			if v, ok := strings.CutPrefix(line, "data:"); ok {
				data = append(data, strings.TrimPrefix(v, " "))
			}
		}
		if data != nil {
			out = append(out, strings.Join(data, "\n"))
		}
	}
	return out
}

func TestEachDialectIsJSONAndKeepsTheRequest(t *testing.T) {
	s := llmstub.New(t)
	for d, path := range paths {
		r := long()
		r.As = d
		s.Answer(r)
		sent := `{"stream": true,  "x":"\u00e9"}`
		res, b, err := post(t, s.URL+path, sent)
		if err != nil || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
			t.Errorf("%s: %v %v", d, err, res.Header)
		}
		all := events(b)
		for _, e := range all {
			if e != "[DONE]" && !json.Valid([]byte(e)) {
				t.Errorf("%s: %s", d, e)
			}
		}
		if len(all) < 4 {
			t.Errorf("%s: %s", d, b)
		}
		got := s.Last()
		at, _, _ := strings.Cut(path, "?")
		if string(got.Body) != sent || got.Path != at || got.Header.Get("X-Odd") != "kept" || got.Key() != "sk-stub" {
			t.Errorf("%s: %+v", d, got)
		}
		res, b, err = post(t, s.URL+strings.Replace(path, "streamG", "g", 1), `{}`)
		if err != nil || res.StatusCode != 200 || !json.Valid(b) || bytes.Contains(b, []byte("\n")) {
			t.Errorf("%s: %v %d %s", d, err, res.StatusCode, b)
		}
	}
}

// What is said is the same however the stream is framed and delivered.
func TestFramingChangesNoEvent(t *testing.T) {
	s := llmstub.New(t)
	for d, path := range paths {
		plain := long()
		plain.As = d
		var want []string
		for _, e := range llmstub.Events(d, &plain, false) {
			want = append(want, string(e.Data))
		}
		for name, odd := range map[string]func(*llmstub.Reply){
			"plain":           func(*llmstub.Reply) {},
			"CRLF":            func(r *llmstub.Reply) { r.EOL = "\r\n" },
			"CR":              func(r *llmstub.Reply) { r.EOL = "\r" },
			"tight":           func(r *llmstub.Reply) { r.Tight = true },
			"comments":        func(r *llmstub.Reply) { r.Comments, r.EOL = true, "\r\n" },
			"BOM":             func(r *llmstub.Reply) { r.BOM = true },
			"fields":          func(r *llmstub.Reply) { r.Fields = true },
			"unnamed":         func(r *llmstub.Reply) { r.Unnamed = true },
			"no end":          func(r *llmstub.Reply) { r.NoEnd = true },
			"a byte a time":   func(r *llmstub.Reply) { r.Chunk = 1 },
			"packed":          func(r *llmstub.Reply) { r.Gzip = true },
			"packed in bytes": func(r *llmstub.Reply) { r.Gzip, r.Chunk = true, 1 },
		} {
			r := plain
			odd(&r)
			s.Answer(r)
			res, b, err := post(t, s.URL+path, `{"stream":true}`)
			if err == nil && res.Header.Get("Content-Encoding") == "gzip" {
				var z *gzip.Reader
				if z, err = gzip.NewReader(bytes.NewReader(b)); err == nil {
					b, err = io.ReadAll(z)
				}
			}
			if err != nil || !slices.Equal(events(b), want) {
				t.Errorf("%s, %s: %v\n%s", d, name, err, b)
			}
		}
	}
}

func TestStylesMeanTheSame(t *testing.T) {
	for _, d := range llmstub.Dialects {
		r := long()
		var want, got any
		if err := json.Unmarshal(llmstub.Whole(d, &r), &want); err != nil {
			t.Fatal(err)
		}
		r.Style = llmstub.Style{Spaced: true, ASCII: true, Lines: true}
		b := llmstub.Whole(d, &r)
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatalf("%v\n%s", err, b)
		}
		x, _ := json.Marshal(want)
		y, _ := json.Marshal(got)
		if !bytes.Equal(x, y) || !bytes.Contains(b, []byte(`\ud83e\udd80`)) && !bytes.Contains(b, []byte(`"Z`)) {
			t.Errorf("%s: %s", d, b)
		}
	}
}

// Several parts and choices alternate, and each keeps its own order.
func TestMixKeepsTheOrderOfEachPart(t *testing.T) {
	for seed := range uint64(20) {
		r := llmstub.Says(llmstub.Said(llmstub.Text, "a1", "a2", "a3"))
		r.Choices = append(r.Choices, []llmstub.Part{llmstub.Said(llmstub.Text, "b1", "b2", "b3")})
		r.Mix = rand.New(rand.NewPCG(seed, 1))
		var a, b []string
		for _, e := range llmstub.Events(llmstub.Chat, &r, false) {
			for _, w := range []string{"a1", "a2", "a3", "b1", "b2", "b3"} {
				if bytes.Contains(e.Data, []byte(w)) && w[0] == 'a' {
					a = append(a, w)
				} else if bytes.Contains(e.Data, []byte(w)) {
					b = append(b, w)
				}
			}
		}
		if strings.Join(a, "") != "a1a2a3" || strings.Join(b, "") != "b1b2b3" {
			t.Errorf("%v %v", a, b)
		}
	}
}

func TestErrors(t *testing.T) {
	s := llmstub.New(t)
	fail := llmstub.Reply{Fail: &llmstub.Failure{Status: 401, Kind: "authentication_error", Message: "Incorrect API key provided: {key}"}}
	for d, path := range paths {
		fail.As = d
		s.Answer(fail)
		if res, b, _ := post(t, s.URL+path, `{"stream":true}`); res.StatusCode != 401 || !json.Valid(b) || !bytes.Contains(b, []byte("sk-stub")) {
			t.Errorf("%s: %d %s", d, res.StatusCode, b)
		}
		broken := long()
		broken.As, broken.Fail, broken.After = d, fail.Fail, 2
		s.Answer(broken)
		_, b, _ := post(t, s.URL+path, `{"stream":true}`)
		if all := events(b); len(all) != 3 || !strings.Contains(all[2], "Incorrect") {
			t.Errorf("%s: %s", d, b)
		}
		cut := long()
		cut.As, cut.Cut = d, 150
		s.Answer(cut)
		if _, b, err := post(t, s.URL+path, `{"stream":true}`); err == nil || len(b) > 150 {
			t.Errorf("%s: %v %s", d, err, b)
		}
		left := long()
		left.As, left.Leave = d, 2
		s.Answer(left)
		if _, b, err := post(t, s.URL+path, `{"stream":true}`); err != nil || len(events(b)) != 2 {
			t.Errorf("%s: %v %s", d, err, b)
		}
	}
	if res, _, _ := post(t, s.URL+"/v1/nowhere", `{}`); res.StatusCode != 404 {
		t.Error(res.StatusCode)
	}
}

func TestACallerThatHangsUpIsSeen(t *testing.T) {
	s := llmstub.New(t)
	r := long()
	held := make(chan struct{})
	r.Before = func(ctx context.Context, i int) {
		if i == 1 {
			close(held)
			<-ctx.Done()
		}
	}
	s.Answer(r)
	ctx, hangUp := context.WithCancel(t.Context())
	defer hangUp()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+"/v1/messages", strings.NewReader(`{"stream":true}`))
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	<-held
	hangUp()
	<-s.Await(t.Context(), 1).Gone()
}

// A stream and a whole answer to the same Reply say the same.
func TestAStreamSaysWhatAWholeAnswerSays(t *testing.T) {
	for _, d := range llmstub.Dialects {
		r := long()
		if d != llmstub.Chat && d != llmstub.Gemini {
			r.Choices = r.Choices[:1]
		}
		for seed := range uint64(20) {
			if seed > 0 {
				r.Mix = rand.New(rand.NewPCG(seed, 1))
			}
			whole, err := llmstub.Hear(d, llmstub.Whole(d, &r))
			if err != nil {
				t.Fatal(err)
			}
			stream, err := llmstub.HearStream(d, bytes.Join(llmstub.Frames(d, llmstub.Events(d, &r, false), r.Framing), nil))
			if err != nil || len(whole.Texts) < 4 || !maps.Equal(stream.Texts, whole.Texts) || !stream.Ended || stream.Failed != "" {
				t.Errorf("%s: %v\n%v\n%v", d, err, whole, stream)
			}
			if d == llmstub.Gemini {
				break // parts that alternate are other parts there
			}
		}
	}
}
