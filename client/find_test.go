package client_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/oneclaw-dev/oneclaw/client"
)

func TestFindSecretTakesTheWholePath(t *testing.T) {
	pages := map[string]string{
		"":  `{"secrets":[{"path":"db/password-old","id":"1"},{"path":"db/password/x","id":"2"}],"next_cursor":"n"}`,
		"n": `{"secrets":[{"path":"db/password","id":"3"},{"path":"db/passwords","id":"4"}]}`,
	}
	var asked []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path+"?prefix="+r.URL.Query().Get("prefix"))
		_, _ = io.WriteString(w, pages[r.URL.Query().Get("cursor")])
	}))
	defer s.Close()
	c := dial(t, s.URL)
	if m, found, err := c.FindSecret(t.Context(), "v", "db/password"); err != nil || !found || m.ID != "3" {
		t.Errorf("%+v %v %v", m, found, err)
	}
	if len(asked) != 2 || asked[0] != "/v1/vaults/v/secrets?prefix=db/password" {
		t.Errorf("it asked %q", asked)
	}
	if m, found, err := c.FindSecret(t.Context(), "v", "db/pass"); err != nil || found || m.ID != "" {
		t.Errorf("a path that is the start of others: %+v %v %v", m, found, err)
	}
	c, _ = recorder(t, 404, `{"code":"vault_not_found"}`)
	_, found, err := c.FindSecret(t.Context(), "v", "db/password")
	if e, ok := errors.AsType[*client.Error](err); !ok || found || e.Status != 404 {
		t.Errorf("without the vault: %v %v", found, err)
	}
}

func TestVaultsNamed(t *testing.T) {
	c, _ := recorder(t, 200, `{"vaults":[{"id":"1","name":"main"},{"id":"2","name":"Main"},{"id":"3","name":"main"},{"id":"4","name":"mainly"}]}`)
	named, err := c.VaultsNamed(t.Context(), "main")
	if err != nil || len(named) != 2 || named[0].ID != "1" || named[1].ID != "3" {
		t.Errorf("%+v %v", named, err)
	}
	if named, err = c.VaultsNamed(t.Context(), "other"); err != nil || len(named) != 0 {
		t.Errorf("%+v %v", named, err)
	}
	c, _ = recorder(t, 403, `{"code":"denied"}`)
	if named, err = c.VaultsNamed(t.Context(), "main"); err == nil || len(named) != 0 {
		t.Errorf("a refusal: %+v %v", named, err)
	}
}
