package pages

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// Page is a page that a Person opened.
type Page struct {
	Path   string // with its query
	Status int
	Header http.Header
	Body   string
	Root   *html.Node
	Links  []string // paths of this server, with their queries
	Forms  []Form
}

// Form is one of a Page, with what it is filled with.
type Form struct {
	Method, Action string
	Fields         url.Values
}

// Open opens and reads a page.
func (p *Person) Open(path string) Page {
	p.t.Helper()
	status, h, body := p.Do(http.MethodGet, path, nil, nil)
	pg := Page{Path: path, Status: status, Header: h, Body: body}
	root, err := html.Parse(strings.NewReader(body))
	p.must(err)
	pg.Root = root
	base, err := url.Parse(path)
	p.must(err)
	for n := range root.Descendants() {
		switch {
		case n.Type != html.ElementNode:
		case n.Data == "a":
			if u, err := base.Parse(Attr(n, "href")); err == nil && Attr(n, "href") != "" && u.Host == "" && u.Path != "" {
				u.Fragment = ""
				pg.Links = append(pg.Links, u.String())
			}
		case n.Data == "form":
			pg.Forms = append(pg.Forms, formOf(n, base))
		}
	}
	return pg
}

// Walk opens every page that links lead to from the first one. Of addresses that differ
// only in an id, a value or a secret's path it opens the first two, and none of what agents
// sign and decrypt with, which nobody reaches.
func (p *Person) Walk() []Page {
	p.t.Helper()
	var all []Page
	times, seen := map[string]int{}, map[string]bool{}
	for next := []string{"/"}; len(next) > 0; next = next[1:] {
		path := next[0]
		if seen[path] || times[Shape(path)] == 2 || strings.HasPrefix(path, "/v1/") || strings.Contains(path, "/secret/agents/") || strings.HasPrefix(path, "/static/") {
			continue
		}
		seen[path] = true
		times[Shape(path)]++
		pg := p.Open(path)
		all = append(all, pg)
		next = append(next, pg.Links...)
	}
	return all
}

// Attr is an attribute of an element, empty when it has none.
func Attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// Has reports whether an element has an attribute.
func Has(n *html.Node, name string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
}

func formOf(form *html.Node, base *url.URL) Form {
	f := Form{Method: strings.ToUpper(Attr(form, "method")), Action: base.String(), Fields: url.Values{}}
	if f.Method == "" {
		f.Method = http.MethodGet
	}
	if u, err := base.Parse(Attr(form, "action")); err == nil && Attr(form, "action") != "" {
		f.Action = u.String()
	}
	for n := range form.Descendants() {
		name := Attr(n, "name")
		if n.Type != html.ElementNode || name == "" {
			continue
		}
		switch kind := Attr(n, "type"); {
		case n.Data == "textarea":
			f.Fields.Add(name, textOf(n))
		case n.Data == "select":
			f.Fields.Add(name, chosen(n))
		case n.Data == "input" && (kind == "checkbox" || kind == "radio"):
			if Has(n, "checked") {
				f.Fields.Add(name, Attr(n, "value"))
			}
		case n.Data == "input", n.Data == "button" && !f.Fields.Has(name):
			f.Fields.Add(name, Attr(n, "value"))
		}
	}
	return f
}

// chosen is the value of a list's option: the first one where none is chosen.
func chosen(list *html.Node) string {
	first, have := "", false
	for n := range list.Descendants() {
		if n.Type != html.ElementNode || n.Data != "option" {
			continue
		}
		value := Attr(n, "value")
		if !Has(n, "value") {
			value = textOf(n)
		}
		if Has(n, "selected") {
			return value
		}
		if !have {
			first, have = value, true
		}
	}
	return first
}

func textOf(n *html.Node) string {
	var b strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode {
			b.WriteString(c.Data)
		}
	}
	return b.String()
}

var (
	anID  = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	aPath = regexp.MustCompile(`^(/vaults/id/(?:secret|version|reveal|generate|restore|remove|purge|disable|bindings|share))/.*$`)
	aKey  = regexp.MustCompile(`^(/vaults/id/environment)/[^/]*/`)
	kept  = []string{"tab", "state", "kind", "status", "direction"} // parts of a query that choose another page
)

// Shape is an address without what names one of many things: pages of a shape look alike.
func Shape(address string) string {
	path, query, _ := strings.Cut(address, "?")
	path = anID.ReplaceAllString(path, "id")
	path = aKey.ReplaceAllString(aPath.ReplaceAllString(path, "$1/path"), "$1/key/")
	values, err := url.ParseQuery(query)
	if err != nil {
		return path
	}
	var parts []string
	for name := range values {
		if slices.Contains(kept, name) {
			name += "=" + values.Get(name)
		}
		parts = append(parts, name)
	}
	if len(parts) == 0 {
		return path
	}
	slices.Sort(parts)
	return path + "?" + strings.Join(parts, "&")
}
