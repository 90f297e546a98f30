package mail

import (
	"context"
	"strings"
	"unicode"
)

// enrollPage is what the mail about an agent shows.
type enrollPage struct {
	Server string
	Page   string // where the link leads
	Name   string // a stranger's, made harmless
	From   string // the address it came from
	ID     string // of the agent, once it is accepted
	Key    string
}

// EnrollAgent queues the mail that asks a human to take an agent in. The name is
// what a stranger wrote: of it only words are shown, no more than a few, and
// nothing that a reader's program would make a link of. It implements
// agent.Mailer.
func (s *Service) EnrollAgent(ctx context.Context, to, name, from, id, key, token string) error {
	for _, t := range []string{key, token} {
		if err := checkToken(t); err != nil {
			return err
		}
	}
	if from == "" {
		from = "an unknown address"
	}
	return s.enqueue(ctx, enrollAgent, to, enrollPage{
		Server: s.public, Page: s.public + "/agents/enroll?token=" + token, Name: harmless(name), From: from, ID: id, Key: key,
	})
}

// maxShown bounds how much of a stranger's text a mail shows.
const maxShown = 48

// harmless keeps letters, digits, blanks and a few signs of a stranger's text, and
// puts a middle dot for each run of anything else: no address or link is left of
// it, no line ends in it, and nothing in it turns the direction of writing.
func harmless(text string) string {
	var b strings.Builder
	shown, dotted := 0, false
	for _, r := range text {
		if shown == maxShown {
			b.WriteRune('…')
			break
		}
		if unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune(" -_,()", r) {
			dotted = false
		} else if dotted {
			continue
		} else {
			r, dotted = '·', true
		}
		b.WriteRune(r)
		shown++
	}
	return strings.TrimSpace(b.String())
}
