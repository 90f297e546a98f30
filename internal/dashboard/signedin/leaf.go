package signedin

import (
	"net/url"
	"strconv"
)

// leafRows is how many rows a page of a list has.
const leafRows = 100

// leaf is a page of a list that is longer than one page: the rows from From up to To.
type leaf struct {
	All, From, To  int
	Earlier, Later string // addresses of the pages before and after; empty at either end
}

// leafOf is the page of a list of n rows that a request asks for.
func leafOf(v *visit, n int) leaf {
	at, _ := strconv.Atoi(v.query("page")) // no number is the first page
	at = max(1, min(at, (n+leafRows-1)/leafRows))
	l := leaf{All: n, From: (at - 1) * leafRows, To: min(at*leafRows, n)}
	to := func(page int) string {
		q := url.Values{}
		for name, values := range v.r.URL.Query() {
			q[name] = values
		}
		q.Set("page", strconv.Itoa(page))
		return v.r.URL.Path + "?" + q.Encode()
	}
	if l.From > 0 {
		l.Earlier = to(at - 1)
	}
	if l.To < n {
		l.Later = to(at + 1)
	}
	return l
}
