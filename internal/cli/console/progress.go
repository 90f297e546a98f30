package console

import (
	"fmt"
	"strings"
)

// Progress is one line on a terminal that is written anew each time, and nothing elsewhere.
type Progress struct {
	c     *Console
	said  string
	shown string // as much of it as the line holds
}

// Progress is a new line on stderr.
func (c *Console) Progress() *Progress { return &Progress{c: c} }

// Say shows a text in place of the one before. It is cut where the terminal ends, since only one
// line can be written anew.
func (p *Progress) Say(text string) {
	if !p.c.IsTTY(p.c.Stderr) || p.c.JSON || text == p.said {
		return
	}
	p.said = text
	if room := p.c.Width(p.c.Stderr); room > 0 {
		text = cut(text, room-1)
	}
	fill := strings.Repeat(" ", max(0, screenWidth(p.shown)-screenWidth(text)))
	fmt.Fprint(p.c.Stderr, "\r"+text+fill)
	p.shown = text
}

// Clear takes the line away, so that something else can be printed there.
func (p *Progress) Clear() {
	if p.shown != "" {
		fmt.Fprint(p.c.Stderr, "\r"+strings.Repeat(" ", screenWidth(p.shown))+"\r")
		p.said, p.shown = "", ""
	}
}
