package vault

import (
	"context"
	"slices"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secretpath"
)

// listPage is how many rows a listing reads at a time, and MaxPage how many
// bytes of metadata end a page before that: each row may have 64 KiB.
const (
	listPage = 1000
	MaxPage  = 1 << 20
)

// Stretch is how many paths a search looks at with one statement, and stretches how many of
// these one answer to a search with a limit takes.
const (
	Stretch   = 10_000
	stretches = 2
)

// Search narrows a listing: to paths that begin with a prefix and have a text in them,
// whatever its capitals. Empty ones narrow nothing.
type Search struct{ Prefix, Text string }

// Listing hands out a listing page by page, so that a large vault is never held
// in memory whole.
type Listing struct {
	s       *Service
	vaultID string
	search  Search
	after   string
	left    int // how many items may still come; -1: all
	looks   int // how many stretches a search may still look at
	page    int // how many rows to ask for
	who     policy.Principal
	at      policy.Moment
	view    policy.View
	begun   bool
	done    bool
}

// List returns the newest version of each live path with the prefix that the
// caller may see, in order of path, starting after the given path: at most
// limit items, or all when limit is 0.
func (s *Service) List(ctx context.Context, c *call.Call, vaultID, prefix, after string, limit int) (*Listing, error) {
	return s.Find(ctx, c, vaultID, Search{Prefix: prefix}, after, limit)
}

// Find is List for what a search finds. With a limit and a text it looks at a bounded
// number of paths, and may have a Cursor after fewer items.
func (s *Service) Find(ctx context.Context, c *call.Call, vaultID string, search Search, after string, limit int) (*Listing, error) {
	e, err := s.open(ctx, c, vaultID)
	if err != nil {
		return nil, err
	}
	if err := c.Authorize(policy.ListSecrets, resource(e, secretpath.Path{})); err != nil {
		return nil, err
	}
	l := &Listing{s: s, vaultID: vaultID, search: search, after: after, left: limit, looks: stretches, page: listPage, who: c.Who, at: c.At()}
	if limit == 0 {
		l.left = -1
	}
	l.view = e.policies.View(l.who, e.policyVault, l.at)
	// Rows that all of the caller's patterns rule out need not be read.
	switch own := l.view.Prefix(); {
	case strings.HasPrefix(own, search.Prefix):
		l.search.Prefix = own
	case !strings.HasPrefix(search.Prefix, own):
		l.done, l.after = true, ""
	}
	return l, nil
}

// Page returns the next items, none when there are no more. Each page is decided
// anew, so that a listing ends where the right to it does: then Page returns an
// error.
func (l *Listing) Page(ctx context.Context) ([]*Meta, error) {
	for !l.done {
		if err := l.renew(ctx); err != nil {
			return nil, err
		}
		want := l.page
		if l.left >= 0 {
			want = min(l.left, want)
		}
		rows, more, err := l.read(ctx, want)
		if err != nil {
			return nil, err
		}
		l.done = !more
		rows = l.visible(rows)
		if l.left >= 0 {
			l.left -= len(rows)
			l.done = l.done || l.left == 0 || l.looks == 0
		}
		if len(rows) > 0 {
			return rows, nil
		}
	}
	return nil, nil
}

// read reads the next rows, and goes on after them.
func (l *Listing) read(ctx context.Context, want int) (rows []*Meta, more bool, err error) {
	if l.search.Text != "" {
		rows, next, err := l.s.store.Find(ctx, l.vaultID, l.search, l.after, want)
		if len(rows) < want {
			l.looks--
		}
		l.after = next
		return rows, next != "", err
	}
	rows, more, err = l.s.store.List(ctx, l.vaultID, l.search.Prefix, l.after, want)
	if len(rows) > 0 {
		l.after = rows[len(rows)-1].Path
	}
	if more && len(rows) < want {
		// These rows are large. To ask for many more than fit costs a database
		// that sends them all the same.
		l.page = max(2*len(rows), 1)
	}
	return rows, more, err
}

// renew decides about the listing again, and takes the view that holds now. What
// List decided holds for the first page.
func (l *Listing) renew(ctx context.Context) error {
	if !l.begun {
		l.begun = true
		return nil
	}
	e, err := l.s.known.get(ctx, l.s.store, l.vaultID)
	if err != nil {
		return err
	}
	if err := policy.Decide(l.who, policy.ListSecrets, resource(e, secretpath.Path{}), l.at).ErrOf(policy.ListSecrets); err != nil {
		return err
	}
	l.view = e.policies.View(l.who, e.policyVault, l.at)
	return nil
}

// visible returns the rows that the caller may see and that have not expired.
func (l *Listing) visible(rows []*Meta) []*Meta {
	hidden := func(m *Meta) bool {
		return !m.ExpiresAt.IsZero() && !l.at.Now.Before(m.ExpiresAt) || !l.view.Whole() && !l.view.Sees(m.Path)
	}
	first := slices.IndexFunc(rows, hidden)
	if first < 0 {
		return rows
	}
	seen := slices.Clone(rows[:first])
	for _, m := range rows[first+1:] {
		if !hidden(m) {
			seen = append(seen, m)
		}
	}
	return seen
}

// Cursor is the path after which the listing goes on, or empty at its end.
func (l *Listing) Cursor() string {
	if l.left == 0 || l.left > 0 && l.search.Text != "" {
		return l.after
	}
	return ""
}
