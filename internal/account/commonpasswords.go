package account

import (
	_ "embed"
	"strings"
	"sync"
	"unicode"
)

// commonWords are what people make passwords of. With the digits, symbols and
// spellings that commonPassword sees through, and taken two at a time, they
// stand for some millions of passwords.
//
//go:embed common.txt
var commonWords string

// words is the list, parsed at the first use: most starts never need it.
var words = sync.OnceValue(func() map[string]bool {
	list := map[string]bool{}
	for w := range strings.FieldsSeq(commonWords) {
		list[w] = true
	}
	return list
})

// maxGuessable is how many letters a common password has at most.
const maxGuessable = 64

// commonPassword reports whether a password is one or two common words, or one
// word again and again, whatever case, digits, symbols and leet spelling are
// around and in them.
func commonPassword(p string) bool {
	for _, leet := range []*strings.Replacer{plainLeet, leetL, leetI} {
		if t := lettersOf(leet.Replace(strings.ToLower(p))); fewWords(t) {
			return true
		}
		// Trailing digits and symbols are no letters but decoration.
		t := strings.TrimFunc(strings.ToLower(p), func(r rune) bool { return !unicode.IsLetter(r) })
		if fewWords(lettersOf(leet.Replace(t))) {
			return true
		}
	}
	return false
}

var (
	plainLeet = strings.NewReplacer()
	leetL     = strings.NewReplacer("0", "o", "1", "l", "3", "e", "4", "a", "@", "a", "5", "s", "$", "s", "7", "t", "+", "t", "8", "b", "9", "g")
	leetI     = strings.NewReplacer("0", "o", "1", "i", "3", "e", "4", "a", "@", "a", "5", "s", "$", "s", "7", "t", "+", "t", "8", "b", "9", "g", "!", "i", "|", "i")
)

func lettersOf(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) {
			return r
		}
		return -1
	}, s)
}

// fewWords reports whether letters are at most two common words, or one word
// that repeats.
func fewWords(letters string) bool {
	if letters == "" {
		return true
	}
	if len(letters) > maxGuessable {
		return false
	}
	list := words()
	if list[letters] {
		return true
	}
	for i := 1; i < len(letters); i++ {
		head, tail := letters[:i], letters[i:]
		if list[head] && (list[tail] || strings.ReplaceAll(tail, head, "") == "") {
			return true
		}
	}
	return false
}

// isAbout reports whether little is left of a password without what is known of
// its owner: the mail address, its parts and the name.
func isAbout(p string, owner ...string) bool {
	rest := strings.ToLower(p)
	found := false
	for _, known := range owner {
		known = strings.ToLower(strings.TrimSpace(known))
		local, domain, _ := strings.Cut(known, "@")
		for _, part := range append([]string{known, local, domain}, strings.Fields(known)...) {
			if len(part) >= 3 && strings.Contains(rest, part) {
				rest, found = strings.ReplaceAll(rest, part, ""), true
			}
		}
	}
	return found && len(lettersOf(rest)) < 8
}
