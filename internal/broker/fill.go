package broker

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/oneclaw-dev/oneclaw/internal/binding"
	"github.com/oneclaw-dev/oneclaw/internal/erase"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/known"
)

var (
	errShort = fault.New(fault.Conflict, "value_too_short",
		"The secret, or the password in it, has fewer than 8 bytes: it could not be told from other text in the answer, so it is not sent.")
	errValue = fault.New(fault.Conflict, "value_not_usable",
		"The secret's value can't stand in this place: it has line breaks, control characters or bytes that are no text, or is not of the form that the binding needs.")
)

// fits reports whether the slot is where the binding puts the secret, written as it has to be.
func (s *slot) fits(b *binding.Binding) bool {
	alone := s.after == "" && s.before == ""
	switch in := b.In; in.Kind() {
	case "bearer", "oauth2":
		return s.place == authorization && s.after == "" && (s.before == "" || strings.EqualFold(s.before, "bearer ") || strings.EqualFold(s.before, "token "))
	case "basic":
		user, named, ok := s.user()
		return s.place == authorization && s.after == "" && ok && (!named || b.User == "" || b.User == user)
	case "sigv4":
		return s.place == authorization && alone
	case "hmac":
		return s.place == binding.Place("header:"+http.CanonicalHeaderKey(b.Header)) && alone
	default:
		return s.place == in
	}
}

// user is the name that basic credentials have before the reference: USER: or nothing.
func (s *slot) user() (user string, named, ok bool) {
	const basic = "basic "
	if s.before == "" {
		return "", false, true
	}
	if len(s.before) < len(basic) || !strings.EqualFold(s.before[:len(basic)], basic) {
		return "", false, false
	}
	if user = s.before[len(basic):]; user == "" {
		return "", false, true
	}
	user, named = strings.CutSuffix(user, ":")
	return user, named, named && !strings.Contains(user, ":")
}

const authorization binding.Place = "header:Authorization"

// filled is a request with its secrets. Wipe it when it was sent.
type filled struct {
	header http.Header
	query  url.Values
	body   []byte
	hidden []known.Value // what no answer may show
	fresh  []known.Value // the same, of this request alone
	sign   []func(*http.Request, []byte, time.Time) error
	macs   []signature // headers that hmac bindings have written
	whole  bool        // what signs signs the body
}

// signature is a header with an HMAC of a body. No answer shows it: it is good for any request with that body.
type signature struct{ label, header string }

// fill puts the values where their slots are. use[i] is the binding of slot i, value[i] its
// value.
func (d *draft) fill(use []*binding.Binding, value []secret.Bytes) (f filled, err error) {
	f = filled{header: d.header.Clone(), query: d.query, body: d.body}
	edits := make([]edit, 0, len(d.slots))
	for i := range d.slots {
		s, b := &d.slots[i], use[i]
		text := plain(value[i])
		user, named, _ := s.user()
		if !named {
			user, named = b.User, b.User != ""
		}
		if b.Short(text, named) {
			return f, errShort
		}
		f.hidden = append(f.hidden, known.Value{Label: s.ref.Path.String(), Value: value[i]})
		switch b.In.Kind() {
		case "bearer":
			err = f.set("Authorization", cmp.Or(s.before, "Bearer "), text, "")
		case "basic":
			err = f.basic(s.ref.Path.String(), user, named, text)
		case "header":
			err = f.set(b.In.Name(), s.before, text, s.after)
		case "query":
			f.query = cloned(f.query)
			f.query.Set(b.In.Name(), s.before+string(text)+s.after)
		case "body":
			if d.form != nil {
				d.form.Set(strings.TrimPrefix(b.In.Name(), "/"), s.before+string(text)+s.after)
				break
			}
			quoted, e := jsontext.AppendQuote(nil, s.before+string(text)+s.after)
			if e != nil {
				err = errValue
			}
			edits = append(edits, edit{s.from, s.to, quoted})
		case "oauth2":
			err = f.token(s, d.tokens[i])
		case "sigv4":
			err = f.awsKey(d, b, value[i])
		case "hmac":
			f.hmacKey(s.ref.Path.String(), b, value[i])
		default:
			err = errValue
		}
		if err != nil {
			return f, err
		}
	}
	if d.form != nil {
		f.body = []byte(d.form.Encode())
	} else if len(edits) > 0 {
		f.body = apply(d.body, edits)
	}
	return f, nil
}

type edit struct {
	from, to int
	with     []byte
}

func apply(body []byte, edits []edit) []byte {
	slices.SortFunc(edits, func(a, b edit) int { return a.from - b.from })
	var out bytes.Buffer
	at := 0
	for _, e := range edits {
		out.Write(body[at:e.from])
		out.Write(e.with)
		at = e.to
	}
	out.Write(body[at:])
	return out.Bytes()
}

// plain is the value without the line break that many files end with.
func plain(v secret.Bytes) []byte { return bytes.TrimRight(v.Reveal(), "\r\n") }

// set writes a header. RFC 9110, section 5.5, allows no control characters in it.
func (f *filled) set(name, before string, value []byte, after string) error {
	if bytes.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' }) {
		return errValue
	}
	f.header.Set(name, before+string(value)+after)
	return nil
}

// longName is the size from which on the user in a pair counts as a key, unless it is an address: some services take
// their keys so, with a password that is the same for everybody.
const longName = 16

// basic writes credentials of RFC 7617: the value is the password of a user who is named, or USER:PASSWORD, or
// a user name with an empty password, as many services take their keys.
func (f *filled) basic(label, user string, named bool, value []byte) error {
	pair := value
	switch {
	case named:
		pair = append([]byte(user+":"), value...)
	case !bytes.Contains(value, []byte(":")):
		pair = append(bytes.Clone(value), ':')
	}
	name, password, _ := bytes.Cut(pair, []byte(":"))
	f.hidden = append(f.hidden, known.Value{Label: label, Value: secret.New(bytes.Clone(binding.Alone(name, password)))})
	if !named && len(name) >= longName && !bytes.Contains(name, []byte("@")) {
		f.hidden = append(f.hidden, known.Value{Label: label, Value: secret.New(bytes.Clone(name))})
	}
	if bytes.ContainsFunc(pair, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return errValue
	}
	erase.Do(func() { f.header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString(pair)) })
	return nil
}

func cloned(v url.Values) url.Values {
	out := make(url.Values, len(v))
	for k, x := range v {
		out[k] = slices.Clone(x)
	}
	return out
}
