package organisation_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/pages"
)

func TestTheWayToPayIsChosenOnAPage(t *testing.T) {
	p := pages.Open(t).Person("ann")
	p.Does("/usage/overage", url.Values{"method": {"x402"}})
	if s, err := p.Client().Subscription(t.Context()); err != nil || s.OverageMethod != "x402" {
		t.Errorf("the API says %+v, %v", s, err)
	}
	if status, _, _ := p.Post("/usage/overage", url.Values{"method": {pages.Odd}}); status != http.StatusBadRequest {
		t.Errorf("another way: %d", status)
	}
}
