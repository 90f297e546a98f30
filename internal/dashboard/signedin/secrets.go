package signedin

import (
	"context"
	"net/http"
	"net/url"

	"golang.org/x/sync/errgroup"

	"github.com/oneclaw-dev/oneclaw/client"
)

var secretPages = map[string]page{
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
func secretPage(v *visit) error {
	d := secretView{Path: v.r.PathValue("path"), Part: v.query("tab")}
	vault := v.r.PathValue("vault")
	var n names
	g, ctx := errgroup.WithContext(v.r.Context())
	g.Go(func() (err error) { d.vaultHead, err = v.head("secrets"); return err })
	g.Go(func() (err error) { n, err = v.names(ctx); return err })
	g.Go(func() (err error) { d.Newest, d.Versions, d.Few, err = v.versions(ctx, vault, d.Path); return err })
	switch d.Part {
	case "use":
		g.Go(func() (err error) { d.BoundAt, err = v.api.Bindings(ctx, vault, d.Path); return err })
	case "reach":
		g.Go(func() (err error) { d.Reach, err = v.reach(ctx, vault, d.Path, ""); return err })
	case "events":
		g.Go(func() error {
			page, err := v.api.AuditEvents(ctx, client.AuditFilter{VaultID: vault, Path: d.Path, Limit: 50})
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
	return v.show(http.StatusOK, "secret", d.Path, d)
}

// versions are those of a secret, newest first. Who may not see them sees what the list of
// secrets has.
func (v *visit) versions(ctx context.Context, vault, path string) (newest *client.SecretVersion, rows []versionRow, few bool, err error) {
	all, err := v.api.SecretVersions(ctx, vault, path)
	if err == nil && len(all) > 0 {
		return &all[0], versionRows(all), false, nil
	}
	if err != nil && !client.IsStatus(err, http.StatusForbidden) {
		return nil, nil, false, err
	}
	page, err := v.api.SecretsPage(ctx, vault, path, 1, "")
	if err != nil {
		return nil, nil, false, err
	}
	if len(page.Secrets) == 0 || page.Secrets[0].Path != path {
		return nil, nil, false, &client.Error{Status: http.StatusNotFound, Code: "secret_not_found", Detail: v.t("There is no such secret, or it is not yours to see.")}
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
func (v *visit) here() string { return at(v.r.PathValue("vault"), "secret", v.r.PathValue("path")) }

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
func reveal(v *visit) error {
	part, text := v.part(), v.form("as") == "text"
	got, err := v.opened()
	switch {
	case err == nil:
		defer got.Value.Wipe()
	case text && retry(err):
		// The script shows the page again, where this text then is.
		v.leave("The value was not copied. Show it to see why.")
		return err
	case part && retry(err):
		status, problem := describe(v, err)
		return v.write(status, "secret/refused", problem)
	default:
		return err
	}
	if text {
		v.w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, err = v.w.Write(got.Value.Reveal())
		return err
	}
	d := revealed{Value: string(got.Value.Reveal()), Version: got.Version, CMEK: got.CMEKEncrypted, Path: got.Path, Back: v.here()}
	if part {
		return v.piece("secret", "revealed", d)
	}
	return v.show(http.StatusOK, "revealed", v.t("The value of %s", got.Path), d)
}

// opened reads the version that the form names, or the newest.
func (v *visit) opened() (*client.Secret, error) {
	vault, path := v.r.PathValue("vault"), v.r.PathValue("path")
	if version := number(v.form("version")); version > 0 {
		return v.api.GetSecretVersion(v.r.Context(), vault, path, version)
	}
	return v.api.GetSecret(v.r.Context(), vault, path)
}
