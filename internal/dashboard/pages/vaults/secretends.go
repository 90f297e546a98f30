package vaults

import (
	"cmp"
	"net/http"

	"golang.org/x/sync/errgroup"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/dashboard/frame"
)

// generate has the server make the next value of a secret.
func generate(v *frame.Visit) error {
	r := client.Recipe{Length: int(frame.Number(v.Form("length"))), Charset: v.Form("charset")}
	if _, err := v.API.GenerateSecret(v.R.Context(), v.R.PathValue("vault"), v.R.PathValue("path"), r); err != nil {
		return err
	}
	return v.Back(here(v), "A new value is made and stored. It is what is read from now on.")
}

func restore(v *frame.Visit) error {
	if _, err := v.API.RestoreSecret(v.R.Context(), v.R.PathValue("vault"), v.R.PathValue("path")); err != nil {
		return err
	}
	return v.Back(here(v), "The secret is back.")
}

func askRemove(v *frame.Visit) error { return askEnd(v, http.StatusOK, removal, "") }

func remove(v *frame.Visit) error {
	return finish(v, removal, func() error {
		return v.API.DeleteSecret(v.R.Context(), v.R.PathValue("vault"), v.R.PathValue("path"))
	}, here(v), "The secret is deleted. It can be restored here.")
}

func askPurge(v *frame.Visit) error { return askEnd(v, http.StatusOK, purging, "") }

func purge(v *frame.Visit) error {
	return finish(v, purging, func() error {
		return v.API.PurgeSecret(v.R.Context(), v.R.PathValue("vault"), v.R.PathValue("path"))
	}, "/vaults/"+v.R.PathValue("vault"), "The secret and all its versions are destroyed.")
}

func askDisable(v *frame.Visit) error { return askEnd(v, http.StatusOK, disabling, "") }

func disable(v *frame.Visit) error {
	return finish(v, disabling, func() error {
		return v.API.DisableSecretVersion(v.R.Context(), v.R.PathValue("vault"), v.R.PathValue("path"), frame.Number(v.Form("version")))
	}, here(v), "The version is disabled. Nothing opens it again.")
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
func askEnd(v *frame.Visit, status int, e secretEnd, problem string) error {
	vault, path := v.R.PathValue("vault"), v.R.PathValue("path")
	d := destruction{Name: path, Text: v.T(e.text), Button: v.T(e.button), Problem: problem, Back: here(v)}
	if e == disabling {
		if d.Version = frame.Number(cmp.Or(v.Form("version"), v.Query("version"))); d.Version == 0 {
			return frame.Missing(v)
		}
		d.Button = v.T("Disable version %d", d.Version)
	}
	var who *client.WhoCan
	g, ctx := errgroup.WithContext(v.R.Context())
	g.Go(func() error { _, _, _, err := versionsOf(ctx, v, vault, path); return err })
	g.Go(func() (err error) { who, err = v.API.WhoCan(ctx, vault, path, ""); return frame.Seen(err) })
	if err := g.Wait(); err != nil {
		return err
	}
	d.Readers = readersOf(who)
	return v.Show(status, "destroy", v.T(e.title, path), d)
}

// finish does what askEnd asked about.
func finish(v *frame.Visit, e secretEnd, do func() error, to, done string) error {
	if !typed(v, v.R.PathValue("path")) {
		return askEnd(v, http.StatusUnprocessableEntity, e, v.T("The name that you typed is another one."))
	}
	if err := do(); err != nil {
		return err
	}
	return v.Back(to, done)
}
