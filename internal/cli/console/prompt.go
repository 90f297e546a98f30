package console

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

// prompter asks on a real terminal. It writes to out, which is not stdout, so that a
// command's result can still be redirected. One line is asked at a time, and nobody
// reads the terminal after an answer: a form that leaves a reader behind would eat
// the first letters of the next answer.
type prompter struct {
	in     io.Reader
	out    io.Writer
	marked look // of the mark before a question
}

// maxTyped is where the terminal's line editor drops what is typed further.
const maxTyped = 4096

func (p *prompter) Line(ctx context.Context, title string) (string, error) {
	return p.ask(ctx, title+": ", (*term.Terminal).ReadLine)
}

// Hidden takes several lines when they are pasted, as private keys are.
func (p *prompter) Hidden(ctx context.Context, title string) (secret.Bytes, error) {
	s, err := p.ask(ctx, "", func(t *term.Terminal) (string, error) {
		t.SetBracketedPasteMode(true)
		defer t.SetBracketedPasteMode(false)
		var lines []string
		prompt := p.mark() + title + " (hidden): "
		for {
			l, err := t.ReadPassword(prompt)
			if err != nil && !errors.Is(err, term.ErrPasteIndicator) {
				return "", err
			}
			lines = append(lines, l)
			if err == nil {
				return strings.Join(lines, "\n"), nil
			}
			prompt = ""
		}
	})
	if err != nil {
		return secret.Bytes{}, err
	}
	return secret.New(DropEcho([]byte(s))), nil
}

// mark stands before a question.
func (p *prompter) mark() string { return p.marked.paint("?") + " " }

// ask turns the echo off before the question is shown, so that whoever is quick
// sees nothing of a hidden answer either, and leaves the terminal as it was.
func (p *prompter) ask(ctx context.Context, question string, read func(*term.Terminal) (string, error)) (string, error) {
	in, ok := p.in.(*os.File)
	if !ok {
		return "", Usage("There is no terminal to ask on.")
	}
	was, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		return "", fault.Wrap(err, fault.Internal, "no_terminal", "The terminal can not be asked.")
	}
	defer func() { _ = term.Restore(int(in.Fd()), was) }()
	w, h, err := term.GetSize(int(in.Fd()))
	sized := err == nil && w > 0 && h > 0 // of no columns every letter would have a line
	if sized {
		question = Wrap(question, w-screenWidth("? "), "")
	}
	before, last, several := cutLast(p.mark() + question)
	if several {
		_, _ = io.WriteString(p.out, strings.ReplaceAll(before, "\n", "\r\n")+"\r\n")
	}
	t := term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{oneByte{in}, p.out}, last)
	if sized {
		_ = t.SetSize(w, h)
	}
	type answer struct {
		text string
		err  error
	}
	got := make(chan answer, 1)
	go func() {
		s, err := read(t)
		got <- answer{s, err}
	}()
	select {
	case a := <-got:
		switch {
		case errors.Is(a.err, io.EOF): // Ctrl-C, Ctrl-D, or the terminal went away
			_, _ = io.WriteString(p.out, "\r\n")
			return "", cancelled()
		case a.err != nil && !errors.Is(a.err, term.ErrPasteIndicator):
			return "", fault.Wrap(a.err, fault.Internal, "no_terminal", "The terminal can not be read.")
		case longestLine(a.text) >= maxTyped:
			return "", Usage("The answer is too long for a prompt. Pipe it in, or give a file.")
		}
		return a.text, nil
	case <-ctx.Done(): // the reader stays; the process is about to end
		_, _ = io.WriteString(p.out, "\r\n")
		return "", ctx.Err()
	}
}

// cutLast cuts the last line off a text that has several: the line editor edits one.
func cutLast(text string) (before, last string, several bool) {
	i := strings.LastIndexByte(text, '\n')
	if i < 0 {
		return "", text, false
	}
	return text[:i], text[i+1:], true
}

// oneByte keeps the line editor from reading past the end of a line: what was typed
// ahead belongs to the next question, or to the shell.
type oneByte struct{ r io.Reader }

func (o oneByte) Read(b []byte) (int, error) { return o.r.Read(b[:min(1, len(b))]) }

func longestLine(s string) int {
	n := 0
	for l := range strings.SplitSeq(s, "\n") {
		n = max(n, utf8.RuneCountInString(l))
	}
	return n
}

func (p *prompter) Confirm(ctx context.Context, title string) (bool, error) {
	for {
		s, err := p.ask(ctx, title+" [y/N] ", (*term.Terminal).ReadLine)
		switch s = strings.ToLower(strings.TrimSpace(s)); {
		case err != nil:
			return false, err
		case s == "y", s == "yes":
			return true, nil
		case s == "", s == "n", s == "no":
			return false, nil
		}
		title = "Type y or n." // what is pasted by mistake is no answer
	}
}
