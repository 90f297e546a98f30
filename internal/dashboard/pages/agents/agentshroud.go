package agents

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/dashboard/frame"
)

// modelsView is how an agent's calls of models are looked at.
type modelsView struct {
	Agent             *client.Agent
	Presets           []string
	Budget, PerMinute string
	PerDay, Tokens    string
	Streams           string
	Models, Denied    string
	Providers, Tools  string
	Config            string // all of it, as JSON
	Problem           string
	ConfigProblem     string
	Address           string
}

// modelPresets are how calls may be looked at, by name.
var modelPresets = []string{"strict", "balanced", "observe"}

// ofPreset are the fields that a preset sets; limits, models and tools are kept.
var ofPreset = []string{
	"sanitization_mode", "pii_policy", "injection_threshold", "context_injection_threshold", "enable_secret_redaction", "enable_response_filtering",
	"command_injection_detection", "social_engineering_detection", "encoding_detection", "network_detection", "filesystem_detection",
}

func agentModels(v *frame.Visit) error {
	a, err := v.API.Agent(v.R.Context(), v.R.PathValue("id"))
	if err != nil {
		return err
	}
	return showModels(v, http.StatusOK, modelsOf(v, a))
}

func showModels(v *frame.Visit, status int, d *modelsView) error {
	return v.Show(status, "agent-shroud", v.T("Model traffic of %s", d.Agent.Name), d)
}

// modelsOf is the form as the agent is now.
func modelsOf(v *frame.Visit, a *client.Agent) *modelsView {
	d := &modelsView{Agent: a, Presets: modelPresets, Address: v.ShroudURL()}
	config := settingsOf(a)
	number := func(name string) string { return frame.Text(config[name]) }
	list := func(in map[string]any, name string) string {
		all, _ := in[name].([]any)
		out := make([]string, 0, len(all))
		for _, one := range all {
			out = append(out, frame.Text(one))
		}
		return strings.Join(out, "\n")
	}
	d.Budget, d.PerMinute, d.PerDay = number("daily_budget_usd"), number("max_requests_per_minute"), number("max_requests_per_day")
	d.Tokens, d.Streams = number("max_tokens_per_request"), number("max_concurrent_streams")
	d.Models, d.Denied, d.Providers = list(config, "allowed_models"), list(config, "denied_models"), list(config, "allowed_providers")
	tools, _ := config["tool_call_inspection"].(map[string]any)
	d.Tools = list(tools, "allowed_tools")
	if len(config) > 0 {
		d.Config = strings.TrimSpace(indented(config))
	}
	return d
}

// settingsOf is an agent's shroud_config; numbers in it stay as they are written.
func settingsOf(a *client.Agent) map[string]any {
	config := map[string]any{}
	d := json.NewDecoder(bytes.NewReader(a.ShroudConfig))
	d.UseNumber()
	if len(a.ShroudConfig) == 0 || d.Decode(&config) != nil || config == nil {
		return map[string]any{}
	}
	return config
}

// configure changes an agent's shroud_config, which the server replaces as a whole.
func configure(v *frame.Visit, u client.AgentUpdate, done string, failed func(*modelsView, string), change func(map[string]any) (map[string]any, error)) error {
	if v.Person() {
		return nil
	}
	a, err := v.API.Agent(v.R.Context(), v.R.PathValue("id"))
	if err != nil {
		return err
	}
	config, err := change(settingsOf(a))
	if err == nil {
		if u.ShroudConfig, err = json.Marshal(config); err != nil {
			return err
		}
		_, err = v.API.UpdateAgent(v.R.Context(), a.ID, u)
	}
	if frame.Retry(err) {
		status, problem := v.Describe(err)
		d := modelsOf(v, a)
		failed(d, problem)
		return showModels(v, status, d)
	}
	if err != nil {
		return err
	}
	return v.Back(agentPath(v)+"/shroud", done)
}

// presetModels lets an agent call models, looked at as a preset says.
func presetModels(v *frame.Visit) error {
	on := true
	return configure(v, client.AgentUpdate{ShroudEnabled: &on}, "The agent calls models, looked at as you chose.",
		func(d *modelsView, problem string) { d.Problem = problem },
		func(config map[string]any) (map[string]any, error) {
			name := v.Form("preset")
			if !slices.Contains(modelPresets, name) {
				return nil, v.Wrong("Choose one of the three ways.")
			}
			for _, field := range ofPreset {
				delete(config, field)
			}
			config["preset"] = name
			return config, nil
		})
}

// noModels stops an agent from calling models.
func noModels(v *frame.Visit) error {
	off := false
	if _, err := v.API.UpdateAgent(v.R.Context(), v.R.PathValue("id"), client.AgentUpdate{ShroudEnabled: &off}); err != nil {
		return err
	}
	return v.Back(agentPath(v)+"/shroud", "The agent calls no models any more.")
}

// limitModels sets what an agent may use of models.
func limitModels(v *frame.Visit) error {
	fill := func(d *modelsView) {
		d.Budget, d.PerMinute, d.PerDay, d.Tokens, d.Streams = v.Form("budget"), v.Form("per_minute"), v.Form("per_day"), v.Form("tokens"), v.Form("streams")
		d.Models, d.Denied, d.Providers, d.Tools = v.Form("models"), v.Form("denied"), v.Form("providers"), v.Form("tools")
	}
	return configure(v, client.AgentUpdate{}, "The limits are changed.",
		func(d *modelsView, problem string) { fill(d); d.Problem = problem },
		func(config map[string]any) (map[string]any, error) {
			for field, name := range map[string]string{
				"budget": "daily_budget_usd", "per_minute": "max_requests_per_minute", "per_day": "max_requests_per_day",
				"tokens": "max_tokens_per_request", "streams": "max_concurrent_streams",
			} {
				text := v.Form(field)
				switch {
				case text == "":
					delete(config, name)
				case strings.Trim(text, "0123456789.") != "" || !json.Valid([]byte(text)):
					return nil, v.Wrong("Limits are numbers, or empty for none.")
				default:
					config[name] = json.Number(text)
				}
			}
			list := func(in map[string]any, name, text string) {
				if delete(in, name); text != "" {
					in[name] = lines(text)
				}
			}
			list(config, "allowed_models", v.Form("models"))
			list(config, "denied_models", v.Form("denied"))
			list(config, "allowed_providers", v.Form("providers"))
			tools, _ := config["tool_call_inspection"].(map[string]any)
			if tools == nil && v.Form("tools") != "" {
				tools = map[string]any{}
				config["tool_call_inspection"] = tools
			}
			if tools != nil {
				list(tools, "allowed_tools", v.Form("tools"))
			}
			return config, nil
		})
}

// configureModels replaces the settings by JSON.
func configureModels(v *frame.Visit) error {
	text := v.Form("config")
	return configure(v, client.AgentUpdate{}, "The settings are changed.",
		func(d *modelsView, problem string) { d.Config, d.ConfigProblem = text, problem },
		func(map[string]any) (map[string]any, error) {
			config := map[string]any{}
			if text == "" {
				return config, nil
			}
			d := json.NewDecoder(strings.NewReader(text))
			d.UseNumber()
			if err := d.Decode(&config); err != nil || config == nil || d.More() {
				return nil, v.Wrong("The settings are a JSON object, or nothing.")
			}
			return config, nil
		})
}
