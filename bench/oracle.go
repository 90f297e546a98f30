//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/mailbox"
)

// The case oracle asks whether the time of an answer tells what exists. For each
// question there are two sorts of requests that must not be told apart: one
// about something that is there, one about something that is not. They are sent
// in random order on one connection, each from a network of its own, and their
// times are compared by rank (Mann-Whitney): |z| beyond 4 is a difference that
// chance does not explain.

// oracle is one question.
type oracle struct {
	name          string
	samples       int // of each sort
	there, absent func(i int) ask
}

// ask is one request.
type ask struct {
	method, path, token, body string
}

// accounts is how many people sign up. A password may be tried four times from
// anywhere before the account slows down, so each is asked about that often.
const (
	accounts   = 60
	perAccount = 4
	manyAsks   = 2000
)

// oracles measures on a server of its own, which believes the load about where
// its requests come from.
func (b *bench) oracles(ctx context.Context, s *site, _ *fixture) (err error) {
	mails, err := mailbox.Open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, mails.Close()) }()
	own := *s
	own.env = append(slices.Clone(s.env), "ONECLAW_TRUSTED_PROXIES=127.0.0.1", "ONECLAW_RATE_ADDRESS=off", "ONECLAW_SIGNUP=true", "ONECLAW_VERIFY_EMAIL=true",
		"ONECLAW_SMTP_HOST=127.0.0.1", "ONECLAW_SMTP_TLS=none", "ONECLAW_MAIL_FROM=oneclaw@example.com", fmt.Sprint("ONECLAW_SMTP_PORT=", mails.Port))
	srv, err := own.start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, srv.stop()) }()
	t := &timer{srv: srv, http: &http.Client{Timeout: patience}}
	questions, err := b.questions(ctx, s, srv, mails)
	if err != nil {
		return err
	}
	for _, q := range questions {
		b.say("%s oracle: %s", s.engine, q.name)
		there, absent, err := t.compare(ctx, q)
		if err != nil {
			return fmt.Errorf("%s: %w", q.name, err)
		}
		z := rankZ(there, absent)
		verdict := "no difference seen"
		if math.Abs(z) > 4 {
			verdict = "THEY DIFFER"
		}
		b.report.extra(s.engine, "oracle: "+q.name, 1e6*(median(there)-median(absent)), "µs",
			fmt.Sprintf("z %.1f, %s; medians %.0f and %.0f µs, %d of each", z, verdict, 1e6*median(there), 1e6*median(absent), q.samples))
	}
	return nil
}

// joined signs somebody up, confirms the address and returns a token.
func joined(ctx context.Context, anyone *client.Client, mails *mailbox.Box, email string) (string, error) {
	ctx, stop := context.WithTimeout(ctx, mailbox.Patience)
	defer stop()
	if _, err := anyone.Signup(ctx, email, client.ValueOf(serveOwner.Password), ""); err != nil {
		return "", err
	}
	token, err := mails.Token(ctx, email)
	if err != nil {
		return "", err
	}
	t, err := anyone.VerifyEmail(ctx, token)
	if err != nil {
		return "", err
	}
	return string(t.AccessToken.Reveal()), nil
}

// questions prepares what is asked about.
func (b *bench) questions(ctx context.Context, s *site, srv *server, mails *mailbox.Box) ([]oracle, error) {
	l, err := s.owner()
	if err != nil {
		return nil, err
	}
	owner, _, err := asOwner(ctx, srv, l)
	if err != nil {
		return nil, err
	}
	v, err := owner.CreateVault(ctx, "oracle", "")
	if err != nil {
		return nil, err
	}
	if _, err := owner.PutSecret(ctx, v.ID, "there", client.ValueOf("x"), client.PutOptions{}); err != nil {
		return nil, err
	}
	agent, err := owner.CreateAgent(ctx, client.AgentCreate{Name: "oracle"})
	if err != nil {
		return nil, err
	}
	anyone, err := client.New(srv.url())
	if err != nil {
		return nil, err
	}
	stranger := ""
	for i := range accounts {
		b.say("oracle: account %d of %d", i+1, accounts)
		if stranger, err = joined(ctx, anyone, mails, known(i)); err != nil {
			return nil, fmt.Errorf("sign up: %w", err)
		}
	}
	key := string(agent.APIKey.Reveal())
	secret := func(vault, path, token string) func(int) ask {
		return func(int) ask { return ask{"GET", "/v1/vaults/" + vault + "/secrets/" + path, token, ""} }
	}
	post := func(path, body string, subject func(i int) string) func(int) ask {
		return func(i int) ask { return ask{"POST", path, "", fmt.Sprintf(body, subject(i))} }
	}
	const login, forgot = `{"email":"%s","password":"not the password"}`, `{"email":"%s"}`
	const enroll, exchange = `{"name":"x","human_email":"%s"}`, `{"api_key":"ocv_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","agent_id":"%s"}`
	agentID := func(int) string { return agent.Agent.ID }
	nobody := func(int) string { return ids.New() }
	return []oracle{
		{"login, account or none", accounts * perAccount, post("/v1/auth/token", login, known), post("/v1/auth/token", login, unknown)},
		{"forgotten password, account or none", accounts, post("/v1/auth/forgot-password", forgot, known), post("/v1/auth/forgot-password", forgot, unknown)},
		{"enrolment, human or none", accounts, post("/v1/agents/enroll", enroll, known), post("/v1/agents/enroll", enroll, unknown)},
		{"wrong key, agent or none", manyAsks, post("/v1/auth/agent-token", exchange, agentID), post("/v1/auth/agent-token", exchange, nobody)},
		{"denied read, secret or none", manyAsks, secret(v.ID, "there", key), secret(v.ID, "nowhere", key)},
		{"another organisation's vault or none", manyAsks, secret(v.ID, "there", stranger), func(i int) ask { return secret(ids.New(), "there", stranger)(i) }},
	}, nil
}

func known(i int) string   { return fmt.Sprintf("known-%03d@example.com", i%accounts) }
func unknown(i int) string { return fmt.Sprintf("never-%03d@example.com", i%accounts) }

// timer sends requests one after the other.
type timer struct {
	srv  *server
	http *http.Client
	sent int
}

// compare asks both sorts in random order. Their statuses must be the same: else
// the time need not be looked at.
func (t *timer) compare(ctx context.Context, q oracle) (there, absent []float64, err error) {
	order := make([]int, 2*q.samples)
	for i := range order {
		order[i] = i
	}
	rand.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	statuses := [2]int{}
	for n, i := range order {
		make, sort := q.there, 0
		if i%2 == 1 {
			make, sort = q.absent, 1
		}
		took, status, err := t.time(ctx, make(i/2))
		if err != nil {
			return nil, nil, err
		}
		if statuses[sort] == 0 {
			statuses[sort] = status
		}
		if status != statuses[sort] || statuses[0] != 0 && statuses[1] != 0 && statuses[0] != statuses[1] {
			return nil, nil, fmt.Errorf("answers have the statuses %v and %d", statuses, status)
		}
		if n < len(order)/20 {
			continue // the first ones warm caches
		}
		if sort == 0 {
			there = append(there, took)
		} else {
			absent = append(absent, took)
		}
	}
	return there, absent, nil
}

func (t *timer) time(ctx context.Context, a ask) (seconds float64, status int, err error) {
	var body io.Reader
	if a.body != "" {
		body = bytes.NewReader([]byte(a.body))
	}
	r, err := http.NewRequestWithContext(ctx, a.method, t.srv.url()+a.path, body)
	if err != nil {
		return 0, 0, err
	}
	r.Header.Set("Content-Type", "application/json")
	if a.token != "" {
		r.Header.Set("Authorization", "Bearer "+a.token)
	}
	t.sent++
	r.Header.Set("X-Forwarded-For", netip.AddrFrom4([4]byte{10, byte(t.sent >> 16), byte(t.sent >> 8), byte(t.sent)}).String())
	began := time.Now()
	resp, err := t.http.Do(r)
	if err != nil {
		return 0, 0, err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	took := time.Since(began)
	return took.Seconds(), resp.StatusCode, errors.Join(err, resp.Body.Close())
}

func median(of []float64) float64 {
	if len(of) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(of))
	return sorted[len(sorted)/2]
}

// rankZ is the Mann-Whitney statistic of two samples in standard deviations:
// around 0 when they come from one distribution (normal approximation; times of
// nanoseconds hardly tie).
func rankZ(a, b []float64) float64 {
	type sample struct {
		v     float64
		first bool
	}
	all := make([]sample, 0, len(a)+len(b))
	for _, v := range a {
		all = append(all, sample{v, true})
	}
	for _, v := range b {
		all = append(all, sample{v, false})
	}
	slices.SortFunc(all, func(x, y sample) int {
		switch {
		case x.v < y.v:
			return -1
		case x.v > y.v:
			return 1
		}
		return 0
	})
	ranks := 0.0
	for i, s := range all {
		if s.first {
			ranks += float64(i + 1)
		}
	}
	n, m := float64(len(a)), float64(len(b))
	u := ranks - n*(n+1)/2
	return (u - n*m/2) / math.Sqrt(n*m*(n+m+1)/12)
}
