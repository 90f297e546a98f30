package records

import (
	"context"
	"net/http"
	"slices"
	"strconv"
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

// mostOffset is how far into the calls the API goes.
const mostOffset = 1_000_000

// callActions are what became of a call.
var callActions = []string{"allowed", "logged", "warned", "redacted", "blocked", "failed", "lost"}

// models shows what went through Shroud.
func models(v *frame.Visit) error {
	d := modelCalls{Agent: v.Query("agent"), Provider: v.Query("provider"), Threat: v.Query("threat"), Period: v.Query("period"), Action: v.Query("action")}
	at := slices.IndexFunc(periods, func(p period) bool { return p.name == d.Period })
	if at < 0 {
		at = 1
	}
	p := periods[at]
	d.Period, d.Actions = p.name, callActions
	d.Periods = []frame.Choice{{Value: "1h", Text: v.T("the last hour")}, {Value: "24h", Text: v.T("the last day")}, {Value: "7d", Text: v.T("the last week")}, {Value: "30d", Text: v.T("the last 30 days")}}
	pick := client.ModelRequestFilter{AgentID: d.Agent, Action: d.Action, Provider: d.Provider, Detector: d.Threat, Period: d.Period}
	var names map[string]string
	var counts *client.ModelCounts
	g, ctx := errgroup.WithContext(v.R.Context())
	g.Go(func() (err error) { names, d.Agents, err = v.AgentNames(); return err })
	g.Go(func() (err error) { d.Summary, err = v.API.ShroudSummary(ctx, d.Period); return frame.Seen(err) })
	g.Go(func() (err error) {
		every := pick // of all providers, which are to choose from
		every.Provider = ""
		counts, err = v.API.ShroudCounts(ctx, every)
		return err
	})
	var rows []client.ModelRequest
	g.Go(func() (err error) { rows, d.Leaf, err = leafOf(ctx, v, pick); return err })
	if err := g.Wait(); err != nil {
		return err
	}
	shown := counts.Slots[:0:0]
	for _, s := range counts.Slots {
		d.Providers = append(d.Providers, s.Provider)
		if d.Provider == "" || d.Provider == s.Provider {
			shown = append(shown, s)
		}
	}
	d.Providers, d.Threats = distinct(append(d.Providers, chosen(d.Provider)...)), chosen(d.Threat)
	if d.Summary != nil {
		for _, one := range d.Summary.Detectors {
			d.Threats = append(d.Threats, one.Detector)
		}
	}
	d.Threats = distinct(d.Threats)
	d.Plot = plot.Draw(v.T("Calls of models"), plot.Counted(shown, v.Now(), p.step, int(p.all/p.step), p.label, func(s client.ModelSlot) (time.Time, int64, int64) {
		return s.At, s.Requests, s.Found
	}), v.T("Time (UTC)"), v.T("Calls"), v.T("Something was found"))
	for _, m := range rows {
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

// leafOf is the page of calls that a request asks for.
func leafOf(ctx context.Context, v *frame.Visit, pick client.ModelRequestFilter) ([]client.ModelRequest, frame.Leaf, error) {
	asked, _ := strconv.Atoi(v.Query("page")) // no number is the first page
	pick.Limit, pick.Offset = frame.LeafRows, min(max(asked-1, 0), mostOffset/frame.LeafRows)*frame.LeafRows
	got, err := v.API.ShroudActivity(ctx, pick)
	if err != nil {
		return nil, frame.Leaf{}, err
	}
	leaf := v.Leaf(int(min(got.Total, mostOffset+frame.LeafRows)))
	if leaf.From != pick.Offset { // there are not so many pages
		pick.Offset = leaf.From
		if got, err = v.API.ShroudActivity(ctx, pick); err != nil {
			return nil, leaf, err
		}
	}
	return got.Events, leaf, nil
}

// chosen is the choice that the list must show, also when no row has it.
func chosen(name string) []string {
	if name == "" {
		return nil
	}
	return []string{name}
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
