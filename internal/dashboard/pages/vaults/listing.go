package vaults

import (
	"context"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/dashboard/frame"
)

// Bounds of a page's list of secrets.
const (
	rowsOfPage = 100
	walkedOnce = 5_000

	// Paths that one search looks at, in one vault and in all.
	mostWalked    = 20_000
	mostWalkedAll = 60_000
)

// secretList is one page of secrets. Next is the address of the next, empty at the end.
type secretList struct {
	Secrets []client.SecretMeta
	Query   string
	Next    string
	Found   int  // with those of the pages before
	Bounded bool // the search ended at its bound
}

// listed is the page of a vault's secrets that the address asks for.
func listed(ctx context.Context, v *frame.Visit, vault string) (secretList, error) {
	d := secretList{Query: v.Query("q")}
	if d.Query != "" {
		page, _ := strconv.Atoi(v.Query("page"))
		return searched(ctx, v, vault, d.Query, max(page, 1))
	}
	page, err := v.API.SecretsPage(ctx, vault, "", rowsOfPage, v.Query("after"))
	if err != nil {
		return d, err
	}
	d.Secrets, d.Found = page.Secrets, len(page.Secrets)
	if page.NextCursor != "" {
		d.Next = "?" + url.Values{"after": {page.NextCursor}}.Encode()
	}
	return d, nil
}

// searched is one page of the secrets whose path has a text in it, whatever its capitals.
func searched(ctx context.Context, v *frame.Visit, vault, text string, page int) (secretList, error) {
	d := secretList{Query: text}
	var left atomic.Int64
	left.Store(mostWalked)
	all, bounded, err := walk(ctx, v, vault, text, page*rowsOfPage+1, &left)
	if err != nil {
		return d, err
	}
	d.Bounded = bounded
	if len(all) > page*rowsOfPage {
		all = all[:page*rowsOfPage]
		d.Next = "?" + url.Values{"q": {text}, "page": {strconv.Itoa(page + 1)}}.Encode()
	}
	d.Found = len(all)
	d.Secrets = all[min((page-1)*rowsOfPage, len(all)):]
	return d, nil
}

// walk goes through a vault until it has found most secrets with a text in their path, or
// no paths are left that the search may look at.
func walk(ctx context.Context, v *frame.Visit, vault, text string, most int, left *atomic.Int64) (found []client.SecretMeta, bounded bool, err error) {
	text = strings.ToLower(text)
	for cursor := ""; left.Load() > 0; {
		page, err := v.API.SecretsPage(ctx, vault, "", walkedOnce, cursor)
		if err != nil {
			return nil, false, err
		}
		left.Add(-int64(len(page.Secrets)))
		for i := range page.Secrets {
			if strings.Contains(strings.ToLower(page.Secrets[i].Path), text) {
				if found = append(found, page.Secrets[i]); len(found) == most {
					return found, false, nil
				}
			}
		}
		if cursor = page.NextCursor; cursor == "" {
			return found, false, nil
		}
	}
	return found, true, nil
}
