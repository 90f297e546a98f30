package signedin

import (
	"context"
	"net/url"
	"strconv"
	"strings"

	"github.com/oneclaw-dev/oneclaw/client"
)

// Bounds of a page's list of secrets.
const (
	rowsOfPage = 100
	mostWalked = 20_000 // paths that one search looks at
	walkedOnce = 5_000
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
func (v *visit) listed(ctx context.Context, vault string) (secretList, error) {
	d := secretList{Query: v.query("q")}
	if d.Query != "" {
		page, _ := strconv.Atoi(v.query("page"))
		return v.searched(ctx, vault, d.Query, max(page, 1))
	}
	page, err := v.api.SecretsPage(ctx, vault, "", rowsOfPage, v.query("after"))
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
func (v *visit) searched(ctx context.Context, vault, text string, page int) (secretList, error) {
	d := secretList{Query: text}
	all, bounded, err := v.walk(ctx, vault, text, page*rowsOfPage+1)
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
// has looked at as many as one search does.
func (v *visit) walk(ctx context.Context, vault, text string, most int) (found []client.SecretMeta, bounded bool, err error) {
	text = strings.ToLower(text)
	cursor := ""
	for walked := 0; walked < mostWalked; {
		page, err := v.api.SecretsPage(ctx, vault, "", walkedOnce, cursor)
		if err != nil {
			return nil, false, err
		}
		for i := range page.Secrets {
			if strings.Contains(strings.ToLower(page.Secrets[i].Path), text) {
				if found = append(found, page.Secrets[i]); len(found) == most {
					return found, false, nil
				}
			}
		}
		walked += len(page.Secrets)
		if cursor = page.NextCursor; cursor == "" {
			return found, false, nil
		}
	}
	return found, true, nil
}
