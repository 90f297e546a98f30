package convo

import (
	"strconv"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/doc"
)

// args are the parts of what one tool is called with, where that is JSON.
type args struct {
	root     doc.Node
	from, to int // of the view's parts
}

// CalledWith is what a tool is called with.
type CalledWith struct {
	JSON []byte
	// Parts are the parts of its texts, by their pointers (RFC 6901).
	Parts map[string]int
}

// Called are the calls of tools in the view whose arguments are JSON objects, of those with a part for which
// which is true.
func (v *View) Called(which func(text string) bool) (all []CalledWith) {
	for _, a := range v.args {
		there := false
		for _, p := range v.Parts[a.from:a.to] {
			there = there || p.Kind == Arguments && which(p.Text)
		}
		if !there || !a.root.Is('{') {
			continue
		}
		at := map[doc.Node]int{}
		for i := a.from; i < a.to; i++ {
			if p := &v.Parts[i]; p.Kind == Arguments && p.Text != "" && !p.at.Name {
				at[p.at.At] = i
			}
		}
		c := CalledWith{JSON: a.root.Raw(), Parts: map[string]int{}}
		c.point(a.root, "", at)
		all = append(all, c)
	}
	return all
}

// point notes the parts in a value by their pointers.
func (c *CalledWith) point(n doc.Node, pointer string, at map[doc.Node]int) {
	if i, ok := at[n]; ok && n.Is('"') {
		c.Parts[pointer] = i
	}
	i := 0
	for child := range n.Children() {
		name := strconv.Itoa(i)
		if n.Is('{') {
			name = strings.NewReplacer("~", "~0", "/", "~1").Replace(child.Name())
		}
		c.point(child, pointer+"/"+name, at)
		i++
	}
}
