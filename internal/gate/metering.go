package gate

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/oneclaw-dev/oneclaw/internal/billing"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// meter counts a request whose caller is known, or refuses it with 402. It is the
// one gate between those who ask and what they have paid for.
func (x *Request) meter(r *http.Request, to *Route, rule *policy.Rule) error {
	if rule.Counts == policy.Free {
		return nil
	}
	var err error
	x.passed, err = x.at.Billing.Admit(r.Context(), x.Call.Who.Org, x.Call.Now, rule.Counts == policy.Spared)
	x.endpoint = to.Path
	if errors.Is(err, billing.ErrQuota) {
		err = x.charge(r, err)
	}
	x.levels()
	return err
}

// counted leaves the request in the history, once its status is known.
func (x *Request) counted(r *http.Request) {
	if x.endpoint == "" {
		return
	}
	status := x.status
	if x.dropped {
		status = http.StatusServiceUnavailable
	}
	x.passed.Done(&billing.Event{
		PrincipalKind: x.Call.Who.Kind, PrincipalID: x.Call.Who.ID, Method: r.Method, Endpoint: x.endpoint,
		Status: status, At: x.Call.Now,
	})
}

// quotaWarning is from which share of the limit on, in percent, answers warn.
const quotaWarning = 80

// levels tells the caller how far its organisation's month has gone. Where there
// is no limit, there is nothing to tell.
func (x *Request) levels() {
	l, h := x.passed.Level(), x.Header()
	if l.Limit >= 0 {
		percent := int64(100)
		if l.Limit > 0 {
			percent = min(l.Used*100/l.Limit, 999)
		}
		h["X-Ratelimit-Requests-Used"] = []string{strconv.FormatInt(l.Used, 10)}
		h["X-Ratelimit-Requests-Limit"] = []string{strconv.FormatInt(l.Limit, 10)}
		h["X-Ratelimit-Requests-Percent"] = []string{strconv.FormatInt(percent, 10)}
		h["X-Overage-Method"] = []string{l.Overage}
		switch {
		case percent >= 100:
			h["X-Quota-Warning"] = []string{"exceeded"}
		case percent >= quotaWarning:
			h["X-Quota-Warning"] = []string{"approaching"}
		}
	}
	if l.Cents > 0 || l.Limit >= 0 {
		h["X-Credit-Balance-Cents"] = []string{strconv.FormatInt(l.Cents, 10)}
	}
	if l.Cents > 0 && l.Soon {
		h["X-Credit-Expiring-Soon"] = []string{"true"}
	}
}
