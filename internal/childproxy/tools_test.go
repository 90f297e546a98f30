package childproxy_test

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/client"
)

// bearer answers those alone who have the value, and repeats what it was sent.
func bearer(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer "+hidden {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	_, _ = fmt.Fprintf(w, "welcome over %s, %s", r.Proto, r.Header.Get("Authorization"))
}

func TestCurlUsesASecretThatItDoesNotHave(t *testing.T) {
	s := openStage(t)
	s.keep("k", hidden, client.Binding{Hosts: []string{"api.test"}})
	s.site.says(bearer)
	r := s.start(map[string]string{"API_TOKEN": "k"})
	for _, version := range []string{"--http1.1", "--http2"} {
		out := r.sh(`curl -fsS ` + version + ` -H "Authorization: Bearer $API_TOKEN" -w ' %{http_version}' https://api.test/v1/me?x=1`)
		if !strings.HasPrefix(out, "welcome over HTTP/") || strings.Contains(out, hidden) {
			t.Errorf("%s: got %q", version, out)
		}
		if !strings.HasSuffix(out, map[string]string{"--http1.1": " 1.1", "--http2": " 2"}[version]) {
			t.Errorf("%s: got %q", version, out)
		}
		if got := s.site.last(t); got.URL.String() != "/v1/me?x=1" || got.Host != "api.test" {
			t.Errorf("%s: the service got %s %s", version, got.Host, got.URL)
		}
	}
}

// Each client of a language reaches a bound host with a placeholder, the same host without one,
// and another host.
func TestClientsOfLanguages(t *testing.T) {
	s := openStage(t)
	s.keep("k", hidden, client.Binding{Hosts: []string{"api.test"}})
	s.site.says(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/open" {
			_, _ = w.Write([]byte("welcome without one"))
			return
		}
		bearer(w, r)
	})
	byProcess := s.start(map[string]string{"API_TOKEN": "k"})
	withToken := s.start(map[string]string{"API_TOKEN": "k"}, byToken)
	for name, script := range s.clients() {
		for how, r := range map[string]*run{"known by its process": byProcess, "with the token": withToken} {
			if name == "Java" && r == withToken {
				continue // it has no password for a proxy before CONNECT
			}
			t.Run(name+" "+how, func(t *testing.T) {
				r := *r
				r.s = &stage{World: s.World, t: t, dir: s.dir}
				for _, url := range []string{"https://api.test/", "https://api.test/open", "https://free.test/open"} {
					if out := r.sh(`export URL=` + url + `; [ $URL != https://free.test/open ] || API_TOKEN=none; ` + script); !strings.HasPrefix(out, "welcome") || strings.Contains(out, hidden) {
						t.Errorf("%s: got %q", url, out)
					}
				}
			})
		}
	}
}

// clients are scripts that fetch $URL with $API_TOKEN as bearer.
func (s *stage) clients() map[string]string {
	self, err := os.Executable()
	must(s.t, err)
	modules := npmModules(s.t)
	java, fetch := s.file("Fetch.java", fetchInJava), s.file("fetch.mjs", fetchInJavaScript)
	return map[string]string{
		"curl":     `curl -fsS -H "Authorization: Bearer $API_TOKEN" "$URL"`,
		"wget":     `wget -qO- --header="Authorization: Bearer $API_TOKEN" "$URL"`,
		"requests": `/usr/bin/python3 -c 'import os, requests; r = requests.get(os.environ["URL"], headers={"Authorization": "Bearer " + os.environ["API_TOKEN"]}); r.raise_for_status(); print(r.text)'`,
		"httpx":    `/usr/bin/python3 -c 'import os, httpx; r = httpx.get(os.environ["URL"], headers={"Authorization": "Bearer " + os.environ["API_TOKEN"]}); r.raise_for_status(); print(r.text)'`,
		"urllib":   `/usr/bin/python3 -c 'import os, urllib.request as u; print(u.urlopen(u.Request(os.environ["URL"], headers={"Authorization": "Bearer " + os.environ["API_TOKEN"]})).read().decode())'`,
		"axios":    `cd ` + modules + ` && node -e 'require("axios").get(process.env.URL, {headers: {Authorization: "Bearer " + process.env.API_TOKEN}}).then(r => console.log(r.data), e => { console.error(e.message, e.response && e.response.data); process.exit(1) })'`,
		"fetch":    `cd ` + modules + ` && node_modules/node-linux-*/bin/node -e 'fetch(process.env.URL, {headers: {Authorization: "Bearer " + process.env.API_TOKEN}}).then(r => r.ok ? r.text() : Promise.reject(r.status)).then(console.log, e => { console.error(e); process.exit(1) })'`,
		"Go":       `ONECLAW_TEST_FETCH=$URL exec ` + self,
		"Ruby":     `ruby -r net/http -e 'u = URI(ENV["URL"]); r = Net::HTTP.get_response(u, {"Authorization" => "Bearer " + ENV["API_TOKEN"]}); r.value; print r.body'`,
		"Deno":     `DENO_DIR=$PWD/deno DENO_NO_UPDATE_CHECK=1 ` + modules + `/node_modules/@deno/linux-*/deno run --quiet --allow-net --allow-env ` + fetch,
		"Bun":      modules + `/node_modules/@oven/bun-linux-*/bin/bun run ` + fetch,
		"Java":     `java ` + java + ` 2>&1 | grep -v "^Picked up"`,
	}
}

const fetchInJavaScript = `
import process from "node:process";
const r = await fetch(process.env.URL, {headers: {Authorization: "Bearer " + process.env.API_TOKEN}});
if (!r.ok) {
	console.error(r.status, await r.text());
	process.exit(1);
}
console.log(await r.text());
`

const fetchInJava = `
import java.net.*;
import java.nio.charset.StandardCharsets;

class Fetch {
	public static void main(String[] args) throws Exception {
		var c = (HttpURLConnection) new URL(System.getenv("URL")).openConnection();
		c.setRequestProperty("Authorization", "Bearer " + System.getenv("API_TOKEN"));
		System.out.print(new String(c.getInputStream().readAllBytes(), StandardCharsets.UTF_8));
	}
}
`

// npmModules is the folder with what the tests have from npm.
func npmModules(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	must(t, err)
	return strings.TrimSuffix(dir, "internal/childproxy") + "test/npm"
}
