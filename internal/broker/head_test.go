package broker

import (
	"net/http"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/binding"
)

// What is read of a head holds references in slots alone, and goes to the one host that its url names.
func FuzzHeads(f *testing.F) {
	for _, line := range []string{
		`{"method":"GET","url":"https://a.example/x?k={{secret:a}}&b=1","headers":[["Authorization","Basic u:{{secret:a/b}}"],["Host","A.example:443"]]}`,
		`{"method":"POST","url":"http://a.example:80/","headers":[["Connection","x, upgrade"],["Upgrade","websocket"],["TE","trailers"],["X","1"]],"vault_id":"v"}`,
		`{"method":"PUT","url":"https://[::1]/%2e","headers":[["Content-Length","5"],["Transfer-Encoding","chunked"],["X-Http_Method","GET"]],"aws":{"region":"r"}}`,
	} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		h, err := ReadHead(line)
		if err != nil {
			return
		}
		d := &h.draft
		if target, u, err := binding.ParseTarget(h.Method, d.url.String()); err != nil || target != d.target || u.Host != d.url.Host {
			t.Errorf("%q is sent to %v and matched as %v", line, d.url, d.target)
		}
		if has(d.url.String()) || has(unescaped(d.url.String())) {
			t.Errorf("%q: a reference is left in %v", line, d.url)
		}
		slots := map[binding.Place]bool{}
		for _, s := range d.slots {
			if slots[s.place] || has(s.before) || has(s.after) {
				t.Errorf("%q: %q is there twice", line, s.place)
			}
			slots[s.place] = true
		}
		for name, values := range d.header {
			for _, v := range values {
				if has(name) || has(v) != slots[binding.Place("header:"+name)] || has(v) && (len(values) > 1 || binding.Withheld(name)) || strings.ContainsAny(v, "\r\n\x00") {
					t.Errorf("%q: header %q: %q", line, name, v)
				}
			}
			switch name {
			case "Host", "Content-Length", "Transfer-Encoding", "Keep-Alive", "Range", "Accept-Encoding", "Proxy-Authorization", "Http2-Settings":
				t.Errorf("%q: %s is sent on", line, name)
			case "Connection", "Upgrade":
				if !h.upgrade || h.Method != http.MethodGet || len(values) != 1 {
					t.Errorf("%q: %s: %q", line, name, values)
				}
			}
		}
	})
}
