package frame

import (
	"bytes"
	"embed"
	"html/template"
	"io/fs"
	"path"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/oneclaw-dev/oneclaw/client"
)

//go:embed templates/*.html
var templates embed.FS

// screens are the templates of the pages, all together for each language: those of each page
// by itself would hold the parts that all have in common as often.
type screens struct {
	words words
	by    map[string]*template.Template
}

// around is what every page is made of.
type around struct {
	Lang, Title, Here string
	Page              string
	Me                *client.User // nil for who is not signed in
	Notice            string
	Dev               bool
	Version           string
	Path              string
	Content           template.HTML // what the page itself shows
}

// loadScreens reads the templates of sets: first what all can use, then the pages.
func loadScreens(f files, sets []Set) screens {
	s := screens{words: loadWords(), by: map[string]*template.Template{}}
	pages := map[string]string{} // their texts by their names
	for _, one := range sets {
		names, err := fs.Glob(one.Templates, "templates/[^_]*.html")
		if err != nil {
			panic(err)
		}
		for _, file := range names {
			text, err := fs.ReadFile(one.Templates, file)
			if err != nil {
				panic(err)
			}
			name := strings.TrimSuffix(path.Base(file), ".html")
			if _, twice := pages[name]; twice {
				panic("frame: two pages are called " + name)
			}
			pages[name] = ownNames(name, string(text))
		}
	}
	for _, lang := range languages {
		all := template.New("").Funcs(functions(s.words, lang, f))
		for _, one := range sets {
			if shared, _ := fs.Glob(one.Templates, "templates/_*.html"); len(shared) > 0 { // only a malformed pattern is an error
				template.Must(all.ParseFS(one.Templates, shared...))
			}
		}
		for _, text := range pages {
			template.Must(all.Parse(text))
		}
		s.by[lang] = all
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

// Show writes a page: its name is that of its template, its title what the browser calls it.
func (v *Visit) Show(status int, name, title string, data any) error {
	f := around{Lang: v.lang, Title: title, Page: name, Notice: v.notice(), Dev: v.frame.Dev, Version: v.frame.Version, Path: v.R.URL.RequestURI()}
	f.Here, _, _ = strings.Cut(strings.TrimPrefix(v.R.URL.Path, "/"), "/")
	if v.Login.Hash != "" {
		me, err := v.API.Me(v.R.Context())
		if err != nil && name != "error" {
			return err
		}
		f.Me = me
	}
	if v.Part() { // a script asks, which has the frame already
		return v.write(status, name+"/content", data)
	}
	content := buffers.Get().(*bytes.Buffer) //nolint:forcetypeassert // the pool holds nothing else
	defer giveBack(content)
	if err := v.frame.screens.by[v.lang].ExecuteTemplate(content, name+"/content", data); err != nil {
		return err
	}
	f.Content = template.HTML(content.String()) //nolint:gosec // G203: a template made it, in the same context
	return v.write(status, "page", f)
}

// Piece writes a part of a page, for the script that puts it into one.
func (v *Visit) Piece(status int, name, part string, data any) error {
	return v.write(status, name+"/"+part, data)
}

// giveBack empties a buffer that may have held a secret.
func giveBack(b *bytes.Buffer) {
	clear(b.Bytes())
	b.Reset()
	buffers.Put(b)
}

func (v *Visit) write(status int, template string, data any) error {
	out := buffers.Get().(*bytes.Buffer) //nolint:forcetypeassert // the pool holds nothing else
	defer giveBack(out)
	if err := v.frame.screens.by[v.lang].ExecuteTemplate(out, template, data); err != nil {
		return err
	}
	v.W.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.W.Header().Add("Vary", "Accept-Language")
	v.W.WriteHeader(status)
	_, _ = v.W.Write(out.Bytes()) // it fails when the browser is gone
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
		"short":   Short,
		"langs":   func() []string { return languages },
		"lang":    func() string { return lang },
		"join":    strings.Join,
		"text":    Text,
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
		m[Text(pairs[i])] = pairs[i+1]
	}
	return m
}

// Short is the end of an id: ids of one day begin alike.
func Short(id string) string {
	if len(id) <= 12 {
		return id
	}
	return "…" + id[len(id)-8:]
}
