package pages

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/oneclaw-dev/oneclaw/client"
)

// Odd is a name that would be markup where it is not escaped.
const Odd = `<script>alert("1")</script>&'`

// Shows opens a page, which has to be there, to hold texts, and to make no markup of Odd.
func (p *Person) Shows(path string, texts ...string) string {
	p.t.Helper()
	status, body := p.Get(path)
	if status != http.StatusOK {
		p.t.Fatalf("%s: %d\n%s", path, status, body)
	}
	if strings.Contains(body, "<script>alert") {
		p.t.Errorf("%s: a name is markup", path)
	}
	for _, text := range texts {
		if !strings.Contains(body, text) {
			p.t.Errorf("%s lacks %q\n%s", path, text, body)
		}
	}
	return body
}

// Does posts a form that leads on, and returns where to.
func (p *Person) Does(path string, form url.Values) string {
	p.t.Helper()
	status, to, body := p.Post(path, form)
	if status != http.StatusSeeOther || strings.HasPrefix(to, "/login") {
		p.t.Fatalf("%s: %d %q\n%s", path, status, to, body)
	}
	return to
}

// WithAgent makes an agent over the API, and returns it with a client of its own.
func (p *Person) WithAgent(a client.AgentCreate) (client.Agent, *client.Client) {
	p.t.Helper()
	made, err := p.Client().CreateAgent(p.t.Context(), a)
	p.must(err)
	return made.Agent, p.ClientOf(string(made.APIKey.Reveal()))
}
