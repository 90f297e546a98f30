package llmstub

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
)

// Dialect is how a provider writes answers.
type Dialect string

// The dialects.
const (
	Chat        Dialect = "chat"        // OpenAI's chat completions
	Completions Dialect = "completions" // OpenAI's older completions of a prompt
	Mistral     Dialect = "mistral"     // chat completions as Mistral writes them
	Responses   Dialect = "responses"   // OpenAI's Responses
	Messages    Dialect = "messages"    // Anthropic's Messages
	Gemini      Dialect = "gemini"      // Google's generateContent
	Cohere      Dialect = "cohere"      // Cohere's chat, version 2
)

// Dialects are those in which a model can say and think something and call tools.
var Dialects = []Dialect{Chat, Mistral, Responses, Messages, Gemini, Cohere}

// Kind is what a model says a part as.
type Kind string

// The kinds. Not every dialect has each: Has tells.
const (
	Text     Kind = "text"
	Thinking Kind = "thinking"
	Refusal  Kind = "refusal"
	Call     Kind = "call"   // of a tool that the caller runs, with JSON
	Custom   Kind = "custom" // the same with text
	Remote   Kind = "remote" // of a tool that the provider runs
	Code     Kind = "code"   // that the provider runs
	Search   Kind = "search" // what a search of the provider's found
)

var has = map[Dialect]string{
	Chat: "text thinking refusal call custom", Completions: "text", Mistral: "text thinking call",
	Responses: "text thinking refusal call custom remote code search",
	Messages:  "text thinking call remote search", Gemini: "text thinking call code", Cohere: "text thinking call",
}

// Has reports whether the dialect can say such a part.
func (d Dialect) Has(k Kind) bool {
	for _, have := range strings.Fields(has[d]) {
		if have == string(k) {
			return true
		}
	}
	return false
}

// Part is one thing that a model says. A dialect without its kind leaves it out.
type Part struct {
	Kind      Kind
	Pieces    []string // the text, as a stream has it
	Name, ID  string   // of a call
	Signature string   // of what was thought, or of a call
}

// Said is a part with its text in pieces.
func Said(k Kind, pieces ...string) Part { return Part{Kind: k, Pieces: pieces} }

// Called is a call of a tool with its arguments in pieces.
func Called(name string, pieces ...string) Part {
	return Part{Kind: Call, Name: name, ID: "call_" + name, Pieces: pieces}
}

// Text is the part's text, whole.
func (p Part) Text() string { return strings.Join(p.Pieces, "") }

// Usage are the tokens of an answer.
type Usage struct {
	Input      int // that neither of the next two counts
	CacheRead  int
	CacheWrite int
	CacheHour  int // of CacheWrite
	Output     int // with Thought
	Thought    int
}

// Place is where a stream of chat completions has the usage.
type Place int

// The places.
const (
	Asked Place = iota // in an event of its own, when the request asks for it
	Late               // beside the reason of the end
	Each               // in every event
	Never
)

// Failure is an error of the provider's.
type Failure struct {
	Status  int
	Kind    string // rate_limit_error and the like
	Message string
}

// Raw is an answer that no dialect writes.
type Raw struct {
	Status int
	Header http.Header
	Body   []byte
}

// Reply is what the provider answers to a call.
type Reply struct {
	As       Dialect  // instead of the path's own: Mistral shares one with Chat
	Choices  [][]Part // several only where the dialect has them
	Usage    Usage
	UsageAt  Place
	Logprobs bool
	Style
	Framing
	Delivery

	Fail   *Failure   // instead of an answer, or after After events of a stream
	After  int        // 0: instead
	Mix    *rand.Rand // in whose order parts and choices alternate in a stream; nil: one after the other
	Raw    *Raw       // instead of all the above
	Header http.Header
}

// Says is a reply with one choice.
func Says(parts ...Part) Reply {
	return Reply{Choices: [][]Part{parts}, Usage: Usage{Input: 11, Output: 7}}
}

// Cut cuts a text into up to n pieces at random ends of characters.
func Cut(r *rand.Rand, text string, n int) []string {
	runes := []rune(text)
	var out []string
	for ; n > 1 && len(runes) > 0; n-- {
		k := r.IntN(len(runes)) + 1
		if r.IntN(3) == 0 {
			k = 1
		}
		out, runes = append(out, string(runes[:k])), runes[k:]
	}
	if len(runes) > 0 || len(out) == 0 {
		out = append(out, string(runes))
	}
	return out
}

// lanes puts events of several parts into one order: one part after the other, or at random.
func lanes[T any](r *rand.Rand, in [][]T) (out []T) {
	for len(in) > 0 {
		i, n := 0, len(in[0])
		if r != nil {
			i, n = r.IntN(len(in)), 1
		}
		n = min(n, len(in[i]))
		out = append(out, in[i][:n]...)
		if in[i] = in[i][n:]; len(in[i]) == 0 {
			in = append(in[:i:i], in[i+1:]...)
		}
	}
	return out
}

// model is what every reply says it is from.
const model = "stub-1"

// Whole is the body of the answer when no stream was asked for.
func Whole(d Dialect, r *Reply) []byte {
	switch d {
	case Chat, Completions, Mistral:
		return r.encode(wholeChat(d, r))
	case Responses:
		return r.encode(response(r, "completed", items(r)))
	case Messages:
		return r.encode(message(r, blocks(r)))
	case Gemini:
		return r.encode(wholeGemini(r))
	case Cohere:
		return r.encode(wholeCohere(r))
	}
	panic(fmt.Sprintf("no dialect %q", d))
}

// Events are those of the answer when a stream was asked for. usage says that the
// request asks for the usage.
func Events(d Dialect, r *Reply, usage bool) []Event {
	var in []event
	switch d {
	case Chat, Completions, Mistral:
		in = streamChat(d, r, usage)
	case Responses:
		in = streamResponses(r)
	case Messages:
		in = streamMessages(r)
	case Gemini:
		in = streamGemini(r)
	case Cohere:
		in = streamCohere(r)
	default:
		panic(fmt.Sprintf("no dialect %q", d))
	}
	if r.Fail != nil && r.After > 0 {
		in = append(in[:min(r.After, len(in))], failed(d, r.Fail))
	}
	var out []Event
	for i, e := range in {
		if d == Responses {
			e.data = append(e.data[:2:2], append(fields{"sequence_number", i}, e.data[2:]...)...)
		}
		out = append(out, Event{e.name, r.encode(e.data)})
	}
	if (d == Chat || d == Completions || d == Mistral) && !r.NoDone && (r.Fail == nil || r.After == 0) {
		out = append(out, Event{Data: []byte("[DONE]")})
	}
	return out
}

// failed is an error in a stream.
func failed(d Dialect, f *Failure) event {
	switch d {
	case Responses:
		return event{"error", fields{"type", "error", "code", f.Kind, "message", f.Message, "param", nil}}
	case Cohere:
		return event{"message-end", fields{"type", "message-end", "delta", fields{"error", f.Message, "finish_reason", "ERROR"}}}
	case Messages:
		return event{"error", failure(d, f)}
	case Gemini:
		return event{"", failure(d, f)}
	case Chat, Completions, Mistral:
	}
	return event{"", failure(Chat, f)}
}

// failure is the body of an error.
func failure(d Dialect, f *Failure) fields {
	switch d {
	case Messages:
		return fields{"type", "error", "error", fields{"type", f.Kind, "message", f.Message}, "request_id", "req_stub"}
	case Gemini:
		return fields{"error", fields{"code", f.Status, "message", f.Message, "status", strings.ToUpper(f.Kind)}}
	case Cohere:
		return fields{"id", "stub", "message", f.Message}
	case Mistral:
		return fields{"object", "error", "message", f.Message, "type", f.Kind, "param", nil, "code", nil}
	case Chat, Completions, Responses:
	}
	return fields{"error", fields{"message", f.Message, "type", f.Kind, "param", nil, "code", nil}}
}
