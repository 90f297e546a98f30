package inspect_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/convo"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/stream"
)

// TestSoundPassesAndItsTranscriptIsLookedAt: each piece of sound is decoded by itself, so that it has to stay what
// it was; what is spoken in it comes in pieces of text.
func TestSoundPassesAndItsTranscriptIsLookedAt(t *testing.T) {
	sound := base64.StdEncoding.EncodeToString([]byte("\x00\x01 sound that says nothing \xfe"))
	chunk := func(audio string) string {
		return `data: {"id":"x","choices":[{"index":0,"delta":{"audio":{` + audio + `}}}]}` + "\n\n"
	}
	event := func(n, rest string) string {
		return `data: {"sequence_number":` + n + `,"output_index":0,"type":"response.` + rest + "}\n\n"
	}
	for name, c := range map[string]struct {
		of    convo.Dialect
		in    string
		piece string // how many times sound is there
	}{
		"chat": {convo.Chat{}, chunk(`"id":"a","transcript":"It is `+known[:9]+`"`) + chunk(`"data":"`+sound+`"`) + chunk(`"transcript":"`+known[9:]+`, yes"`) + chunk(`"data":"`+sound+`"`) +
			chunk(`"expires_at":1790000000`) + `data: {"id":"x","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\ndata: [DONE]\n\n", `"data":"` + sound + `"`},
		"responses": {convo.Responses{}, event("0", `audio.transcript.delta","delta":"It is `+known[:9]+`"`) + event("1", `audio.delta","delta":"`+sound+`"`) + event("2", `audio.transcript.delta","delta":"`+known[9:]+`, yes"`) +
			event("3", `audio.delta","delta":"`+sound+`"`) + event("4", `audio.done"`) + event("5", `audio.transcript.done"`) + event("6", `completed","response":{"usage":{"input_tokens":1,"output_tokens":1}}`), `"delta":"` + sound + `"`},
	} {
		var out bytes.Buffer
		f := stream.Filter{Dialect: c.of, Inspect: session(t, maker(t), ""), Send: func(b []byte) error { out.Write(b); return nil }}
		if _, err := f.Run(strings.NewReader(c.in)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		got := out.String()
		if strings.Count(got, c.piece) != 2 || strings.Contains(got, known[9:]) || strings.Contains(got, known[:9]) || !strings.Contains(got, "[REDACTED:prod/horses], yes") {
			t.Errorf("%s: %s", name, got)
		}
	}
	whole := `{"choices":[{"index":0,"message":{"role":"assistant","content":null,"audio":{"id":"a","data":"` + sound + `","transcript":"It is ` + known + `"}},"finish_reason":"stop"}]}`
	a, err := convo.Chat{}.Answer([]byte(whole))
	if err != nil {
		t.Fatal(err)
	}
	edits, err := session(t, maker(t), "").View(&a.View)
	if got := string(a.Rewrite(edits)); err != nil || !strings.Contains(got, sound) || !strings.Contains(got, "It is [REDACTED:prod/horses]") {
		t.Errorf("%s, %v", got, err)
	}
}

// TestWhatWasSaidBeforeACallComesBeforeIt: what is held back of a text does not come after a call that followed it,
// in a dialect that has both in one list.
func TestWhatWasSaidBeforeACallComesBeforeIt(t *testing.T) {
	chunk := func(parts, more string) string {
		return `data: {"candidates":[{"content":{"role":"model","parts":[` + parts + `]},"index":0` + more + `}]}` + "\n\n"
	}
	in := chunk(`{"text":"I will ask ann@"}`, "") + chunk(`{"text":"example.org now."}`, "") + chunk(`{"functionCall":{"name":"ask","args":{}},"thoughtSignature":"c2ln"}`, "") +
		chunk(`{"text":"And then bob@"}`, "") + chunk(`{"text":"example.org."}`, `,"finishReason":"STOP"`)
	var out bytes.Buffer
	f := stream.Filter{Dialect: convo.Gemini{}, Inspect: session(t, maker(t), ""), Send: func(b []byte) error { out.Write(b); return nil }}
	if _, err := f.Run(strings.NewReader(in)); err != nil {
		t.Fatal(err)
	}
	before, after, called := strings.Cut(out.String(), "functionCall")
	if !called || !strings.Contains(before, "now.") || strings.Contains(after, "now.") || !strings.Contains(after, "And then") || strings.Contains(out.String(), "@") || strings.Count(out.String(), "[REDACTED:email#") != 2 {
		t.Errorf("%s", out.String())
	}
	// One that breaks off after the call says so.
	f = stream.Filter{Dialect: convo.Gemini{}, Inspect: session(t, maker(t), ""), Send: func([]byte) error { return nil }}
	if _, err := f.Run(strings.NewReader(strings.Join(strings.SplitAfter(in, "\n\n")[:3], ""))); !errors.Is(err, stream.ErrBroken) {
		t.Errorf("%v", err)
	}
}

// TestReasoningUnderTwoNames: some servers send what a model thinks under two names, or under the other one. Each
// is a text of its own, and what is held back of it comes under its own name.
func TestReasoningUnderTwoNames(t *testing.T) {
	words := strings.SplitAfter("It may be "+known+", or ann@example.org, and I go on to think of other things for a while", "o")
	for _, names := range [][]string{{"reasoning"}, {"reasoning_content"}, {"reasoning", "reasoning_content"}} {
		var in strings.Builder
		for _, word := range words {
			var fields []string
			for _, name := range names {
				fields = append(fields, `"`+name+`":"`+word+`"`)
			}
			in.WriteString(`data: {"id":"x","choices":[{"index":0,"delta":{` + strings.Join(fields, ",") + `}}]}` + "\n\n")
		}
		in.WriteString(`data: {"id":"x","choices":[{"index":0,"delta":{"content":"Yes."}}]}` + "\n\n" + `data: {"id":"x","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\ndata: [DONE]\n\n")
		var out bytes.Buffer
		f := stream.Filter{Dialect: convo.Chat{}, Inspect: session(t, maker(t), ""), Send: func(b []byte) error { out.Write(b); return nil }}
		if _, err := f.Run(strings.NewReader(in.String())); err != nil {
			t.Fatal(err)
		}
		said := map[string]string{}
		for line := range strings.SplitSeq(out.String(), "\n") {
			var e struct {
				Choices []struct{ Delta map[string]string }
			}
			if data, ok := strings.CutPrefix(line, "data: {"); ok && json.Unmarshal([]byte("{"+data), &e) == nil {
				for name, piece := range e.Choices[0].Delta {
					said[name] += piece
				}
			}
		}
		for _, name := range names {
			if got := said[name]; !strings.HasPrefix(got, "It may be [REDACTED:prod/horses], or [REDACTED:email#") || !strings.HasSuffix(got, "other things for a while") {
				t.Errorf("%v: %s is %q", names, name, got)
			}
		}
		if said["content"] != "Yes." || len(said) != len(names)+1 {
			t.Errorf("%v: %q", names, said)
		}
	}
}

// TestCallsOfOneNumberStayApart: some servers send each call in one event and number none of them. What one is
// called with does not end up in another.
func TestCallsOfOneNumberStayApart(t *testing.T) {
	for _, index := range []string{``, `"index":0,`} {
		call := func(id, args string) string {
			b, err := json.Marshal(args)
			if err != nil {
				t.Fatal(err)
			}
			return `data: {"id":"x","choices":[{"index":0,"delta":{"tool_calls":[{` + index + `"id":"` + id + `","type":"function","function":{"name":"mail","arguments":` + string(b) + `}}]}}]}` + "\n\n"
		}
		in := call("call_1", `{"to":"ann@example.org","text":"`+known+`"}`) + call("call_2", `{"to":"bob@example.org","text":"Hi"}`) +
			`data: {"id":"x","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}` + "\n\ndata: [DONE]\n\n"
		var out bytes.Buffer
		f := stream.Filter{Dialect: convo.Chat{}, Inspect: session(t, maker(t), ""), Send: func(b []byte) error { out.Write(b); return nil }}
		if _, err := f.Run(strings.NewReader(in)); err != nil {
			t.Fatal(err)
		}
		events := strings.Split(out.String(), "\n\n")
		if !strings.Contains(events[0], `"call_1"`) || !strings.Contains(events[0], "[REDACTED:prod/horses]") || !strings.Contains(events[1], `"call_2"`) || !strings.Contains(events[1], `\"text\":\"Hi\"`) || strings.Contains(out.String(), "@") {
			t.Errorf("%s", out.String())
		}
	}
}

// TestAReasonThatSaysNothingEndsNothing: some servers have a reason of the end in each event, which says that there is
// none, or the same as the last. A secret in pieces does not pass for it, and a stream that breaks off says so.
func TestAReasonThatSaysNothingEndsNothing(t *testing.T) {
	chat := func(said, why string) string {
		return `data: {"id":"x","choices":[{"index":0,"delta":{"content":"` + said + `"},"finish_reason":` + why + `}]}` + "\n\n"
	}
	gemini := func(said, why string) string {
		return `data: {"candidates":[{"content":{"role":"model","parts":[{"text":"` + said + `"}]},"index":0,"finishReason":` + why + `}]}` + "\n\n"
	}
	for what, c := range map[string]struct {
		of    convo.Dialect
		event func(said, why string) string
		none  string
		end   string
	}{
		"chat, empty":         {convo.Chat{}, chat, `""`, `"stop"`},
		"chat, null":          {convo.Chat{}, chat, `null`, `"stop"`},
		"chat, null in words": {convo.Chat{}, chat, `"null"`, `"stop"`},
		"chat, each":          {convo.Chat{}, chat, `"stop"`, `"stop"`},
		"gemini, each":        {convo.Gemini{}, gemini, `"STOP"`, `"STOP"`},
		"gemini, empty":       {convo.Gemini{}, gemini, `""`, `"STOP"`},
		"gemini, null":        {convo.Gemini{}, gemini, `null`, `"STOP"`},
		"gemini, unspecified": {convo.Gemini{}, gemini, `"FINISH_REASON_UNSPECIFIED"`, `"STOP"`},
	} {
		begun := c.event("It is "+known[:5], c.none) + c.event(known[5:9], c.none) + c.event(known[9:]+", yes", c.none)
		for _, whole := range []bool{true, false} {
			if !whole && c.none == c.end {
				continue // nobody can tell that more was to come
			}
			in := begun
			if whole {
				in += c.event("", c.end)
			}
			var out bytes.Buffer
			f := stream.Filter{Dialect: c.of, Inspect: session(t, maker(t), ""), Send: func(b []byte) error { out.Write(b); return nil }}
			_, err := f.Run(strings.NewReader(in))
			if whole != (err == nil) || err != nil && !errors.Is(err, stream.ErrBroken) {
				t.Errorf("%s, whole %v: %v", what, whole, err)
			}
			if got := out.String(); strings.Contains(got, known[:5]) || strings.Contains(got, known[9:]) || whole && !strings.Contains(got, "[REDACTED:prod/horses], yes") {
				t.Errorf("%s, whole %v: %s", what, whole, got)
			}
		}
	}
}

// TestNoTextComesAfterItsEnd: what was held back of a text has gone at its end, so that a secret in pieces would pass
// around it. The stream ends with an error instead.
func TestNoTextComesAfterItsEnd(t *testing.T) {
	block := func(said string) string {
		return `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"` + said + `"}}`
	}
	said := func(said string) string {
		return `{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"` + said + `"}`
	}
	chat := func(said, why string) string {
		return `{"choices":[{"index":0,"delta":{"content":"` + said + `"},"finish_reason":` + why + `}]}`
	}
	gemini := func(said, why string) string {
		return `{"candidates":[{"content":{"parts":[{"text":"` + said + `"}]},"index":0,"finishReason":` + why + `}]}`
	}
	for of, in := range map[convo.Dialect][]string{
		convo.Messages{}:  {block(known[:9]), `{"type":"message_stop"}`, block(known[9:])},
		convo.Responses{}: {said(known[:9]), `{"type":"response.completed","response":{}}`, said(known[9:])},
		convo.Chat{}:      {chat(known[:9], `"stop"`), `{"choices":[],"usage":{"prompt_tokens":1}}`, chat(known[9:], `"stop"`)},
		convo.Gemini{}:    {gemini(known[:9], `"STOP"`), `{"usageMetadata":{"promptTokenCount":1}}`, gemini(known[9:], `"STOP"`)},
	} {
		var out bytes.Buffer
		f := stream.Filter{Dialect: of, Inspect: session(t, maker(t), ""), Send: func(b []byte) error { out.Write(b); return nil }}
		if _, err := f.Run(strings.NewReader("data: " + strings.Join(in, "\n\ndata: ") + "\n\n")); !errors.Is(err, stream.ErrShape) || strings.Contains(out.String(), known[9:]) {
			t.Errorf("%v: %s", err, out.String())
		}
	}
	// What a call costs may be told of in between.
	var out bytes.Buffer
	f := stream.Filter{Dialect: convo.Messages{}, Inspect: session(t, maker(t), ""), Send: func(b []byte) error { out.Write(b); return nil }}
	in := []string{block("It is " + known[:9]), `{"type":"message_delta","delta":{},"usage":{"output_tokens":3}}`, block(known[9:] + ", yes"), `{"type":"content_block_stop","index":0}`, `{"type":"message_stop"}`}
	if _, err := f.Run(strings.NewReader("data: " + strings.Join(in, "\n\ndata: ") + "\n\n")); err != nil || strings.Contains(out.String(), known[9:]) || !strings.Contains(out.String(), "[REDACTED:prod/horses], yes") {
		t.Errorf("%v: %s", err, out.String())
	}
}
