package vaults_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/pages"
)

func TestAVaultIsMadeOnAPageAndListedWithItsNameEscaped(t *testing.T) {
	p := pages.Open(t).Person("ann")
	const name = `<script>alert("1")</script>&'`
	status, to, body := p.Post("/vaults", url.Values{"name": {"atlas"}, "description": {name}})
	if status != http.StatusSeeOther || !strings.HasPrefix(to, "/vaults/") {
		t.Fatalf("make a vault: %d %q\n%s", status, to, body)
	}
	status, body = p.Get("/vaults")
	if status != http.StatusOK || !strings.Contains(body, "atlas") || strings.Contains(body, "<script>alert") {
		t.Errorf("the list: %d\n%s", status, body)
	}
	all, err := p.Client().Vaults(t.Context())
	if err != nil || len(all) != 1 || all[0].Description != name {
		t.Errorf("the API says %+v, %v", all, err)
	}
	if status, body := p.Server.Person("eve").Get("/vaults"); status != http.StatusOK || strings.Contains(body, "atlas") {
		t.Errorf("of another organisation: %d\n%s", status, body)
	}
}

func TestAMemberSeesTheOrganisationThatItSignedInTo(t *testing.T) {
	p := pages.Open(t).Person("ann")
	if _, err := p.Client().CreateVault(t.Context(), "atlas", ""); err != nil {
		t.Fatal(err)
	}
	if status, body := p.Member(p, "bob", policy.RoleAdmin).Get("/vaults"); status != http.StatusOK || !strings.Contains(body, "atlas") {
		t.Errorf("the list: %d\n%s", status, body)
	}
}
