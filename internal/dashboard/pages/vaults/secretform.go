package vaults

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/dashboard/frame"
)

// secretTypes are those that a value may have.
func secretTypes() []string {
	return []string{"generic", "password", "api_key", "token", "private_key", "ssh_key", "certificate", "totp_seed", "env_bundle", "env", "file", "note"}
}

// secretForm is what was filled in for a new secret, or a new version of one. It has no
// value: that is filled in again.
type secretForm struct {
	vaultHead
	Path, Type, Expires, Metadata, MaxReads, Length string
	Make, Again                                     bool // a value is made; it is a new version
	Problem                                         string
}

// Types are those that can be chosen.
func (secretForm) Types() []string { return secretTypes() }

// To is where the form goes.
func (f secretForm) To() string {
	if f.Again {
		return at(f.ID, "version", f.Path)
	}
	return "/vaults/" + f.ID + "/secrets/new"
}

// Back is where somebody goes who leaves the form.
func (f secretForm) Back() string {
	if f.Again {
		return at(f.ID, "secret", f.Path)
	}
	return "/vaults/" + f.ID
}

func newSecret(v *frame.Visit) error {
	h, err := headOf(v, "secrets")
	if err != nil {
		return err
	}
	return v.Show(http.StatusOK, "secret-form", v.T("New secret"), secretForm{vaultHead: h, Path: v.Query("path"), Type: "generic", Length: "32"})
}

func makeSecret(v *frame.Visit) error {
	h, err := headOf(v, "secrets")
	if err != nil {
		return err
	}
	f := secretFormOf(v, h)
	f.Path = v.Form("path")
	return putSecret(v, f, "The secret is stored.")
}

func newVersion(v *frame.Visit) error {
	h, err := headOf(v, "secrets")
	if err != nil {
		return err
	}
	f := secretForm{vaultHead: h, Path: v.R.PathValue("path"), Again: true, Length: "32"}
	newest, _, _, err := versionsOf(v.R.Context(), v, h.ID, f.Path)
	if err != nil {
		return err
	}
	f.Type = newest.Type
	if len(fieldsOf(newest.Metadata)) > 0 {
		f.Metadata = pretty(newest.Metadata)
	}
	if newest.ExpiresAt != nil && newest.ExpiresAt.After(v.Now()) {
		f.Expires = newest.ExpiresAt.UTC().Format(formTime)
	}
	return v.Show(http.StatusOK, "secret-form", v.T("New version of %s", f.Path), f)
}

func makeVersion(v *frame.Visit) error {
	h, err := headOf(v, "secrets")
	if err != nil {
		return err
	}
	f := secretFormOf(v, h)
	f.Path, f.Again = v.R.PathValue("path"), true
	return putSecret(v, f, "The new version is stored. It is what is read from now on.")
}

func secretFormOf(v *frame.Visit, h vaultHead) secretForm {
	return secretForm{
		vaultHead: h, Type: v.Form("type"), Expires: v.Form("expires"), Metadata: v.Form("metadata"),
		MaxReads: v.Form("max_reads"), Length: v.Form("length"), Make: v.Form("make") != "",
	}
}

// putSecret stores what a form has.
func putSecret(v *frame.Visit, f secretForm, done string) error {
	again := func(status int, problem string) error {
		f.Problem = problem
		title := v.T("New secret")
		if f.Again {
			title = v.T("New version of %s", f.Path)
		}
		return v.Show(status, "secret-form", title, f)
	}
	o := client.PutOptions{Type: f.Type, MaxAccessCount: frame.Number(f.MaxReads)}
	if f.Metadata != "" {
		if !json.Valid([]byte(f.Metadata)) {
			return again(http.StatusUnprocessableEntity, v.T(`The metadata is a JSON object, such as {"owner":"ops"}.`))
		}
		o.Metadata = json.RawMessage(f.Metadata)
	}
	end, ok := parseTime(f.Expires)
	if !ok {
		return again(http.StatusUnprocessableEntity, v.T("The end is a date and a time, such as 2030-01-31T18:00."))
	}
	o.ExpiresAt = end
	value, problem := given(v, &f)
	if problem != "" {
		return again(http.StatusUnprocessableEntity, problem)
	}
	defer value.Wipe()
	stored, err := v.API.PutSecret(v.R.Context(), f.ID, f.Path, value, o)
	if frame.Retry(err) {
		return again(v.Describe(err))
	}
	if err != nil {
		return err
	}
	if stored.Warning != "" {
		return warned(v, at(f.ID, "secret", f.Path), done, stored.Warning)
	}
	return v.Back(at(f.ID, "secret", f.Path), done)
}

// given is the value of the form, or one that is made. A browser sends a line's end as two
// characters, of which keys have one.
func given(v *frame.Visit, f *secretForm) (value client.Value, problem string) {
	text := strings.ReplaceAll(v.R.PostFormValue("value"), "\r\n", "\n")
	switch length := frame.Number(f.Length); {
	case f.Make && text != "":
		return value, v.T("Write a value, or have one made, not both.")
	case f.Make && (length < 16 || length > 4096):
		return value, v.T("A value that is made has 16 to 4096 characters.")
	case f.Make:
		return made(int(length)), ""
	case text == "":
		return value, v.T("Write a value, or have one made.")
	}
	return client.ValueOf(text), ""
}

// made is a value of letters and digits, each as likely as any other.
func made(length int) client.Value {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	out := make([]byte, 0, length)
	var b [256]byte
	defer clear(b[:])
	for len(out) < length {
		_, _ = rand.Read(b[:]) // it never fails
		for _, c := range b {
			if int(c) < 256/len(letters)*len(letters) && len(out) < length {
				out = append(out, letters[int(c)%len(letters)])
			}
		}
	}
	return client.NewValue(out)
}

// formTime is how a browser sends a date with a time. It has no zone: forms say UTC.
const formTime = "2006-01-02T15:04"

// parseTime reads a time of a form; an empty one is none.
func parseTime(text string) (*time.Time, bool) {
	if text == "" {
		return nil, true
	}
	for _, layout := range []string{formTime, "2006-01-02T15:04:05", "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return &t, true
		}
	}
	return nil, false
}

// pretty is a JSON text with a line for each member.
func pretty(raw json.RawMessage) string {
	var b bytes.Buffer
	if json.Indent(&b, raw, "", "  ") != nil {
		return string(raw)
	}
	return b.String()
}
