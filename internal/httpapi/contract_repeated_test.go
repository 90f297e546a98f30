package httpapi_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// A host that has names of headers and trailers from a value tells no agent so, whatever letters are capitals, and also where
// the value is stored with the line break of a file.
func TestNoHeaderHasAValueAsItsName(t *testing.T) {
	s := openStreaming(t)
	const value = "Tok_aBcDeF-0123456789"
	s.keep("k", value, object{"hosts": []string{s.up.host()}})
	s.keep("line", value+"\n", object{"hosts": []string{s.up.host()}})
	s.up.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for i, name := range []string{value, strings.ToUpper(value), "X-" + strings.ToLower(value) + "-Z", "Fine"} {
			w.Header()[name] = []string{fmt.Sprint(i)} // as it is
			w.Header()[http.TrailerPrefix+name] = []string{fmt.Sprint(i)}
		}
		_, _ = io.WriteString(w, "ok")
	})
	for _, path := range []string{"k", "line"} {
		f, text, err := s.whole(object{"method": "GET", "url": s.up.URL + "/", "headers": bearer(path)}, nil)
		if err != nil || text != "ok" || f.header("Fine") != "3" {
			t.Fatalf("%q %v %+v", text, err, f)
		}
		if got := f.Trailer.Get("Oneclaw-Trailers"); got != `[["Fine","3"]]` {
			t.Errorf("%s: the trailers are %s", path, got)
		}
		if got := fmt.Sprint(f.Headers); strings.Contains(strings.ToLower(got), "tok_") {
			t.Errorf("%s: the headers are %s", path, got)
		}
		one := s.asks(object{"method": "GET", "url": s.up.URL + "/", "headers": object{"Authorization": "Bearer {{secret:" + path + "}}"}}).want(200)
		if got := strings.ToLower(string(one.body)); strings.Contains(got, "tok_") || !strings.Contains(got, `"fine":"3"`) {
			t.Errorf("%s: http-request has %s", path, got)
		}
	}
}

// foldedNames are names of headers that say a value in another spelling: their letters come in either case.
func foldedNames(value string) (out []string) {
	hexed := hex.EncodeToString([]byte(value))
	pairs, escaped, part := "", "", ""
	for i := 0; i < len(hexed); i += 2 {
		pairs += "-" + hexed[i:i+2]
		escaped += "%" + hexed[i:i+2]
	}
	for i, c := range value {
		part += string(c)
		if i%4 == 3 {
			part += "_."
		}
	}
	out = []string{hexed, strings.ToUpper(hexed), "X-" + hexed, "X-" + pairs[1:], "X" + strings.ReplaceAll(pairs, "-", "."), "X-" + escaped, "X-" + part, "X-" + value[:5] + escaped[15:]}
	for _, before := range []string{"", "a", "ab"} {
		for _, as := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			coded := strings.ReplaceAll(as.EncodeToString([]byte(before+value)), "/", "_")
			out = append(out, "X-"+coded, strings.ToLower(coded), strings.ToUpper(coded)+"-X")
		}
	}
	return out
}

// A host that writes a value into names of headers and trailers in another spelling tells it to no agent either, and each
// that is left out counts.
func TestNoHeaderHasAValueAsItsNameInAnotherSpelling(t *testing.T) {
	s := openStreaming(t)
	x := &executing{session: s.session, up: s.up, agent: s.ada.agent(object{"name": "executing", "reveal": "never", "execution_intents_enabled": true})}
	const value = "sk-Live?aB~c/0123456789"
	s.keep("k", value, object{"hosts": []string{s.up.host()}})
	x.bind(object{"credential": value}).want(201)
	name, trailer := "", ""
	s.up.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()[name] = []string{"leaks"}
		w.Header()["X-Request-Id"] = []string{"stays"}
		if trailer != "" {
			w.Header()[http.TrailerPrefix+trailer] = []string{"leaks"}
			w.Header()[http.TrailerPrefix+"X-Checksum"] = []string{"stays"}
		}
		_, _ = io.WriteString(w, "ok")
	})
	for _, name = range foldedNames(value) {
		if strings.ContainsAny(name, "?/") {
			continue // in no name
		}
		trailer = ""
		one := s.asks(object{"method": "GET", "url": s.up.URL + "/", "headers": object{"Authorization": "Bearer {{secret:k}}"}}).want(200)
		ran := x.runs(object{"method": "GET", "path": "/a"}).want(200)
		trailer = name
		f, text, err := s.whole(object{"method": "GET", "url": s.up.URL + "/", "headers": bearer("k")}, nil)
		if err != nil || text != "ok" {
			t.Fatalf("%q %v", text, err)
		}
		for what, got := range map[string]string{"http-request": string(one.body), "execute": string(ran.body), "http-stream": fmt.Sprint(f.Headers)} {
			if strings.Contains(got, "leaks") || !strings.Contains(got, "stays") {
				t.Errorf("%s with %s: %s", what, name, got)
			}
		}
		if got := f.Trailer.Get("Oneclaw-Trailers"); got != `[["X-Checksum","stays"]]` {
			t.Errorf("%s: the trailers are %s", name, got)
		}
		if a, b := fmt.Sprint(one.json()["redactions"]), fmt.Sprint(ran.json()["redactions_applied"]); a != "1" || b != "1" {
			t.Errorf("%s: %s and %s redactions\n%s", name, a, b, ran.body)
		}
	}
}

// The signature of a body is good for every request with it, so a host that repeats it shows it to nobody, in no spelling.
func TestASignatureOfABodyIsNotShown(t *testing.T) {
	s := openStreaming(t)
	s.keep("hmac", "hmac-key-1", object{"hosts": []string{s.up.host()}, "in": "hmac"})
	for name, written := range map[string]func(sent string, raw []byte) string{
		"hexadecimal": func(sent string, _ []byte) string { return sent },
		"capitals":    func(sent string, _ []byte) string { return strings.ToUpper(sent) },
		"both":        func(sent string, _ []byte) string { return strings.ToUpper(sent[:31]) + sent[31:] },
		"pairs": func(_ string, raw []byte) string {
			return strings.Trim(strings.ReplaceAll(fmt.Sprintf("% X", raw), " ", ":"), ":")
		},
		"base64":    func(_ string, raw []byte) string { return base64.StdEncoding.EncodeToString(raw) },
		"base64url": func(_ string, raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) },
		"within more": func(_ string, raw []byte) string {
			return base64.StdEncoding.EncodeToString(append([]byte("v1="), raw...))
		},
		"base64 of its digits": func(sent string, _ []byte) string { return base64.StdEncoding.EncodeToString([]byte(sent)) },
	} {
		sent, said := "", ""
		s.up.say = func(w http.ResponseWriter, r *http.Request, _ []byte) {
			sent = r.Header.Get("X-Signature")
			raw, _ := hex.DecodeString(sent)
			said = written(sent, raw)
			w.Header().Set("X-Signature", said)
			w.Header().Set("X-"+strings.ReplaceAll(base64.RawURLEncoding.EncodeToString(raw), "-", "."), "in a name")
			_, _ = io.WriteString(w, "signed "+said)
		}
		for i := range 8 { // what a body is signed with differs
			body := fmt.Sprint("the body ", i)
			got := s.asks(object{"method": "POST", "url": s.up.URL + "/", "headers": object{"X-Signature": "{{secret:hmac}}"}, "body": body}).want(200)
			if text := string(got.body); len(sent) != 64 || strings.Contains(text, said[4:20]) || !strings.Contains(text, "signed ") || strings.Count(text, "[REDACTED:hmac]") != 2 || strings.Contains(text, "in a name") {
				t.Errorf("%s: %q was sent: %s", name, sent, text)
			}
			f, text, err := s.whole(object{"method": "POST", "url": s.up.URL + "/", "headers": [][2]string{{"X-Signature", "{{secret:hmac}}"}, {"Content-Type", "text/plain"}}}, strings.NewReader(body))
			if stars := strings.Repeat("*", 10); err != nil || strings.Contains(text, said[4:20]) || !strings.HasPrefix(text, "signed ") || !strings.Contains(text, stars) || !strings.Contains(f.header("X-Signature"), stars) || strings.Contains(fmt.Sprint(f.Headers), "in a name") {
				t.Errorf("%s: %v: %q %v", name, err, text, f.Headers)
			}
		}
	}
}

// A password that is too short to be told from other text is sent to nobody, however the credential that it is in is written.
func TestAPasswordThatIsTooShortIsNotSent(t *testing.T) {
	s := openStreaming(t)
	host := []string{s.up.host()}
	for name, value := range map[string]string{"pair": "ada:pw12", "long": "ada.lovelace@example.com:pw12345", "blanks": "ada:p w 1 2 3", "line": "ada.lovelace:pw12\n", "user": "short-u:"} {
		s.keep(name, value, object{"hosts": host, "in": "basic"})
	}
	s.keep("json", `{"user":"ada.lovelace","password":"pw12"}`, object{"hosts": host})
	s.keep("json-basic", `{"username":"ada.lovelace","password":"pw12"}`, object{"hosts": host, "in": "basic"})
	for _, name := range []string{"pair", "long", "blanks", "line", "user", "json", "json-basic", "json#password"} {
		s.asks(object{"method": "GET", "url": s.up.URL + "/", "headers": object{"Authorization": "{{secret:" + name + "}}"}}).want(409, "value_too_short")
		f, text, err := s.whole(object{"method": "GET", "url": s.up.URL + "/", "headers": [][2]string{{"Authorization", "{{secret:" + name + "}}"}}}, nil)
		if err != nil || f.StatusCode != 409 || !strings.Contains(text, "value_too_short") {
			t.Errorf("%s: %v %s", name, err, text)
		}
	}
	if s.up.calls() != 0 {
		t.Errorf("%d were sent", s.up.calls())
	}
	// A key that is the user of a pair is a value of its own.
	s.keep("key", "sk_live_12345:", object{"hosts": host, "in": "basic"})
	s.keep("token", "0123456789abcdefghij:x-oauth-basic", object{"hosts": host, "in": "basic"})
	s.up.say = func(w http.ResponseWriter, r *http.Request, _ []byte) {
		user, _, _ := r.BasicAuth()
		_, _ = io.WriteString(w, "you are "+user)
	}
	for _, name := range []string{"key", "token"} {
		if got := s.asks(object{"method": "GET", "url": s.up.URL + "/", "headers": object{"Authorization": "{{secret:" + name + "}}"}}).want(200); got.str("body") != "you are [REDACTED:"+name+"]" {
			t.Errorf("%s: %s", name, got.body)
		}
	}
}

// So it is with credentials of an agent's bindings: those are refused when they are stored, and lent secrets when they are used.
func TestACredentialWithAPasswordThatIsTooShortIsNotUsed(t *testing.T) {
	x := openExecuting(t)
	basic := object{"base_url": x.up.URL, "auth_type": "basic"}
	database := object{"host": "127.0.0.1", "database": "d", "username": "u"}
	for name, fields := range map[string]object{
		"a pair":                  {"credential": "ada:pw12", "config": basic},
		"a pair with a long name": {"credential": "ada.lovelace@example.com:pw12345", "config": basic},
		"the type basic":          {"credential": object{"type": "basic", "username": "ada.lovelace", "password": "pw12345"}},
		"blanks":                  {"credential": object{"type": "basic", "username": "ada.lovelace", "password": "p w 1 2 3"}},
		"of a database":           {"binding_type": "postgres", "config": database, "credential": object{"type": "basic", "username": "ada.lovelace", "password": "pw12345"}},
		"JSON as a password":      {"binding_type": "postgres", "config": database, "credential": `{"user":"ada.lovelace","password":"pw12"}`},
		"JSON as a text":          {"credential": `{"user":"ada.lovelace","password":"pw12"}`},
	} {
		if got := x.bind(fields); got.status != 400 || !strings.Contains(string(got.body), "credential_too_short") {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	for name, c := range map[string]struct {
		value string
		kind  string
		on    object
		what  object
	}{
		"pair":     {"ada:pw12", "http", basic, object{"method": "GET", "path": "/a"}},
		"json":     {`{"user":"ada.lovelace","password":"pw12"}`, "http", object{"base_url": x.up.URL}, object{"method": "GET", "path": "/a"}},
		"type":     {`{"type":"basic","username":"ada.lovelace","password":"pw12345"}`, "postgres", database, object{"query": "SELECT 1"}},
		"password": {`{"user":"ada.lovelace","password":"pw12"}`, "postgres", database, object{"query": "SELECT 1"}},
	} {
		x.ada.put(x.vault, "keys/"+name, c.value)
		x.bind(object{"name": name, "binding_type": c.kind, "config": c.on, "credential": nil, "credential_source": object{"type": "vault_ref", "vault_id": x.vault, "path": "keys/" + name}}).want(201)
		got := x.do("POST", x.at("/execute"), x.agent.token, object{"binding": name, "intent_type": c.kind, "params": c.what})
		if !strings.Contains(string(got.body), "value_too_short") {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	if x.up.calls() != 0 {
		t.Errorf("%d requests were sent", x.up.calls())
	}
}
