package vaults

import (
	"context"
	"net/url"
	"strconv"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/dashboard/frame"
)

// Bounds of a page's list of secrets.
const (
	rowsOfPage = 100
	mostPages  = 90 // of a search: the API gives 10,000 secrets at a time
)

// secretList is one page of secrets. Next is the address of the next, empty at the end.
type secretList struct {
	Secrets []client.SecretMeta
	Query   string
	Next    string
	Found   int  // with those of the pages before
	Bounded bool // the search ended before the vault did
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
	page = min(page, mostPages)
	got, err := v.API.SearchSecrets(ctx, vault, text, page*rowsOfPage+1, "")
	if err != nil {
		return d, err
	}
	all := got.Secrets
	d.Bounded = got.NextCursor != "" && len(all) <= page*rowsOfPage
	if len(all) > page*rowsOfPage {
		all = all[:page*rowsOfPage]
		d.Next = "?" + url.Values{"q": {text}, "page": {strconv.Itoa(page + 1)}}.Encode()
	}
	d.Found = len(all)
	d.Secrets = all[min((page-1)*rowsOfPage, len(all)):]
	return d, nil
}
