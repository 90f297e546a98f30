package frame

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"path"

	"golang.org/x/text/language"
)

//go:embed words/*/*.json
var catalogues embed.FS

// languages are those that the pages have; the first is the one of the texts in the code.
var languages = []string{"en", "de", "es"}

// words are the catalogues: the English text is the key, the files of words/LANGUAGE have the
// others. What a catalogue lacks is shown in English.
type words struct {
	by      map[string]map[string]string
	known   map[string]bool
	matcher language.Matcher
}

func loadWords() words {
	w := words{by: map[string]map[string]string{}, known: map[string]bool{}}
	var tags []language.Tag
	for _, lang := range languages {
		tags = append(tags, language.MustParse(lang))
		if lang == languages[0] {
			continue
		}
		w.by[lang] = map[string]string{}
		names, err := fs.Glob(catalogues, path.Join("words", lang, "*.json"))
		if err != nil {
			panic(err)
		}
		for _, name := range names {
			text, err := catalogues.ReadFile(name)
			if err != nil {
				panic(err)
			}
			texts := map[string]string{}
			if err := json.Unmarshal(text, &texts); err != nil {
				panic(fmt.Sprintf("%s: %v", name, err))
			}
			maps.Copy(w.by[lang], texts)
		}
		for key := range w.by[lang] {
			w.known[key] = true
		}
	}
	w.matcher = language.NewMatcher(tags)
	return w
}

// in is a text in a language, with its arguments in the places of fmt's verbs.
func (w words) in(lang, text string, args ...any) string {
	if other := w.by[lang][text]; other != "" {
		text = other
	}
	if len(args) == 0 {
		return text
	}
	return fmt.Sprintf(text, args...)
}

// has reports whether a text is of the catalogue.
func (w words) has(text string) bool { return w.known[text] }

// languageCookie keeps the choice of a language.
const languageCookie = "oneclaw-language"

// language is the one that somebody chose, or the best of those that the browser asks for.
func (f *Frame) language(r *http.Request) string {
	if chosen := f.named.get(r, languageCookie); known(chosen) {
		return chosen
	}
	tags, _, err := language.ParseAcceptLanguage(r.Header.Get("Accept-Language"))
	if err != nil || len(tags) == 0 {
		return languages[0]
	}
	_, i, confidence := f.screens.words.matcher.Match(tags...)
	if confidence == language.No {
		return languages[0]
	}
	return languages[i]
}

func known(lang string) bool {
	for _, l := range languages {
		if l == lang {
			return true
		}
	}
	return false
}

// chooseLanguage keeps the choice of a language.
func chooseLanguage(v *Visit) error {
	if lang := v.Form("language"); known(lang) {
		v.SetCookie(languageCookie, lang, 365*24*60*60, http.SameSiteLaxMode)
	}
	return v.Back(Local(v.Form("to")), "")
}
