package signedin

import (
	"net/http"

	"golang.org/x/sync/errgroup"

	"github.com/oneclaw-dev/oneclaw/client"
)

// generate has the server make the next value of a secret.
func generate(v *visit) error {
	r := client.Recipe{Length: int(number(v.form("length"))), Charset: v.form("charset")}
	if _, err := v.api.GenerateSecret(v.r.Context(), v.r.PathValue("vault"), v.r.PathValue("path"), r); err != nil {
		return err
	}
	return v.back(v.here(), "A new value is made and stored. It is what is read from now on.")
}

func restore(v *visit) error {
	if _, err := v.api.RestoreSecret(v.r.Context(), v.r.PathValue("vault"), v.r.PathValue("path")); err != nil {
		return err
	}
	return v.back(v.here(), "The secret is back.")
}

func askRemove(v *visit) error { return v.askEnd(http.StatusOK, removal, "") }

func remove(v *visit) error {
	return v.finish(removal, func() error {
		return v.api.DeleteSecret(v.r.Context(), v.r.PathValue("vault"), v.r.PathValue("path"))
	}, v.here(), "The secret is deleted. It can be restored here.")
}

func askPurge(v *visit) error { return v.askEnd(http.StatusOK, purging, "") }

func purge(v *visit) error {
	return v.finish(purging, func() error {
		return v.api.PurgeSecret(v.r.Context(), v.r.PathValue("vault"), v.r.PathValue("path"))
	}, "/vaults/"+v.r.PathValue("vault"), "The secret and all its versions are destroyed.")
}

func askDisable(v *visit) error { return v.askEnd(http.StatusOK, disabling, "") }

func disable(v *visit) error {
	return v.finish(disabling, func() error {
		return v.api.DisableSecretVersion(v.r.Context(), v.r.PathValue("vault"), v.r.PathValue("path"), number(v.form("version")))
	}, v.here(), "The version is disabled. Nothing opens it again.")
}

// ending of a secret: its texts, in English.
type secretEnd struct{ title, text, button string }

var (
	removal = secretEnd{"Delete the secret %s?",
		"Programs that read or use it fail from then on. Its versions stay, and it can be restored.", "Delete the secret"}
	purging = secretEnd{"Destroy the secret %s?",
		"All its versions are destroyed. Nothing brings them back, not even the administrator of this server.", "Destroy the secret"}
	disabling = secretEnd{"Disable a version of %s?",
		"Nobody opens this version again, and nothing takes that back. Where it is the newest, programs that read the secret fail.", "Disable the version"}
)

// askEnd says what an end of a secret breaks, and asks for its path.
func (v *visit) askEnd(status int, e secretEnd, problem string) error {
	vault, path := v.r.PathValue("vault"), v.r.PathValue("path")
	d := destruction{Name: path, Text: v.t(e.text), Button: v.t(e.button), Problem: problem, Back: v.here()}
	if e == disabling {
		if d.Version = number(nameOr(v.form("version"), v.query("version"))); d.Version == 0 {
			return missing(v)
		}
		d.Button = v.t("Disable version %d", d.Version)
	}
	var who *client.WhoCan
	g, ctx := errgroup.WithContext(v.r.Context())
	g.Go(func() error { _, _, _, err := v.versions(ctx, vault, path); return err })
	g.Go(func() (err error) { who, err = v.api.WhoCan(ctx, vault, path, ""); return seen(err) })
	if err := g.Wait(); err != nil {
		return err
	}
	d.Readers = readersOf(who)
	return v.show(status, "destroy", v.t(e.title, path), d)
}

// finish does what askEnd asked about.
func (v *visit) finish(e secretEnd, do func() error, to, done string) error {
	if !v.typed(v.r.PathValue("path")) {
		return v.askEnd(http.StatusUnprocessableEntity, e, v.t("The name that you typed is another one."))
	}
	if err := do(); err != nil {
		return err
	}
	return v.back(to, done)
}
