package mcpserver_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/mcpserver"
)

// putBody is a put_secret of what value stands for.
func putBody(path, value string) string {
	return `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"put_secret","arguments":{"path":"` + path + `","value":` + value + `}}}`
}

// ascii is a JSON string in which nothing but ASCII is left, as many clients write.
func ascii(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r < 0x80 {
			b.WriteRune(r)
			continue
		}
		b.WriteString(`\u00` + string("0123456789abcdef"[r>>4&15]) + string("0123456789abcdef"[r&15]))
	}
	return `"` + b.String() + `"`
}

// TestEveryValueThatTheAPITakesPasses: however a client writes it.
func TestEveryValueThatTheAPITakesPasses(t *testing.T) {
	a := newContractAPI(t)
	a.addVault(vaultOne, "main")
	s, _ := overHTTP(t, a)
	const most = 5 << 20
	quoted := func(s string) string { b, _ := json.Marshal(s); return string(b) }
	for name, c := range map[string]struct{ value, sent string }{
		"plain":         {strings.Repeat("v", most), `"` + strings.Repeat("v", most) + `"`},
		"lines":         {strings.Repeat("\n", most), `"` + strings.Repeat(`\n`, most) + `"`},
		"not ASCII":     {strings.Repeat("é", most/2), ascii(strings.Repeat("é", most/2))},
		"angle bracket": {strings.Repeat("<", most/4), quoted(strings.Repeat("<", most/4))},
		"medium":        {strings.Repeat("v", 9000), `"` + strings.Repeat("v", 9000) + `"`},
		"short":         {"v", `"v"`},
	} {
		t.Run(name, func(t *testing.T) {
			path := strings.ReplaceAll(name, " ", "-")
			status, _, got := post(t, s.URL, "POST", putBody(path, c.sent), withHeaders{"Authorization": "Bearer " + agentKey})
			if status != 200 || !strings.Contains(got, "Secret stored at") {
				t.Fatalf("%d %.300s", status, got)
			}
			if stored := a.valueAt(path); stored != c.value {
				t.Errorf("%d bytes were stored, of %d", len(stored), len(c.value))
			}
		})
	}
	for name, sent := range map[string]string{
		"one byte too long": `"` + strings.Repeat("v", most+1) + `"`,
		"far too long":      `"` + strings.Repeat("v", 17<<20) + `"`,
	} {
		if _, _, got := post(t, s.URL, "POST", putBody("no", sent), withHeaders{"Authorization": "Bearer " + agentKey}); strings.Contains(got, "Secret stored") || strings.Contains(got, "vvv") {
			t.Errorf("%s: %.300s", name, got)
		}
	}
}

// ambiguous are messages that two readers could take for two.
var ambiguous = map[string]string{
	"a method twice":       `{"jsonrpc":"2.0","id":7,"method":"ping","method":"tools/list"}`,
	"a path twice":         `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"get_secret","arguments":{"path":"none","path":"db/password"}}}`,
	"a key in two cases":   `{"jsonrpc":"2.0","id":7,"method":"ping","Method":"tools/list"}`,
	"a key by its escape":  `{"jsonrpc":"2.0","id":7,"method":"ping","meth\u006fd":"tools/list"}`,
	"text behind":          `{"jsonrpc":"2.0","id":7,"method":"ping"} x`,
	"a message behind":     `{"jsonrpc":"2.0","id":7,"method":"ping"}{"jsonrpc":"2.0","id":8,"method":"ping"}`,
	"a bracket behind":     `{"jsonrpc":"2.0","id":7,"method":"ping"}}`,
	"not UTF-8":            "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"ping\",\"params\":{\"a\":\"\xff\"}}",
	"half a surrogate":     `{"jsonrpc":"2.0","id":7,"method":"ping","params":{"a":"\ud800"}}`,
	"too deep":             `{"jsonrpc":"2.0","id":7,"method":"ping","params":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`,
	"a great many of keys": `{"jsonrpc":"2.0","id":7,"method":"ping","params":[` + strings.Repeat("0,", 60_000) + `0]}`,
}

func TestAmbiguousMessagesAreRefused(t *testing.T) {
	a := newContractAPI(t)
	seeded(a)
	s, _ := overHTTP(t, a)
	for name, body := range ambiguous {
		t.Run(name, func(t *testing.T) {
			status, _, got := post(t, s.URL, "POST", body, withHeaders{"Authorization": "Bearer " + agentKey})
			if status != 400 || !strings.Contains(got, `"invalid_json"`) || strings.Contains(got, "hunter2") {
				t.Errorf("over HTTP: %d %.300s", status, got)
			}
			cmd, stderr := process(t, "ONECLAW_AGENT_API_KEY="+agentKey, "ONECLAW_BASE_URL="+a.URL)
			cmd.Stdin = strings.NewReader(hello + body + "\n" + `{"jsonrpc":"2.0","id":9,"method":"ping"}` + "\n")
			out, err := cmd.Output()
			if err != nil || !strings.Contains(string(out), `"code":-32700`) || !strings.Contains(string(out), `"id":9,"result"`) {
				t.Errorf("over stdio: %v %s %s", err, out, stderr)
			}
			if strings.Contains(string(out), `"id":7`) || strings.Contains(string(out), `"id":8`) || strings.Contains(string(out), "hunter2") {
				t.Errorf("over stdio it was carried out: %s", out)
			}
		})
	}
}

// TestTheLongValueIsTheCallers: what stands in its place in other tools is not
// taken for one, nor one in another place.
func TestTheLongValueIsTheCallers(t *testing.T) {
	a := newContractAPI(t)
	seeded(a)
	s, _ := overHTTP(t, a)
	long := strings.Repeat("x", 20_000)
	for name, body := range map[string]string{
		"in a tool without a value": `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_secret","arguments":{"path":"db/password","value":"` + long + `"}}}`,
		"beside the arguments":      `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"value":"` + long + `","name":"get_secret","arguments":{"path":"db/password"}}}`,
	} {
		if status, _, got := post(t, s.URL, "POST", body, withHeaders{"Authorization": "Bearer " + agentKey}); status != 200 || !strings.Contains(got, "hunter2") {
			t.Errorf("%s: %d %.300s", name, status, got)
		}
	}
	if _, _, got := post(t, s.URL, "POST", putBody("list", `["`+long+`"]`), withHeaders{"Authorization": "Bearer " + agentKey}); !strings.Contains(got, "must be a string") {
		t.Errorf("%.300s", got)
	}
}

func FuzzMessage(f *testing.F) {
	for _, m := range ambiguous {
		if len(m) < 1000 {
			f.Add([]byte(m))
		}
	}
	f.Add([]byte(pingBody))
	f.Add([]byte(putBody("a", `"`+strings.Repeat("v", 9000)+`"`)))
	f.Add([]byte(putBody("a", `"`+strings.Repeat(`\n`, 9000)+`"`)))
	f.Add([]byte(`{"params":{"arguments":{"value":{"value":1}}}}`))
	f.Fuzz(func(t *testing.T, message []byte) {
		rest, long, err := mcpserver.Unpack(message)
		if err != nil {
			return
		}
		if !json.Valid(rest) || len(long) > 0 && !json.Valid(long) {
			t.Errorf("%q became %q and %q", message, rest, long)
		}
		if len(long) == 0 && string(rest) != string(message) {
			t.Errorf("%q became %q", message, rest)
		}
	})
}
