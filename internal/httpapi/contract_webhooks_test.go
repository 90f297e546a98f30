package httpapi_test

import (
	"context"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/netguard"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/rest"
)

func TestWebhooksForEventsOfOnesOwnChoice(t *testing.T) {
	s := openSession(t)
	const all = "/v1/webhooks"
	mia := s.ada.member("mia", "member")
	if got := s.do("GET", all, s.ada.token, nil).want(200); len(got.list("webhooks")) != 0 {
		t.Errorf("%s", got.body)
	}
	for name, bad := range map[string]object{
		"no events":       {"url": "https://example.com", "events": []string{}},
		"an unknown word": {"url": "https://example.com", "events": []string{"secret.write", "secret.wrote"}},
		"an unknown area": {"url": "https://example.com", "events": []string{"nothing.*"}},
		"half an area":    {"url": "https://example.com", "events": []string{"sec*"}},
		"a login":         {"url": "https://a:b@example.com", "events": []string{"*"}},
		"a scheme":        {"url": "ftp://example.com", "events": []string{"*"}},
		"no url":          {"events": []string{"*"}},
		"two lines":       {"url": "https://example.com", "events": []string{"*"}, "description": "a\nb"},
	} {
		if r := s.do("POST", all, s.ada.token, bad); r.status != 400 {
			t.Errorf("%s: %d", name, r.status)
		}
	}
	want := object{"url": "https://example.com/a", "events": []string{"secret.write", "policy.*"}, "description": "to the chat"}
	made := s.do("POST", all, s.ada.token, want).want(201)
	if key := made.str("secret"); !strings.HasPrefix(key, "whsec_") || len(key) != 6+43 {
		t.Errorf("the secret is %q", key)
	}
	one := all + "/" + made.str("id")
	for _, r := range []reply{made, s.do("GET", one, s.ada.token, nil).want(200)} {
		if r.str("url") != want["url"] || r.str("description") != "to the chat" || r.json()["is_active"] != true || len(r.json()["events"].([]any)) != 2 {
			t.Errorf("%s", r.body)
		}
	}
	shown := s.do("GET", one, s.ada.token, nil).want(200)
	if shown.json()["secret"] != nil || shown.str("status") != "active" || shown.json()["last_status"] != nil || shown.json()["last_error"] != nil {
		t.Errorf("%s", shown.body)
	}
	for _, token := range []string{s.worker.token, mia.token} {
		s.do("POST", all, token, want).want(403)
		s.do("GET", all, token, nil).want(403)
		s.do("GET", one, token, nil).want(403)
		s.do("PATCH", one, token, object{"is_active": false}).want(403)
		s.do("DELETE", one, token, nil).want(403)
	}
	bob := s.signup("bob")
	s.do("GET", one, bob.token, nil).want(404, "webhook_not_found")
	s.do("PATCH", one, bob.token, object{"is_active": false}).want(404, "webhook_not_found")
	s.do("DELETE", one, bob.token, nil).want(404, "webhook_not_found")

	s.do("PATCH", one, s.ada.token, object{"events": []string{"nothing.*"}}).want(400, "invalid_webhook_events")
	s.do("PATCH", one, s.ada.token, object{"url": "gopher://x"}).want(400, "invalid_webhook_url")
	off := s.do("PATCH", one, s.ada.token, object{"is_active": false, "description": nil, "events": []string{"*"}}).want(200)
	if off.str("status") != "inactive" || off.json()["description"] != nil || off.json()["events"].([]any)[0] != "*" || off.str("url") != want["url"] {
		t.Errorf("%s", off.body)
	}
	if on := s.do("PATCH", one, s.ada.token, object{"is_active": true}).want(200); on.str("status") != "active" {
		t.Errorf("%s", on.body)
	}
	for range 9 {
		s.do("POST", all, s.ada.token, want).want(201)
	}
	s.do("POST", all, s.ada.token, want).want(409, "too_many_webhooks")
	s.do("DELETE", one, s.ada.token, nil).want(204)
	s.do("GET", one, s.ada.token, nil).want(404, "webhook_not_found")
}

// A key whose words do not let it read the whole log has no events of it sent away.
func TestAWebhookTakesTheRightToReadTheWholeLog(t *testing.T) {
	s := openSession(t)
	hook := object{"url": "https://example.com/a", "events": []string{"secret.write"}}
	for words, status := range map[string]int{"webhook:write": 403, "webhook:write audit:read": 201} {
		key := s.do("POST", "/v1/auth/api-keys", s.ada.login(), object{"name": words, "scopes": strings.Fields(words)}).want(201).str("api_key")
		s.do("POST", "/v1/webhooks", key, hook).want(status)
	}
}

// What can't be called is said at once, for both sorts of webhook.
func TestAWebhookThatCanNotBeCalledIsRefusedAtOnce(t *testing.T) {
	s := openSession(t, func(set *setup) {
		set.Reach = func(_ context.Context, url string) error {
			if strings.Contains(url, "private") {
				return netguard.ErrRefused
			}
			return nil
		}
	}, rest.OneByOne)
	const private = "https://private.example.com/x"
	s.do("PUT", "/v1/org/approval-webhook", s.ada.token, object{"url": private}).want(400, "webhook_unreachable")
	s.do("POST", "/v1/webhooks", s.ada.token, object{"url": private, "events": []string{"*"}}).want(400, "webhook_unreachable")
	s.do("GET", "/v1/org/approval-webhook", s.ada.token, nil).want(404, "webhook_not_found")
	one := "/v1/webhooks/" + s.do("POST", "/v1/webhooks", s.ada.token, object{"url": "https://example.com/x", "events": []string{"*"}}).want(201).str("id")
	s.do("PATCH", one, s.ada.token, object{"url": private}).want(400, "webhook_unreachable")
	s.do("PUT", "/v1/org/approval-webhook", s.ada.token, object{"url": "https://example.com/x"}).want(200)
	shown := s.do("GET", "/v1/org/approval-webhook", s.ada.token, nil).want(200)
	if _, says := shown.json()["last_error"]; !says || shown.json()["last_called_at"] != nil {
		t.Errorf("%s", shown.body)
	}
}
