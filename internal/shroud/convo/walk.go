package convo

import (
	"cmp"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/doc"
)

// walker fills a view.
type walker struct {
	*View
	err   error
	words map[string]bool // of the protocol, that a request has; nil in an answer
	runs  int             // how many there were of texts side by side
	run   int             // the one that texts are of now; 0: none
	flows bool            // texts side by side are one text
}

// asks makes it the walker of a request.
func (w *walker) asks(r *Request) { w.View, w.words = &r.View, map[string]bool{} }

// shortWord is how many bytes a word of the protocol has at least to be looked at.
const shortWord = 6

// usual are words that requests have anyway. They say nothing, whatever somebody's secrets may be.
var usual = map[string]bool{
	"system": true, "developer": true, "assistant": true, "function": true, "custom": true, "message": true, "image_url": true, "input_text": true,
	"output_text": true, "input_image": true, "input_file": true, "input_audio": true, "reasoning": true, "refusal": true, "summary_text": true,
	"function_call": true, "function_call_output": true, "custom_tool_call": true, "custom_tool_call_output": true, "tool_use": true, "tool_result": true,
	"server_tool_use": true, "tool_reference": true, "thinking": true, "redacted_thinking": true, "document": true, "base64": true, "ephemeral": true,
	"image/png": true, "image/jpeg": true, "image/gif": true, "image/webp": true, "application/pdf": true, "application/json": true, "text/plain": true,
	"json_schema": true, "json_object": true, "object": true, "string": true, "number": true, "integer": true, "boolean": true, "date-time": true,
	"enabled": true, "disabled": true, "adaptive": true, "medium": true, "minimal": true, "default": true, "priority": true, "completed": true,
	"in_progress": true, "incomplete": true, "concise": true, "detailed": true, "grammar": true, "local_shell": true, "apply_patch": true,
	"web_search": true, "namespace": true,
}

// passed notes a word of the protocol that is no part.
func (w *walker) passed(n doc.Node) {
	if w.words == nil || !n.Is('"') || len(n.Raw()) < shortWord {
		return
	}
	if text := n.Text(); !usual[text] {
		w.words[text] = true
	}
}

// opaque are keys whose values nobody may change or read: signatures, what only the
// provider can decrypt, and media.
var opaque = map[string]bool{
	"signature": true, "thoughtSignature": true, "thought_signature": true, "encrypted_content": true,
	"encrypted_index": true, "encrypted_stdout": true, "redacted_thinking": true, "obfuscation": true,
}

// plain are keys of protocols, whose own names say nothing and whose values are words
// of the protocol or ids that have to come back as they were.
var plain = map[string]bool{
	"type": true, "role": true, "id": true, "object": true, "status": true, "call_id": true, "item_id": true,
	"tool_call_id": true, "tool_use_id": true, "toolCallId": true, "previous_response_id": true, "finish_reason": true,
	"finishReason": true, "stop_reason": true, "service_tier": true, "system_fingerprint": true, "model": true,
	"modelVersion": true, "responseId": true, "response_id": true, "created": true, "created_at": true, "completed_at": true,
	"index": true, "output_index": true, "content_index": true, "summary_index": true, "sequence_number": true,
	"generation_id": true, "event_type": true, "media_type": true, "mimeType": true, "mime_type": true, "detail": true,
	"phase": true, "effort": true, "verbosity": true, "format": true, "encoding_format": true, "truncation": true,
}

// words are keys whose own names are words of a protocol, so that only their values
// are parts.
var words = map[string]bool{
	"messages": true, "content": true, "text": true, "input": true, "output": true, "tools": true, "function": true, "name": true,
	"arguments": true, "description": true, "parameters": true, "input_schema": true, "properties": true, "required": true,
	"items": true, "enum": true, "system": true, "parts": true, "contents": true, "args": true, "metadata": true, "title": true,
	"additionalProperties": true, "cache_control": true, "stream": true, "temperature": true, "max_tokens": true, "data": true,
	"source": true, "url": true, "response": true, "result": true, "message": true, "choices": true, "usage": true, "delta": true,
}

// add makes a part of a value.
func (w *walker) add(role Role, kind Kind, n doc.Node) {
	if text := n.Text(); text != "" {
		p := Part{Role: role, Kind: kind, Text: text, at: doc.Edit{At: n}}
		if kind == Text {
			p.run, p.flows = w.run, w.flows
		}
		w.Parts = append(w.Parts, p)
	}
}

// beside calls take for each element of an array, or for the value itself, whose texts stand side by side.
func (w *walker) beside(n doc.Node, take func(doc.Node)) {
	outer := w.run
	w.runs++
	w.run = w.runs
	each(n, take)
	w.run = outer
}

// part ends the run of texts that stand side by side: something else stands between them.
func (w *walker) part() {
	if w.run != 0 {
		w.runs++
		w.run = w.runs
	}
}

// skip counts a value that is not looked at.
func (w *walker) skip(n doc.Node) {
	if n.There() && !n.Is('n') {
		w.Opaque++
		w.Unread += len(n.Raw())
	}
}

// medium counts a picture, sound or file in base64, which nobody here can read.
func (w *walker) medium(kind string, n doc.Node) {
	if !n.There() || n.Is('n') {
		return
	}
	w.Opaque++
	w.Media++
	if !strings.HasPrefix(kind, "image/") {
		w.Filed += len(n.Raw()) * 3 / 4
	}
}

// longNumber is how many digits make a whole number a part: shorter ones are no PIN,
// card or phone number.
const longNumber = 6

// longWord is how many bytes a word or an id of a protocol has at most. What is longer is
// a text, wherever it stands.
const longWord = 128

func word(n doc.Node) bool { return !n.Is('{') && !n.Is('[') && len(n.Raw()) <= longWord }

// digits is a whole number without its sign, and without the zeros that a fraction may be.
func digits(raw []byte) string {
	whole, fraction, _ := strings.Cut(strings.TrimPrefix(string(raw), "-"), ".")
	if strings.Trim(fraction, "0") != "" {
		return ""
	}
	return whole
}

// sweep makes parts of every text, key and long number in a value.
func (w *walker) sweep(role Role, kind Kind, n doc.Node) {
	switch {
	case n.Is('"'):
		w.add(role, kind, n)
	case n.Is('0'):
		if d := digits(n.Raw()); len(d) >= longNumber && strings.IndexFunc(d, notDigit) < 0 {
			w.Parts = append(w.Parts, Part{Role: role, Kind: kind, Text: string(n.Raw()), at: doc.Edit{At: n}})
		}
	case n.Is('['):
		for c := range n.Children() {
			w.sweep(role, kind, c)
		}
	case n.Is('{'):
		for c := range n.Children() {
			w.field(role, kind, c)
		}
	}
}

func notDigit(r rune) bool { return r < '0' || r > '9' }

// field sweeps one field of an object of a protocol.
func (w *walker) field(role Role, kind Kind, c doc.Node) {
	name := c.Name()
	switch {
	case opaque[name] && kind != Schema && c.Is('"'):
		w.skip(c)
	case plain[name] && word(c):
		w.passed(c)
	default:
		if !words[name] && !plain[name] {
			w.key(role, kind, c)
		}
		w.sweep(role, kind, c)
	}
}

// key makes a part of a key in a value of a kind.
func (w *walker) key(role Role, kind Kind, c doc.Node) {
	if kind != Arguments {
		kind = Other
	}
	if name := c.Name(); len(name) >= longNumber {
		w.Parts = append(w.Parts, Part{Role: role, Kind: kind, Text: name, at: doc.Edit{At: c, Name: true}})
	}
}

// free sweeps a value whose keys are anybody's: the arguments of a tool.
func (w *walker) free(role Role, kind Kind, n doc.Node) {
	if !n.Is('{') && !n.Is('[') {
		w.sweep(role, kind, n)
		return
	}
	for c := range n.Children() {
		if n.Is('{') {
			w.key(role, kind, c)
		}
		w.free(role, kind, c)
	}
}

// arguments makes parts of what a tool is called with: an object, or JSON in a text,
// which is looked at as whoever runs the tool will decode it.
func (w *walker) arguments(n doc.Node) {
	first := len(w.Parts)
	if !n.Is('"') {
		w.free(Assistant, Arguments, n)
		w.args = append(w.args, args{n, first, len(w.Parts)})
		return
	}
	w.json(Assistant, Arguments, n)
	if len(w.Parts) > first && w.Parts[first].inner != nil {
		w.args = append(w.args, args{w.Parts[first].inner.Root(), first, len(w.Parts)})
	}
}

// json makes parts of JSON that stands in a text, or of the text where it is no JSON.
func (w *walker) json(role Role, kind Kind, n doc.Node) {
	in := object(n.Text())
	if in == nil {
		w.add(role, kind, n)
		return
	}
	first := len(w.Parts)
	w.free(role, kind, in.Root())
	for i := first; i < len(w.Parts); i++ {
		w.Parts[i].inner, w.Parts[i].outer = in, n
	}
}

// object is the JSON that a text is, where it is an object or an array.
func object(text string) *doc.Doc {
	if at := strings.TrimLeft(text, " \t\r\n"); at == "" || at[0] != '{' && at[0] != '[' {
		return nil
	}
	in, err := doc.Parse([]byte(text))
	if err != nil {
		return nil
	}
	return in
}

// media passes over what is no text: data that names a type which is none. Anything
// else is swept.
func (w *walker) media(role Role, n doc.Node) {
	text := n.Text()
	head, _, _ := strings.Cut(text[:min(len(text), longWord)], ",")
	if kind, ok := strings.CutPrefix(head, "data:"); ok && strings.HasSuffix(head, ";base64") && noText(kind) {
		w.medium(kind, n)
		return
	}
	w.sweep(role, Text, n)
}

// noText reports whether data of a type are surely no text.
func noText(kind string) bool {
	kind, _, _ = strings.Cut(kind, ";")
	for _, of := range [...]string{"image/", "audio/", "video/", "application/pdf"} {
		if strings.HasPrefix(kind, of) {
			return kind != "image/svg+xml"
		}
	}
	return false
}

// object takes each field of an object to what knows it, or passes over a word of the
// protocol where that is nil; the others are swept. A key that differs from a known one
// in case alone is refused.
func (w *walker) object(n doc.Node, role Role, kind Kind, known map[string]func(doc.Node)) {
	if !n.Is('{') {
		w.sweep(role, kind, n)
		return
	}
	for c := range n.Children() {
		if take, ok := known[c.Name()]; ok {
			switch {
			case take != nil:
				take(c)
			case word(c):
				w.passed(c)
			default:
				w.sweep(role, kind, c)
			}
			continue
		}
		for name := range known {
			if strings.EqualFold(name, c.Name()) {
				w.err = ErrSpelling
			}
		}
		w.field(role, kind, c)
	}
}

// refuse gives the reason for which the body is refused.
func (w *walker) refuse(when bool, why error) {
	if when {
		w.err = why
	}
}

// name reads a name, and sweeps what is none.
func (w *walker) name(n doc.Node) string {
	if !word(n) {
		w.sweep(System, Other, n)
	}
	return n.Text()
}

// number reads a whole number, or 0 where there is null. Any other spelling is refused: what
// others read there is not known.
func (w *walker) number(n doc.Node) int64 {
	v, ok := n.Int()
	if !ok && !n.Is('n') {
		w.err = ErrNumber
	}
	return v
}

// flag reads true, or false where there is null. Any other value is refused: some servers take it for
// true.
func (w *walker) flag(n doc.Node) bool {
	w.refuse(!n.Is('t') && !n.Is('f') && !n.Is('n'), ErrFlag)
	return n.True()
}

// each calls take for each element of an array, or for the value itself.
func each(n doc.Node, take func(doc.Node)) {
	if !n.Is('[') {
		take(n)
		return
	}
	for c := range n.Children() {
		take(c)
	}
}

// open parses a body into a view.
func open(body []byte) (*walker, doc.Node, error) {
	d, err := doc.Parse(body)
	if err != nil {
		return nil, doc.Node{}, err
	}
	if !d.Root().Is('{') {
		return nil, doc.Node{}, ErrShape
	}
	return &walker{View: &View{doc: d}}, d.Root(), nil
}

// opened is open for an event of a stream, of the kind that its data or else its name says.
func opened(name string, data []byte) (w *walker, root doc.Node, e *Event, kind string, err error) {
	if w, root, err = open(data); err != nil {
		return nil, root, nil, "", err
	}
	e = &Event{View: *w.View}
	w.View = &e.View
	return w, root, e, cmp.Or(root.Get("type").Text(), name), nil
}
