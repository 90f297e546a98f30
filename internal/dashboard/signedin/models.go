package signedin

import (
	"net/http"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/oneclaw-dev/oneclaw/client"
)

var modelPages = map[string]page{
	"GET /shroud":            models,
	"GET /shroud/{$}":        func(v *visit) error { return v.redirect("/shroud") },
	"POST /shroud/{id}/text": flaggedTexts,
}

// modelCalls is what became of calls of models.
type modelCalls struct {
	Rows                            []modelCall
	Agents                          []client.Agent
	Summary                         *client.ThreatSummary
	Plot                            plot
	Agent, Provider, Threat, Period string
	Action                          string
	Actions                         []string
	Periods                         []lasting
	Providers, Threats              []string
	Cut                             bool // there are more calls than were looked at
	Leaf                            leaf
}

// modelCall is a call with what a page says of it.
type modelCall struct {
	client.ModelRequest
	Agent string
	Tag   string
}

// period is a time that the page of model traffic sums up, and how its plot is parted.
type period struct {
	name  string
	all   time.Duration
	step  time.Duration
	label string
}

var periods = []period{
	{"1h", time.Hour, 5 * time.Minute, "15:04"}, {"24h", 24 * time.Hour, time.Hour, "15:04"},
	{"7d", 7 * 24 * time.Hour, 6 * time.Hour, "01-02 15:04"}, {"30d", 30 * 24 * time.Hour, 24 * time.Hour, "01-02"},
}

// mostCalls is how many calls of models are looked at: as many as the API gives at a time.
const mostCalls = 1000

// callActions are what became of a call.
var callActions = []string{"allowed", "logged", "warned", "redacted", "blocked", "failed", "lost"}

// models shows what went through Shroud. The API picks by agent and by what was done; provider,
// threat and period are picked here from the newest.
func models(v *visit) error {
	d := modelCalls{Agent: v.query("agent"), Provider: v.query("provider"), Threat: v.query("threat"), Period: v.query("period"), Action: v.query("action")}
	at := slices.IndexFunc(periods, func(p period) bool { return p.name == d.Period })
	if at < 0 {
		at = 1
	}
	p := periods[at]
	d.Period, d.Actions = p.name, callActions
	d.Periods = []lasting{{"1h", v.t("the last hour")}, {"24h", v.t("the last day")}, {"7d", v.t("the last week")}, {"30d", v.t("the last 30 days")}}
	since := v.Now().Add(-p.all)
	var names map[string]string
	var all []client.ModelRequest
	g, ctx := errgroup.WithContext(v.r.Context())
	g.Go(func() (err error) { names, d.Agents, err = v.agentNames(); return err })
	g.Go(func() (err error) { d.Summary, err = v.api.ShroudSummary(ctx, d.Period); return seen(err) })
	g.Go(func() error {
		got, err := v.api.ShroudActivity(ctx, client.ModelRequestFilter{AgentID: d.Agent, Action: d.Action, Limit: mostCalls})
		if err != nil {
			return err
		}
		all = got.Events
		d.Cut = got.Total > int64(len(all)) && len(all) > 0 && all[len(all)-1].Timestamp.After(since)
		return nil
	})
	if err := g.Wait(); err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(m client.ModelRequest) bool { return m.Timestamp.Before(since) })
	for _, m := range all {
		d.Providers = append(d.Providers, m.Provider)
		for _, f := range m.Metadata.Findings {
			d.Threats = append(d.Threats, f.Detector)
		}
	}
	d.Providers, d.Threats = distinct(d.Providers), distinct(d.Threats)
	all = slices.DeleteFunc(all, func(m client.ModelRequest) bool {
		return d.Provider != "" && m.Provider != d.Provider ||
			d.Threat != "" && !slices.ContainsFunc(m.Metadata.Findings, func(f client.ModelFinding) bool { return f.Detector == d.Threat })
	})
	d.Plot = drawn(v.t("Calls of models"), slots(all, v.Now(), p.step, int(p.all/p.step), p.label, func(m client.ModelRequest) (time.Time, bool) {
		return m.Timestamp, len(m.Metadata.Findings) > 0
	}), v.t("Time (UTC)"), v.t("Calls"), v.t("Something was found"))
	d.Leaf = leafOf(v, len(all))
	for _, m := range all[d.Leaf.From:d.Leaf.To] {
		row := modelCall{ModelRequest: m, Agent: names[m.AgentID], Tag: "good"}
		switch {
		case m.Action == "blocked" || m.Action == "failed":
			row.Tag = "bad"
		case m.Action != "allowed":
			row.Tag = "warn"
		}
		d.Rows = append(d.Rows, row)
	}
	return v.show(http.StatusOK, "shroud", v.t("Model traffic"), d)
}

// distinct are the texts of a list, each once, in order.
func distinct(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}

// flaggedTexts shows what was flagged in one call. It is asked for with a form: what it shows
// is in this answer alone.
func flaggedTexts(v *visit) error {
	texts, err := v.api.FlaggedTexts(v.r.Context(), v.r.PathValue("id"))
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, "shroud-text", v.t("What was flagged"), texts)
}
