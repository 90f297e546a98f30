package records

import (
	"net/http"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/dashboard/frame"
	"github.com/oneclaw-dev/oneclaw/internal/dashboard/plot"
)

var modelPages = map[string]frame.Page{
	"GET /shroud":            models,
	"GET /shroud/{$}":        func(v *frame.Visit) error { return v.Redirect("/shroud") },
	"POST /shroud/{id}/text": flaggedTexts,
}

// modelCalls is what became of calls of models.
type modelCalls struct {
	Rows                            []modelCall
	Agents                          []client.Agent
	Summary                         *client.ThreatSummary
	Plot                            plot.Plot
	Agent, Provider, Threat, Period string
	Action                          string
	Actions                         []string
	Periods                         []frame.Choice
	Providers, Threats              []string
	Cut                             bool // there are more calls than were looked at
	Leaf                            frame.Leaf
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
func models(v *frame.Visit) error {
	d := modelCalls{Agent: v.Query("agent"), Provider: v.Query("provider"), Threat: v.Query("threat"), Period: v.Query("period"), Action: v.Query("action")}
	at := slices.IndexFunc(periods, func(p period) bool { return p.name == d.Period })
	if at < 0 {
		at = 1
	}
	p := periods[at]
	d.Period, d.Actions = p.name, callActions
	d.Periods = []frame.Choice{{Value: "1h", Text: v.T("the last hour")}, {Value: "24h", Text: v.T("the last day")}, {Value: "7d", Text: v.T("the last week")}, {Value: "30d", Text: v.T("the last 30 days")}}
	since := v.Now().Add(-p.all)
	var names map[string]string
	var all []client.ModelRequest
	g, ctx := errgroup.WithContext(v.R.Context())
	g.Go(func() (err error) { names, d.Agents, err = v.AgentNames(); return err })
	g.Go(func() (err error) { d.Summary, err = v.API.ShroudSummary(ctx, d.Period); return frame.Seen(err) })
	g.Go(func() error {
		got, err := v.API.ShroudActivity(ctx, client.ModelRequestFilter{AgentID: d.Agent, Action: d.Action, Limit: mostCalls})
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
	d.Plot = plot.Draw(v.T("Calls of models"), plot.Slots(all, v.Now(), p.step, int(p.all/p.step), p.label, func(m client.ModelRequest) (time.Time, bool) {
		return m.Timestamp, len(m.Metadata.Findings) > 0
	}), v.T("Time (UTC)"), v.T("Calls"), v.T("Something was found"))
	d.Leaf = v.Leaf(len(all))
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
	return v.Show(http.StatusOK, "shroud", v.T("Model traffic"), d)
}

// distinct are the texts of a list, each once, in order.
func distinct(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}

// flaggedTexts shows what was flagged in one call. It is asked for with a form: what it shows
// is in this answer alone.
func flaggedTexts(v *frame.Visit) error {
	texts, err := v.API.FlaggedTexts(v.R.Context(), v.R.PathValue("id"))
	if err != nil {
		return err
	}
	return v.Show(http.StatusOK, "shroud-text", v.T("What was flagged"), texts)
}
