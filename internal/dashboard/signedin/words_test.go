package signedin_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"
)

// texts are those of the catalogue that templates and code name, with the file of each.
func texts(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	inTemplates := []*regexp.Regexp{regexp.MustCompile(`\bt ("(?:[^"\\]|\\.)*")`)}
	inCode := []*regexp.Regexp{regexp.MustCompile(`\bv\.(?:T|Wrong)\(("(?:[^"\\]|\\.)*")`), regexp.MustCompile(`\bv\.Back\([^\n]*, ("(?:[^"\\]|\\.)+")\)`)}
	for pattern, shapes := range map[string][]*regexp.Regexp{
		"../frame/templates/*.html": inTemplates, "../pages/*/templates/*.html": inTemplates, "../frame/*.go": inCode, "../pages/*/*.go": inCode,
	} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) < 5 {
			t.Fatal(files, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, shape := range shapes {
				for _, m := range shape.FindAllSubmatch(text, -1) {
					key, err := strconv.Unquote(string(m[1]))
					if err != nil {
						t.Fatalf("%s: %s: %v", file, m[1], err)
					}
					out[key] = file
				}
			}
		}
	}
	return out
}

// verbs are the places of arguments in a text.
var verbs = regexp.MustCompile(`%(?:\[\d+\])?[a-z%]`)

func TestEveryTextIsInEveryLanguage(t *testing.T) {
	all := texts(t)
	if len(all) < 100 {
		t.Fatalf("only %d texts were found", len(all))
	}
	keys := map[string][]string{}
	for _, lang := range []string{"de", "es"} {
		files, err := filepath.Glob(filepath.Join("../frame/words", lang, "*.json"))
		if err != nil || len(files) == 0 {
			t.Fatal(files, err)
		}
		has := map[string]string{}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var part map[string]string
			if err := json.Unmarshal(text, &part); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			for key, other := range part {
				if before, twice := has[key]; twice && before != other {
					t.Errorf("%s: %q is also %q", file, key, before)
				}
				has[key] = other
				keys[lang] = append(keys[lang], key)
				if a, b := verbs.FindAllString(key, -1), verbs.FindAllString(other, -1); len(a) != len(b) {
					t.Errorf("%s: %q has other places for arguments than %q", file, other, key)
				}
			}
		}
		for text, file := range all {
			if has[text] == "" {
				t.Errorf("frame/words/%s lacks %q of %s", lang, text, file)
			}
		}
	}
	for _, key := range keys["de"] {
		if !slices.Contains(keys["es"], key) {
			t.Errorf("frame/words/es lacks %q, which frame/words/de has", key)
		}
	}
}
