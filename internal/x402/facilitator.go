package x402

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// question is what a facilitator is asked, to verify and to settle.
type question struct {
	Version      int         `json:"x402Version"`
	Payment      *payment    `json:"paymentPayload"`
	Requirements requirement `json:"paymentRequirements"`
}

// requirement has the name and version of the asset's signing domain, which
// facilitators check signatures with.
type requirement struct {
	Requirement
	Extra *domain `json:"extra,omitempty"`
}

type domain struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

func (t *Terms) ask(p *payment, resource string, price int64) *question {
	q := &question{Version: Version, Payment: p, Requirements: requirement{Requirement: t.Require(resource, price)}}
	if c := dollars[t.Network]; strings.EqualFold(c.address, t.Asset) {
		q.Requirements.Extra = &domain{c.name, c.version}
	}
	return q
}

// maxAnswer bounds what a facilitator may say.
const maxAnswer = 64 << 10

// errSilent is a facilitator that did not answer, or not so that it can be read.
var errSilent = errors.New("the facilitator gave no answer that can be read")

// verify reports whether the payment is good. It moves nothing.
func (s *Service) verify(ctx context.Context, t *Terms, q *question) (bool, error) {
	var answer struct {
		Valid *bool `json:"isValid"`
	}
	if err := s.call(ctx, t.Facilitator+"/verify", verifyTime, q, &answer); err != nil {
		return false, err
	}
	if answer.Valid == nil {
		return false, errSilent
	}
	return *answer.Valid, nil
}

// settled is what became of the money.
type settled struct {
	Success     *bool  `json:"success"`
	Transaction string `json:"transaction"`
	Payer       string `json:"payer"`
}

var plainText = regexp.MustCompile(`^[0-9A-Za-z:_-]{0,128}$`)

// settle moves the money. errSilent means that nobody here knows whether it did.
func (s *Service) settle(ctx context.Context, t *Terms, q *question) (settled, error) {
	var answer settled
	if err := s.call(ctx, t.Facilitator+"/settle", settleTime, q, &answer); err != nil {
		return answer, err
	}
	if answer.Success == nil {
		return answer, errSilent
	}
	// These go into a header and into the database.
	if !plainText.MatchString(answer.Transaction) {
		return answer, errSilent
	}
	if !plainText.MatchString(answer.Payer) {
		answer.Payer = ""
	}
	return answer, nil
}

// call asks the facilitator. Answers below 500 are read: some refuse with 400.
func (s *Service) call(ctx context.Context, url string, limit time.Duration, q *question, into any) error {
	ctx, stop := context.WithTimeout(ctx, limit)
	defer stop()
	text, err := json.Marshal(q)
	if err != nil {
		return errSilent
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(text))
	if err != nil {
		return errSilent // its text has the address, and what an admin put into it
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json")
	res, err := s.cfg.Client.Do(r)
	if err != nil {
		return errSilent
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil || len(body) > maxAnswer || res.StatusCode >= http.StatusInternalServerError || res.StatusCode == http.StatusTooManyRequests {
		return errSilent
	}
	if json.Unmarshal(body, into) != nil {
		return errSilent
	}
	return nil
}
