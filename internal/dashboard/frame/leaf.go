package frame

import (
	"net/url"
	"strconv"
)

// LeafRows is how many rows a page of a list has.
const LeafRows = 100

// Leaf is a page of a list that is longer than one page: the rows from From up to To.
type Leaf struct {
	All, From, To  int
	Earlier, Later string // addresses of the pages before and after; empty at either end
}

// Leaf is the page of a list of n rows that the request asks for.
func (v *Visit) Leaf(n int) Leaf {
	at, _ := strconv.Atoi(v.Query("page")) // no number is the first page
	at = max(1, min(at, (n+LeafRows-1)/LeafRows))
	l := Leaf{All: n, From: (at - 1) * LeafRows, To: min(at*LeafRows, n)}
	to := func(page int) string {
		q := url.Values{}
		for name, values := range v.R.URL.Query() {
			q[name] = values
		}
		q.Set("page", strconv.Itoa(page))
		return v.R.URL.Path + "?" + q.Encode()
	}
	if l.From > 0 {
		l.Earlier = to(at - 1)
	}
	if l.To < n {
		l.Later = to(at + 1)
	}
	return l
}
