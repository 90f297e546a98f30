package app

import (
	"encoding/base64"
	"strings"
	"testing"
)

// TestNoSecretGoesBesideABody: headers that go on and the query are looked at as a body is, and can't be cut.
func TestNoSecretGoesBesideABody(t *testing.T) {
	r := shroud(t)
	const it = "correct-horse-battery"
	r.rest("PUT", "/v1/vaults/"+r.vault+"/secrets/db/main", r.owner, `{"type":"password","value":"`+it+`"}`)
	r.rest("PUT", "/v1/vaults/"+r.vault+"/secrets/app/type", r.owner, `{"type":"password","value":"application/json"}`)
	r.set(`{"sanitization_mode":"log_only"}`)
	stopped := 0
	for what, c := range map[string]struct {
		query  string
		header []string
		status int
	}{
		"a header":                 {"", []string{"X-Note", "it is " + it}, 403},
		"the client's name":        {"", []string{"User-Agent", it}, 403},
		"beside a type":            {"", []string{"Content-Type", "application/json; x=" + it}, 403},
		"in base64":                {"", []string{"Traceparent", base64.StdEncoding.EncodeToString([]byte("a" + it + "b"))}, 403},
		"the name of one":          {"", []string{"X-" + it, "1"}, 403},
		"the query":                {"?a=" + it, nil, 403},
		"the query, escaped":       {"?a=c%6frrect%2dhorse-battery", nil, 403},
		"the query, escaped twice": {"?a=c%256frrect-horse-battery", nil, 403},
		"a name in the query":      {"?" + it + "=1", nil, 403},
		"the query in two":         {"?a=correct-ho&a=rse-battery", nil, 403},
		"what does not go on":      {"?key=" + it + "&access_token=" + it, []string{"Cookie", it, "X-Forwarded-For", it, "X-Shroud-Note", it}, 200},
		"another provider's key":   {"", []string{"Authorization", "Bearer " + it, "X-Api-Key", it}, 200},
		"nothing":                  {"?api-version=2026-01-01", []string{"User-Agent", "me/1.0", "Accept", "application/json"}, 200},
	} {
		n := len(r.stub.Requests())
		got := r.send("POST", chat+c.query, hello, r.usual(c.header...))
		if got.status != c.status || strings.Contains(got.body, "horse") || len(r.stub.Requests()) != n+map[int]int{200: 1}[c.status] {
			t.Errorf("%s: %d %s", what, got.status, got.body)
		}
		if c.status == 403 {
			stopped++
			r.refused(what, 403, got)
		}
	}
	if last := r.stub.Last(); last.Header.Get("Content-Type") != "application/json" {
		t.Errorf("it sends %v", last.Header)
	}
	_, list := r.mcpRig.send(r.a.api, "GET", "/v1/shroud/activity?action=blocked&limit=100", r.owner, "")
	_, events := r.mcpRig.send(r.a.api, "GET", "/v1/audit/events?action=model.call&limit=100", r.owner, "")
	if strings.Count(list, `"cost_usd"`) != stopped || strings.Count(events, `"stopped_by":"secret_leak"`) != stopped || strings.Contains(list+events, "horse") {
		t.Errorf("%d were stopped: activity %s; events %s", stopped, list, events)
	}
	r.set(`{"inspect_as_text":true}`)
	r.refused("a path", 403, r.send("POST", "/v1/images/"+it, `{"model":"m"}`, r.usual()))
	r.set(`{"enable_secret_redaction":false}`)
	if got := r.send("POST", chat+"?a="+it, hello, r.usual()); got.status != 200 {
		t.Errorf("where secrets are not looked for: %d %s", got.status, got.body)
	}
}

// TestWhatAProviderKeepsIsTold, in the answer's header, the activity, the log and the summary.
func TestWhatAProviderKeepsIsTold(t *testing.T) {
	r := shroud(t)
	const body = `{"model":"m","input":"hi","previous_response_id":"resp_secret"}`
	got := r.send("POST", "/v1/responses", body, r.usual())
	if got.status != 200 || !strings.Contains(got.header.Get("X-Shroud-Inspection"), `"pattern":"previous_response_id"`) || string(r.stub.Last().Body) != body {
		t.Errorf("%d %v %s; sent %s", got.status, got.header, got.body, r.stub.Last().Body)
	}
	r.set(`{"kept_context_detection":{"action":"block"}}`)
	n := len(r.stub.Requests())
	r.refused("stopped", 403, r.send("POST", "/v1/responses", body, r.usual()))
	r.refused("of Google", 403, r.send("POST", "/v1beta/models/m:generateContent", `{"contents":[],"cachedContent":"cachedContents/1"}`, r.usual("X-Shroud-Provider", "")))
	if len(r.stub.Requests()) != n {
		t.Error("it went on")
	}
	list := r.settled(3)
	_, summary := r.mcpRig.send(r.a.api, "GET", "/v1/shroud/threat-summary", r.owner, "")
	_, events := r.mcpRig.send(r.a.api, "GET", "/v1/audit/events?action=model.call&limit=100", r.owner, "")
	if !strings.Contains(list, `"warned"`) || strings.Count(list, `"blocked"`) < 2 || !strings.Contains(summary, `"detector":"kept_context"`) ||
		strings.Count(events, `"stopped_by":"kept_context"`) != 2 || strings.Contains(list+summary+events, "resp_secret") {
		t.Errorf("activity %s; summary %s; events %s", list, summary, events)
	}
}

// TestNoSecretGoesAsAWordOfTheProtocol: as a model, which is stored too, as a role, a kind or an id, wherever
// a body may have one.
func TestNoSecretGoesAsAWordOfTheProtocol(t *testing.T) {
	on(t, func(t *testing.T, r *shroudRig) {
		const it = "correct-horse-battery"
		r.rest("PUT", "/v1/vaults/"+r.vault+"/secrets/db/main", r.owner, `{"type":"password","value":"`+it+`"}`)
		const gemini = "/v1beta/models/m:generateContent"
		for _, config := range []string{`{}`, `{"sanitization_mode":"log_only","denied_models":["o"],"allowed_models":["m"]}`} {
			r.set(config)
			for what, c := range map[string]struct{ path, body string }{
				"the model":            {chat, `{"model":"` + it + `","messages":[]}`},
				"a model of another":   {chat, `{"model":"m","models":["m","` + it + `"],"messages":[]}`},
				"a model in the path":  {"/v1beta/models/" + it + ":generateContent", `{"contents":[]}`},
				"Responses' model":     {"/v1/responses", `{"model":"` + it + `","input":"x"}`},
				"Anthropic's model":    {"/v1/messages", `{"model":"` + it + `","max_tokens":9,"messages":[]}`},
				"a role":               {chat, `{"model":"m","messages":[{"role":"` + it + `","content":"x"}]}`},
				"a kind":               {chat, `{"model":"m","messages":[{"role":"user","content":[{"type":"` + it + `","text":"x"}]}]}`},
				"the detail":           {chat, `{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AA","detail":"` + it + `"}}]}]}`},
				"a kind in a schema":   {chat, `{"model":"m","messages":[],"tools":[{"type":"function","function":{"name":"f","parameters":{"properties":{"a":{"type":"` + it + `"}}}}}]}`},
				"an id in a schema":    {chat, `{"model":"m","messages":[],"tools":[{"type":"function","function":{"name":"f","parameters":{"id":"` + it + `"}}}]}`},
				"the tier":             {chat, `{"model":"m","messages":[],"service_tier":"` + it + `"}`},
				"a format":             {chat, `{"model":"m","messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"AA","format":"` + it + `"}}]}]}`},
				"the kind of an item":  {"/v1/responses", `{"model":"m","input":[{"type":"` + it + `"}]}`},
				"the state of an item": {"/v1/responses", `{"model":"m","input":[{"type":"function_call","name":"f","call_id":"c","arguments":"{}","status":"` + it + `"}]}`},
				"a kind of a block":    {"/v1/messages", `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"` + it + `","data":"AA"}}]}]}`},
				"a turn of Google's":   {gemini, `{"contents":[{"role":"` + it + `","parts":[{"text":"x"}]}]}`},
				"Google's kind":        {gemini, `{"contents":[{"parts":[{"inlineData":{"mimeType":"` + it + `","data":"AA"}}]}]}`},
				"Cohere's role":        {"/v2/chat", `{"model":"m","messages":[{"role":"` + it + `","content":"x"}]}`},
			} {
				h := r.usual("X-Shroud-Provider", "")
				if c.path == chat {
					h = r.usual()
				}
				before := len(r.stub.Requests())
				got := r.send("POST", c.path, c.body, h)
				if r.refused(what, 403, got); strings.Contains(got.body, "horse") || len(r.stub.Requests()) != before {
					t.Errorf("%s: it went on, or says %s", what, got.body)
				}
			}
		}
		// What everybody writes is no secret, whatever is stored.
		for path, value := range map[string]string{"conf/model": "gpt-4o", "conf/own": "my-own-model", "conf/role": "assistant", "conf/kind": "image_url"} {
			r.rest("PUT", "/v1/vaults/"+r.vault+"/secrets/"+path, r.owner, `{"type":"password","value":"`+value+`"}`)
		}
		r.set(`{"allowed_models":["gpt-4o-2024-08-06","my-own-model"]}`)
		for _, model := range []string{"gpt-4o-2024-08-06", "my-own-model"} {
			if got := r.send("POST", chat, `{"model":"`+model+`","messages":[{"role":"assistant","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AA"}}]}]}`, r.usual()); got.status != 200 {
				t.Errorf("usual words: %d %s", got.status, got.body)
			}
		}
		r.set(`{}`)
		if got := r.send("POST", chat, `{"model":"m","messages":[{"role":"tool","tool_call_id":"`+it+`","content":"x"}]}`, r.usual()); strings.Contains(string(r.stub.Last().Body), "horse") {
			t.Errorf("an id: %d, sent %s", got.status, r.stub.Last().Body)
		}
		_, list := r.mcpRig.send(r.a.api, "GET", "/v1/shroud/activity?limit=100", r.owner, "")
		_, events := r.mcpRig.send(r.a.api, "GET", "/v1/audit/events?limit=200", r.owner, "")
		if strings.Contains(list+events, "horse") || !strings.Contains(list, `"model":"unusual"`) {
			t.Errorf("activity %s; events %s", list, events)
		}
	})
}
