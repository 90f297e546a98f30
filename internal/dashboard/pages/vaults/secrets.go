package vaults

import (
	"context"
	"net/http"
	"net/url"

	"golang.org/x/sync/errgroup"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/dashboard/frame"
)

var secretPages = map[string]frame.Page{
	"GET /vaults/{vault}/secrets/new":        newSecret,
	"POST /vaults/{vault}/secrets/new":       makeSecret,
	"GET /vaults/{vault}/secret/{path...}":   secretPage,
	"GET /vaults/{vault}/version/{path...}":  newVersion,
	"POST /vaults/{vault}/version/{path...}": makeVersion,

	"POST /vaults/{vault}/reveal/{path...}":   reveal,
	"POST /vaults/{vault}/generate/{path...}": generate,
	"POST /vaults/{vault}/restore/{path...}":  restore,

	"GET /vaults/{vault}/remove/{path...}":   askRemove,
	"POST /vaults/{vault}/remove/{path...}":  remove,
	"GET /vaults/{vault}/purge/{path...}":    askPurge,
	"POST /vaults/{vault}/purge/{path...}":   purge,
	"GET /vaults/{vault}/disable/{path...}":  askDisable,
	"POST /vaults/{vault}/disable/{path...}": disable,

	"GET /vaults/{vault}/who-can": whoCan,
}

// secretView is what the page of a secret shows, of which each tab has its part.
type secretView struct {
	vaultHead
	Path, Part string
	Newest     *client.SecretVersion
	Versions   []versionRow
	Few        bool // the visitor may not see the versions
	Bindings   []boundRow
	BoundAt    *client.SecretBindings
	Reach      reach
	Events     []client.AuditEvent
}

// secretPage shows a secret: its versions, where it may be used, who reaches it, or what
// was done to it.
func secretPage(v *frame.Visit) error {
	d := secretView{Path: v.R.PathValue("path"), Part: v.Query("tab")}
	vault := v.R.PathValue("vault")
	var n names
	g, ctx := errgroup.WithContext(v.R.Context())
	g.Go(func() (err error) { d.vaultHead, err = headOf(v, "secrets"); return err })
	g.Go(func() (err error) { n, err = namesFor(ctx, v); return err })
	g.Go(func() (err error) { d.Newest, d.Versions, d.Few, err = versionsOf(ctx, v, vault, d.Path); return err })
	if d.Part == "use" || d.Part == "reach" {
		if own, err := headOf(v, "secrets"); err == nil && own.Own() {
			d.Part = "" // nobody says where it is used
		}
	}
	switch d.Part {
	case "use":
		g.Go(func() (err error) { d.BoundAt, err = v.API.Bindings(ctx, vault, d.Path); return err })
	case "reach":
		g.Go(func() (err error) { d.Reach, err = reachOf(ctx, v, vault, d.Path, ""); return err })
	case "events":
		g.Go(func() error {
			page, err := v.API.AuditEvents(ctx, client.AuditFilter{VaultID: vault, Path: d.Path, Limit: 50})
			if err == nil {
				d.Events = page.Events
			}
			return err
		})
	default:
		d.Part = ""
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for i := range d.Versions {
		d.Versions[i].By = n.who(d.Versions[i].CreatedBy)
	}
	if d.BoundAt != nil {
		for i := range d.BoundAt.Bindings {
			b := &d.BoundAt.Bindings[i]
			d.Bindings = append(d.Bindings, boundRow{b, n.who(b.SetBy)})
		}
	}
	return v.Show(http.StatusOK, "secret", d.Path, d)
}

// versionsOf are those of a secret, newest first. Who may not see them sees what the list of
// secrets has.
func versionsOf(ctx context.Context, v *frame.Visit, vault, path string) (newest *client.SecretVersion, rows []versionRow, few bool, err error) {
	all, err := v.API.SecretVersions(ctx, vault, path)
	if err == nil && len(all) > 0 {
		return &all[0], versionRows(all), false, nil
	}
	if err != nil && !client.IsStatus(err, http.StatusForbidden) {
		return nil, nil, false, err
	}
	page, err := v.API.SecretsPage(ctx, vault, path, 1, "")
	if err != nil {
		return nil, nil, false, err
	}
	if len(page.Secrets) == 0 || page.Secrets[0].Path != path {
		return nil, nil, false, &client.Error{Status: http.StatusNotFound, Code: "secret_not_found", Detail: v.T("There is no such secret, or it is not yours to see.")}
	}
	m := &page.Secrets[0]
	return &client.SecretVersion{
		ID: m.ID, Path: m.Path, Version: m.Version, Type: m.Type, Metadata: m.Metadata, CreatedAt: m.CreatedAt, ExpiresAt: m.ExpiresAt, IsCurrent: true,
	}, nil, true, nil
}

// at is the address of a page about a path of a vault.
func at(vault, what, path string) string {
	return (&url.URL{Path: "/vaults/" + vault + "/" + what + "/" + path}).EscapedPath()
}

// here is the address of the secret that this request is about.
func here(v *frame.Visit) string { return at(v.R.PathValue("vault"), "secret", v.R.PathValue("path")) }

// revealed is a value that was asked for.
type revealed struct {
	Value   string
	Version int64
	CMEK    bool
	Path    string
	Back    string
}

// secondsShown is how long a page with a script shows a value.
const secondsShown = 30

// Seconds is how long the value is shown.
func (revealed) Seconds() int { return secondsShown }

// reveal answers with a value: as a part of the page, as a page where there is no script,
// or as the text alone, to be copied.
func reveal(v *frame.Visit) error {
	part, text := v.Part(), v.Form("as") == "text"
	got, err := readValue(v)
	switch {
	case err == nil:
		defer got.Value.Wipe()
	case text && frame.Retry(err):
		// The script shows the page again, where this text then is.
		v.Leave("The value was not copied. Show it to see why.")
		return err
	case part && frame.Retry(err):
		status, problem := v.Describe(err)
		return v.Piece(status, "secret", "refused", problem)
	default:
		return err
	}
	if text {
		v.W.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, err = v.W.Write(got.Value.Reveal())
		return err
	}
	d := revealed{Value: string(got.Value.Reveal()), Version: got.Version, CMEK: got.CMEKEncrypted, Path: got.Path, Back: here(v)}
	if part {
		return v.Piece(http.StatusOK, "secret", "revealed", d)
	}
	return v.Show(http.StatusOK, "revealed", v.T("The value of %s", got.Path), d)
}

// readValue reads the version that the form names, or the newest.
func readValue(v *frame.Visit) (*client.Secret, error) {
	vault, path := v.R.PathValue("vault"), v.R.PathValue("path")
	if version := frame.Number(v.Form("version")); version > 0 {
		return v.API.GetSecretVersion(v.R.Context(), vault, path, version)
	}
	return v.API.GetSecret(v.R.Context(), vault, path)
}
