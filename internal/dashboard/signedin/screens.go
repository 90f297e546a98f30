package signedin

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"path"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/oneclaw-dev/oneclaw/client"
)

//go:embed templates/*.html
var templates embed.FS

// screens are the templates of the pages, a set for each language: one set for each page would
// hold the parts that all have in common as often.
type screens struct {
	words words
	by    map[string]*template.Template
}

// frame is what every page is made of.
type frame struct {
	Lang, Title, Here string
	Page              string
	Me                *client.User // nil for who is not signed in
	Notice            string
	Dev               bool
	Version           string
	Path              string
	Content           template.HTML // what the page itself shows
}

func loadScreens(f files) screens {
	s := screens{words: loadWords(), by: map[string]*template.Template{}}
	names, err := templates.ReadDir("templates")
	if err != nil {
		panic(err)
	}
	for _, lang := range languages {
		set := template.Must(template.New("").Funcs(functions(s.words, lang, f)).ParseFS(templates, "templates/_*.html"))
		for _, n := range names {
			if !strings.HasPrefix(n.Name(), "_") {
				text, err := templates.ReadFile("templates/" + n.Name())
				if err != nil {
					panic(err)
				}
				template.Must(set.Parse(ownNames(strings.TrimSuffix(n.Name(), path.Ext(n.Name())), string(text))))
			}
		}
		s.by[lang] = set
	}
	return s
}

// defined are the names that a file gives to templates.
var defined = regexp.MustCompile(`{{-? ?define "([^"]+)"`)

// ownNames puts the page's name before the names of templates that its file defines: other
// pages have a content, too.
func ownNames(page, text string) string {
	var pairs []string
	for _, m := range defined.FindAllStringSubmatch(text, -1) {
		for _, word := range []string{"define", "template"} {
			pairs = append(pairs, word+` "`+m[1]+`"`, word+` "`+page+"/"+m[1]+`"`)
		}
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// buffers are those of pages: a page that can't be made whole is not sent in part.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// show writes a page.
func (v *visit) show(status int, name, title string, data any) error {
	f := frame{Lang: v.lang, Title: title, Page: name, Notice: v.notice(), Dev: v.Dev, Version: v.Version, Path: v.r.URL.RequestURI()}
	f.Here, _, _ = strings.Cut(strings.TrimPrefix(v.r.URL.Path, "/"), "/")
	if v.login.Hash != "" {
		me, err := v.api.Me(v.r.Context())
		if err != nil && name != "error" {
			return err
		}
		f.Me = me
	}
	if v.part() { // a script asks, which has the frame already
		return v.write(status, name+"/content", data)
	}
	content := buffers.Get().(*bytes.Buffer) //nolint:forcetypeassert // the pool holds nothing else
	defer giveBack(content)
	if err := v.screens.by[v.lang].ExecuteTemplate(content, name+"/content", data); err != nil {
		return err
	}
	f.Content = template.HTML(content.String()) //nolint:gosec // G203: a template made it, in the same context
	return v.write(status, "page", f)
}

// piece writes a part of a page, for the script that puts it into one.
func (v *visit) piece(name, part string, data any) error {
	return v.write(http.StatusOK, name+"/"+part, data)
}

// giveBack empties a buffer that may have held a secret.
func giveBack(b *bytes.Buffer) {
	clear(b.Bytes())
	b.Reset()
	buffers.Put(b)
}

func (v *visit) write(status int, template string, data any) error {
	out := buffers.Get().(*bytes.Buffer) //nolint:forcetypeassert // the pool holds nothing else
	defer giveBack(out)
	if err := v.screens.by[v.lang].ExecuteTemplate(out, template, data); err != nil {
		return err
	}
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.w.Header().Add("Vary", "Accept-Language")
	v.w.WriteHeader(status)
	_, _ = v.w.Write(out.Bytes()) // it fails when the browser is gone
	return nil
}

// functions are those of the templates.
func functions(w words, lang string, f files) template.FuncMap {
	t := func(text string, args ...any) string { return w.in(lang, text, args...) }
	return template.FuncMap{
		"t":       t,
		"asset":   f.address,
		"icon":    icon,
		"when":    when,
		"dict":    dict,
		"list":    func(all ...string) []string { return all },
		"short":   short,
		"langs":   func() []string { return languages },
		"lang":    func() string { return lang },
		"join":    strings.Join,
		"text":    textOf,
		"details": detailsOf,
		"add":     func(a, b int) int { return a + b },
	}
}

// when is a time that the script shows in the zone of who looks; without it it is UTC.
func when(at any) template.HTML {
	var t time.Time
	switch v := at.(type) {
	case time.Time:
		t = v
	case *time.Time:
		if v != nil {
			t = *v
		}
	}
	if t.IsZero() {
		return "–"
	}
	u := t.UTC()
	//nolint:gosec // G203: the two texts are times
	return template.HTML(`<time datetime="` + u.Format(time.RFC3339) + `">` + u.Format("2006-01-02 15:04") + ` UTC</time>`)
}

// dict makes what a component is given: names and values by turns.
func dict(pairs ...any) map[string]any {
	m := make(map[string]any, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		m[textOf(pairs[i])] = pairs[i+1]
	}
	return m
}

// short is the end of an id: ids of one day begin alike.
func short(id string) string {
	if len(id) <= 12 {
		return id
	}
	return "…" + id[len(id)-8:]
}
