package translate

import (
	"encoding/json"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/doc"
)

type role uint8

const (
	system role = iota
	user
	assistant
)

// message is one of a conversation. What tools answered is the user's.
type message struct {
	place string
	role  role
	parts []part
	calls []called
	kept  kept // thoughts after the last call
}

// part is a piece of what a message holds: a text, media, or what a tool answered.
type part struct {
	place string
	text  string
	cache json.RawMessage

	mime, data string // media, in base64
	url        string // media that the provider fetches
	title      string // of a file

	result bool // of the call id
	id     string
	parts  []part
}

func (p *part) media() bool { return p.data != "" || p.url != "" }

// called is a tool that the model called.
type called struct {
	place    string
	id, name string
	args     json.RawMessage
	kept     kept // thoughts before it
}

func (r *reader) messages(a *ask, n doc.Node) {
	if !n.Is('[') {
		r.refuse("messages", wrongShape)
		return
	}
	i := -1
	for c := range n.Children() {
		i++
		m := message{place: at("messages", i)}
		content := c.Get("content")
		switch c.Get("role").Text() {
		case "system", "developer":
			r.only(m.place, c, "role", "content")
			m.role, m.parts = system, r.texts(m.place+".content", content)
		case "user":
			r.only(m.place, c, "role", "content")
			m.role, m.parts = user, r.parts(m.place+".content", content)
			if len(m.parts) == 0 {
				r.refuse(m.place+".content", "it is empty")
			}
		case "assistant":
			r.spoken(&m, c)
		case "tool":
			r.only(m.place, c, "role", "content", "tool_call_id", "name")
			id, _, _ := strings.Cut(c.Get("tool_call_id").Text(), mark)
			if id == "" {
				r.refuse(m.place+".tool_call_id", wrongShape)
			}
			m.role = user
			m.parts = []part{{place: m.place, result: true, id: id, parts: r.parts(m.place+".content", content)}}
		default:
			r.refuse(m.place+".role", r.to+noCounterpart)
		}
		a.messages = append(a.messages, m)
	}
}

// spoken reads a message of the model's. What it was heard thinking is not read: it has
// its signature only in what was kept.
func (r *reader) spoken(m *message, n doc.Node) {
	m.role = assistant
	r.only(m.place, n, "role", "content", "refusal", "tool_calls", "extra_content", "reasoning_content", "reasoning", "reasoning_details", "annotations")
	m.parts = r.texts(m.place+".content", n.Get("content"))
	if text := n.Get("refusal").Text(); text != "" {
		m.parts = append(m.parts, part{place: m.place + ".refusal", text: text})
	}
	if x := n.Get("extra_content"); said(x) {
		m.kept = r.kept(m.place+".extra_content", x)
	}
	i := -1
	for c := range n.Get("tool_calls").Children() {
		i++
		place := at(m.place+".tool_calls", i)
		if kind := c.Get("type").Text(); kind != "function" && kind != "" {
			r.lacks(place + ".type")
			continue
		}
		r.only(place, c, "id", "type", "index", "function", "extra_content")
		f := c.Get("function")
		r.only(place+".function", f, "name", "arguments")
		call := called{place: place, name: f.Get("name").Text(), args: r.arguments(place+".function.arguments", f.Get("arguments"))}
		call.id, call.kept = r.unkept(place+".id", c.Get("id").Text())
		if x := c.Get("extra_content"); said(x) && call.kept.none() {
			call.kept = r.kept(place+".extra_content", x)
		}
		if call.name == "" || call.id == "" {
			r.refuse(place, wrongShape)
		}
		m.calls = append(m.calls, call)
	}
}

// arguments are those of a call, which both providers have as an object.
func (r *reader) arguments(place string, n doc.Node) json.RawMessage {
	text := n.Text()
	if n.Is('"') && strings.TrimSpace(text) == "" {
		return json.RawMessage(`{}`)
	}
	d, err := doc.Parse([]byte(text))
	if err != nil || !d.Root().Is('{') {
		r.refuse(place, "this is not an object in JSON")
		return nil
	}
	return d.Root().Raw()
}

// texts are the parts of what can hold nothing but text.
func (r *reader) texts(place string, n doc.Node) []part {
	parts := r.parts(place, n)
	for _, p := range parts {
		if p.media() {
			r.lacks(p.place)
		}
	}
	return parts
}

// parts reads what a message holds, without texts that are empty.
func (r *reader) parts(place string, n doc.Node) (out []part) {
	if n.Is('"') || !said(n) {
		if n.Text() != "" {
			out = append(out, part{place: place, text: n.Text()})
		}
		return out
	}
	if !n.Is('[') {
		r.refuse(place, wrongShape)
	}
	i := -1
	for c := range n.Children() {
		i++
		p := part{place: at(place, i), cache: c.Get("cache_control").Raw()}
		kind := c.Get("type").Text()
		if kind == "" || !c.Is('{') {
			r.refuse(p.place, wrongShape)
			return out
		}
		r.only(p.place, c, "type", kind, "cache_control")
		in := c.Get(kind)
		switch kind {
		case "text", "refusal":
			p.text = in.Text()
		case "image_url":
			r.image(&p, in)
		case "input_audio":
			r.only(p.place+"."+kind, in, "data", "format")
			if p.mime, p.data = "audio/"+in.Get("format").Text(), in.Get("data").Text(); !mediaTypes[p.mime] {
				r.lacks(p.place + ".input_audio.format")
			}
		case "file":
			r.file(&p, in)
		default:
			r.lacks(p.place + ".type")
		}
		if p.text != "" || p.media() {
			out = append(out, p)
		} else if kind != "text" && kind != "refusal" {
			r.refuse(p.place, wrongShape)
		}
	}
	return out
}

// image reads an image: in the request, or where the provider fetches it. How closely to
// look is a hint.
func (r *reader) image(p *part, n doc.Node) {
	place := p.place + ".image_url"
	if n.Is('{') {
		r.only(place, n, "url", "detail")
		n, place = n.Get("url"), place+".url"
	}
	url := n.Text()
	switch {
	case strings.HasPrefix(url, "data:"):
		r.inline(p, place, url)
	case strings.HasPrefix(url, "https://"):
		p.url = url
	default:
		r.refuse(place, "an image is sent as a data: URL, or as one that begins with https://")
	}
}

func (r *reader) file(p *part, n doc.Node) {
	place := p.place + ".file"
	r.only(place, n, "file_data", "filename")
	p.title = n.Get("filename").Text()
	r.inline(p, place+".file_data", n.Get("file_data").Text())
}

// inline reads a data: URL.
func (r *reader) inline(p *part, place, url string) {
	rest, ok := strings.CutPrefix(url, "data:")
	kind, data, found := strings.Cut(rest, ";base64,")
	if !ok || !found || data == "" {
		r.refuse(place, "this is not a data: URL in base64")
		return
	}
	p.mime, _, _ = strings.Cut(kind, ";")
	p.data = data
	if !mediaTypes[p.mime] {
		r.lacks(place)
	}
}

// mediaTypes are what goes on in base64. No other: it could be text that no rule sees.
var mediaTypes = words(`image/png image/jpeg image/jpg image/gif image/webp image/heic image/heif application/pdf
	audio/wav audio/mp3 audio/mpeg audio/aac audio/ogg audio/flac audio/aiff`)
