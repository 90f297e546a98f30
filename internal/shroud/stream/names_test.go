package stream_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/stream"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/llmstub"
)

// calls are how dialects write a piece of a call, NAME and ARGS being pieces of its name and of its arguments as
// JSON. All but Chat and Cohere have the name whole in one event.
var calls = []struct {
	of                     llmstub.Dialect
	before, first, end     string
	next, nextArgs, finish string
}{
	{of: llmstub.Chat, before: `{"choices":[{"index":0,"delta":{"role":"assistant","content":"I call. "}}]}`,
		first: `{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":NAME,"arguments":ARGS}}]}}]}`,
		next:  `{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"name":NAME,"arguments":ARGS}}]}}]}`,
		end:   `{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}`},
	{of: llmstub.Chat, before: `{"choices":[{"index":0,"delta":{"role":"assistant","content":"I call. "}}]}`,
		first: `{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"a","type":"custom","custom":{"name":NAME,"input":ARGS}}]}}]}`,
		next:  `{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"custom":{"name":NAME,"input":ARGS}}]}}]}`,
		end:   `{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}`},
	{of: llmstub.Chat, before: `{"choices":[{"index":0,"delta":{"role":"assistant","content":"I call. "}}]}`,
		first: `{"choices":[{"index":0,"delta":{"function_call":{"name":NAME,"arguments":ARGS}}}]}`,
		next:  `{"choices":[{"index":0,"delta":{"function_call":{"name":NAME,"arguments":ARGS}}}]}`,
		end:   `{"choices":[{"index":0,"delta":{},"finish_reason":"function_call"}]}`},
	{of: llmstub.Cohere, before: `{"type":"message-start","delta":{"message":{"role":"assistant"}}}`,
		first: `{"type":"tool-call-start","index":0,"delta":{"message":{"tool_calls":{"id":"a","type":"function","function":{"name":NAME,"arguments":ARGS}}}}}`,
		next:  `{"type":"tool-call-delta","index":0,"delta":{"message":{"tool_calls":{"function":{"name":NAME,"arguments":ARGS}}}}}`,
		end:   `{"type":"tool-call-end","index":0}` + "\n" + `{"type":"message-end","delta":{"finish_reason":"TOOL_CALL"}}`},
}

// inPieces is a stream that calls a tool, whose name and arguments come in pieces that are mixed.
func inPieces(r *rand.Rand, n int, name, args string) []byte {
	c := calls[n]
	quoted := func(s string) string { b, _ := json.Marshal(s); return string(b) } //nolint:errchkjson // a text
	var out bytes.Buffer
	event := func(data string) { fmt.Fprintf(&out, "data: %s\n\n", data) }
	event(c.before)
	names, pieces := llmstub.Cut(r, name, r.IntN(len(name))+1), llmstub.Cut(r, args, r.IntN(9)+1)
	for i := 0; len(names)+len(pieces) > 0; i++ {
		a, b := "", ""
		if len(names) > 0 && (i == 0 || len(pieces) == 0 || r.IntN(2) == 0) {
			a, names = names[0], names[1:]
		}
		if len(pieces) > 0 && r.IntN(3) == 0 {
			b, pieces = pieces[0], pieces[1:]
		}
		shape := c.next
		if i == 0 {
			shape = c.first
		}
		event(strings.Replace(strings.Replace(shape, "NAME", quoted(a), 1), "ARGS", quoted(b), 1))
	}
	for _, data := range strings.Split(c.end, "\n") {
		event(data)
	}
	return out.Bytes()
}

// TestNoPieceOfABlockedNameIsSent: in 200 cuts of each dialect whose names may come in pieces, and of all as they
// come. A name that is allowed gets through, also where its beginning alone would not.
func TestNoPieceOfABlockedNameIsSent(t *testing.T) {
	const allowed = "read_weather"
	i := &inspector{tool: allowed}
	for n, c := range calls {
		for seed := range uint64(rounds) {
			r := rand.New(rand.NewPCG(seed, 16))
			out, _, err := filtered(c.of, i, &bits{r, inPieces(r, n, "wqz_wqz_wqz_wqz", `{"a":"b"}`), 80})
			h, herr := llmstub.HearStream(c.of, out)
			if !errors.Is(err, errStopped) || herr != nil || h.Failed != "it ended early" || bytes.ContainsAny(bytes.ReplaceAll(out, []byte("it ended early"), nil), "wqz") {
				t.Fatalf("%d, seed %d: %v, %v: %s", n, seed, err, herr, out)
			}
			in := inPieces(r, n, allowed, `{"a":"b"}`)
			want, herr := llmstub.HearStream(c.of, in)
			if herr != nil {
				t.Fatal(herr)
			}
			out, _, err = filtered(c.of, i, &bits{r, in, 80})
			got, herr := llmstub.HearStream(c.of, out)
			if err != nil || herr != nil || !maps.Equal(got.Texts, want.Texts) || !got.Ended && c.of != llmstub.Chat || !strings.Contains(fmt.Sprint(got.Texts), allowed) && n != 2 {
				t.Fatalf("%d, seed %d: %v, %v: %v, not %v", n, seed, err, herr, got, want)
			}
		}
	}
	for _, d := range all {
		for seed := range uint64(rounds) {
			r := rand.New(rand.NewPCG(seed, 17))
			if !d.Has(llmstub.Call) {
				continue
			}
			reply := llmstub.Says(llmstub.Said(llmstub.Text, "I ", "call."), llmstub.Called("wqz", llmstub.Cut(r, `{"a":"b"}`, 5)...))
			out, _, err := filtered(d, i, &bits{r, framed(d, &reply), 80})
			if !errors.Is(err, errStopped) || bytes.Contains(out, []byte("wqz")) {
				t.Fatalf("%s, seed %d: %v: %s", d, seed, err, out)
			}
		}
	}
}

// TestANameThatGoesOnAfterItsEndIsDecidedOverWhole: clients put together what comes until a stream is over. Where
// text may not go on either, the stream ends for that.
func TestANameThatGoesOnAfterItsEndIsDecidedOverWhole(t *testing.T) {
	for n, c := range calls {
		r := rand.New(rand.NewPCG(1, 18))
		first, more := inPieces(r, n, "read", `{}`), inPieces(r, n, "_wqz", `{}`)
		out, _, err := filtered(c.of, &inspector{tool: "read"}, bytes.NewReader(append(first, more...)))
		if !errors.Is(err, errStopped) && !errors.Is(err, stream.ErrShape) || bytes.Contains(out, []byte("wqz")) {
			t.Errorf("%d: %v: %s", n, err, out)
		}
		out, _, err = filtered(c.of, &inspector{tool: "read"}, bytes.NewReader(first))
		if err != nil || !bytes.Contains(out, []byte("re")) {
			t.Errorf("%d: %v: %s", n, err, out)
		}
	}
}

// TestWhatWaitsForANameIsBounded: a provider that never ends a call has its stream ended.
func TestWhatWaitsForANameIsBounded(t *testing.T) {
	var in bytes.Buffer
	in.Write(inPieces(rand.New(rand.NewPCG(1, 1)), 0, "x", ""))
	at := bytes.Index(in.Bytes(), []byte(`"finish_reason"`))
	in.Truncate(bytes.LastIndex(in.Bytes()[:at], []byte("data:")))
	filler := `data: {"choices":[{"index":1,"delta":{"content":"` + strings.Repeat("and on ", 10_000) + `"}}]}` + "\n\n"
	for in.Len() < stream.MaxEvent+1<<20 {
		in.WriteString(filler)
	}
	out, _, err := filtered(llmstub.Chat, &inspector{}, &in)
	if !errors.Is(err, stream.ErrShape) || len(out) > 4096 {
		t.Errorf("%v, %d bytes are sent", err, len(out))
	}
}
