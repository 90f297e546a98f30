package childproxy_test

import (
	"net/http"
	"net/http/cgi"
	"os/exec"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/client"
)

// Git clones and pushes over https: the server first refuses, then gets the password.
func TestGitClonesAndPushes(t *testing.T) {
	s := openStage(t)
	s.keep("git", hidden, client.Binding{Hosts: []string{"git.test"}, In: "basic"})
	out, err := exec.CommandContext(t.Context(), "git", "--exec-path").Output()
	must(t, err)
	backend := &cgi.Handler{Path: strings.TrimSpace(string(out)) + "/git-http-backend", Env: []string{
		"GIT_PROJECT_ROOT=" + s.dir, "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=ada",
	}}
	s.site.says(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "ada" || password != hidden {
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		backend.ServeHTTP(w, r)
	})
	r := s.start(map[string]string{"GIT_PASSWORD": "git"})
	token := s.start(map[string]string{"GIT_PASSWORD": "git"}, byToken)
	r.sh(`
		git init -q --bare repo.git
		git -C repo.git config http.receivepack true
		git clone -q https://ada:$GIT_PASSWORD@git.test/repo.git one 2>/dev/null
		cd one
		head -c 9000000 /dev/urandom > large
		git add large
		git -c user.name=ada -c user.email=ada@example.com commit -qm first
		git push -q origin HEAD
		cd ..
		git clone -q https://ada:$GIT_PASSWORD@git.test/repo.git two
		cmp one/large two/large
	`)
	token.sh(`git ls-remote -q https://ada:$GIT_PASSWORD@git.test/repo.git | grep -q HEAD`) // is asked for the token first
	for _, q := range s.site.seen() {
		if strings.Contains(q.URL.String(), r.vars["GIT_PASSWORD"]) {
			t.Errorf("the service got %s", q.URL)
		}
	}
}
