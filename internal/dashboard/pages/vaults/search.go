package vaults

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/dashboard/frame"
)

var searchPages = map[string]frame.Page{"GET /search": search}

// hits are what a search found.
type hits struct {
	Query   string
	Vaults  []client.Vault
	Secrets []hit
	Agents  []client.Agent
	More    bool // there is more than the page shows
}

// hit is a secret in a vault.
type hit struct {
	Vault *client.Vault
	client.SecretMeta
}

// Count is how many there are on the page.
func (h hits) Count() int { return len(h.Vaults) + len(h.Secrets) + len(h.Agents) }

const (
	hitsOfVault  = 20
	hitsOfPage   = 100
	vaultsAtOnce = 4 // how many are searched at the same time
)

// search looks for a text in the names of vaults and agents, and in the paths of secrets.
func search(v *frame.Visit) error {
	d := hits{Query: v.Query("q")}
	if d.Query == "" {
		return showHits(v, d)
	}
	ctx := v.R.Context()
	var all []client.Vault
	var agents []client.Agent
	g, both := errgroup.WithContext(ctx)
	g.Go(func() (err error) { all, err = v.API.Vaults(both); return frame.Seen(err) })
	g.Go(func() (err error) { agents, err = v.API.Agents(both); return frame.Seen(err) })
	if err := g.Wait(); err != nil {
		return err
	}
	for i := range agents {
		if has(agents[i].Name, d.Query) {
			d.Agents = append(d.Agents, agents[i])
		}
	}
	for i := range all {
		if has(all[i].Name, d.Query) {
			d.Vaults = append(d.Vaults, all[i])
		}
	}
	if err := inVaults(ctx, v, all, &d); err != nil {
		return err
	}
	return showHits(v, d)
}

func showHits(v *frame.Visit, d hits) error {
	if v.Part() {
		return v.Piece(http.StatusOK, "search", "list", d)
	}
	return v.Show(http.StatusOK, "search", v.T("Search"), d)
}

// inVaults looks for secrets in all vaults, a few at a time.
func inVaults(ctx context.Context, v *frame.Visit, all []client.Vault, d *hits) error {
	found := make([][]client.SecretMeta, len(all))
	var n atomic.Int64
	var more atomic.Bool
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(vaultsAtOnce)
	for i := range all {
		g.Go(func() error {
			if n.Load() >= hitsOfPage {
				more.Store(true)
				return nil
			}
			got, err := v.API.SearchSecrets(ctx, all[i].ID, d.Query, hitsOfVault, "")
			if err != nil {
				return frame.Seen(err)
			}
			rows := got.Secrets
			if got.NextCursor != "" {
				more.Store(true)
			}
			n.Add(int64(len(rows)))
			found[i] = rows
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for i := range all {
		for _, m := range found[i] {
			d.Secrets = append(d.Secrets, hit{&all[i], m})
		}
	}
	if len(d.Secrets) > hitsOfPage {
		d.Secrets = d.Secrets[:hitsOfPage]
		more.Store(true)
	}
	d.More = more.Load()
	return nil
}

// has reports whether a text is in another, whatever their capitals.
func has(text, part string) bool {
	return strings.Contains(strings.ToLower(text), strings.ToLower(part))
}
