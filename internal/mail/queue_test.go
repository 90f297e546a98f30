package mail_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/mail"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/ready"
)

func TestAMailIsTriedAgainAfterATemporaryFailure(t *testing.T) {
	var down sync.Map
	s := serve(t, &server{mode: mail.STARTTLS, answer: func(step, _ string) error {
		if _, yes := down.Load("down"); yes && step == "data" {
			return &smtp.SMTPError{Code: 451, Message: "later"}
		}
		return nil
	}})
	down.Store("down", true)
	at := newClock()
	began := at.Now()
	n := open(t, setup{dir: ready.Dir(t), sender: s.sender(t, nil), now: at.Now})
	n.verify(t)
	for attempt := 1; attempt <= 5; attempt++ {
		if tries := n.DeliverDue(t.Context()); tries != 1 {
			t.Fatalf("attempt %d: %d tries", attempt, tries)
		}
		pause := n.due(t).Sub(at.Now())
		middle := 30 * time.Second << (attempt - 1)
		if pause < middle*3/4 || pause > middle*5/4 {
			t.Fatalf("after attempt %d it waits %v", attempt, pause)
		}
		at.Set(n.due(t).Add(-time.Microsecond))
		if tries := n.DeliverDue(t.Context()); tries != 0 {
			t.Fatalf("after attempt %d it was tried too early", attempt)
		}
		at.Forward(time.Microsecond)
	}
	down.Delete("down")
	if n.DeliverDue(t.Context()) != 1 || len(s.mails()) != 1 {
		t.Fatalf("%d mails; log:\n%s", len(s.mails()), n.log)
	}
	n.empty(t)
	if len(s.messages) != 6 {
		t.Fatalf("the server saw %d attempts", len(s.messages))
	}
	for _, id := range s.messages {
		if id != s.messages[0] {
			t.Fatalf("the message id changed: %q", s.messages)
		}
	}
	checkMail(t, s.mails()[0], began)
}

func TestAMailIsGivenUpWhenItsTokenIsDead(t *testing.T) {
	s := serve(t, &server{mode: mail.STARTTLS, answer: func(string, string) error {
		return &smtp.SMTPError{Code: 421, Message: "busy"}
	}})
	at := newClock()
	began := at.Now()
	n := open(t, setup{dir: ready.Dir(t), sender: s.sender(t, nil), now: at.Now})
	n.verify(t)
	tries := 0
	for {
		tries += n.DeliverDue(t.Context())
		due, waits, err := n.db.MailDue(t.Context())
		if err != nil || tries > 50 {
			t.Fatalf("%d tries, %v", tries, err)
		}
		if !waits {
			break
		}
		at.Set(due)
	}
	if age := at.Now().Sub(began); age > 24*time.Hour || age < 18*time.Hour || tries < 8 {
		t.Fatalf("given up after %v and %d tries", age, tries)
	}
}

func TestAMailThatIsTooOldIsNotSent(t *testing.T) {
	at := newClock()
	n := open(t, setup{dir: ready.Dir(t), sender: unused{t}, now: at.Now})
	n.verify(t)
	at.Forward(24*time.Hour + time.Second)
	if n.DeliverDue(t.Context()) != 1 {
		t.Fatal("it was not looked at")
	}
	n.empty(t)
}

func TestPauses(t *testing.T) {
	if mail.GiveUpAfter != 72*time.Hour {
		t.Errorf("mails are given up after %v", mail.GiveUpAfter)
	}
	for attempts, middle := range map[int]time.Duration{
		0: 30 * time.Second, 1: 30 * time.Second, 2: time.Minute, 9: 128 * time.Minute, 10: 4 * time.Hour, 63: 4 * time.Hour, 1 << 40: 4 * time.Hour,
	} {
		seen := map[time.Duration]bool{}
		for range 200 {
			d := mail.PauseAfter(attempts)
			if d < middle*3/4 || d > middle*5/4 {
				t.Fatalf("%v after %d attempts", d, attempts)
			}
			seen[d] = true
		}
		if len(seen) < 100 {
			t.Errorf("the pause after %d attempts does not vary", attempts)
		}
	}
}

func TestAQueuedMailSurvivesARestart(t *testing.T) {
	s := serve(t, &server{mode: mail.STARTTLS})
	dir, at := t.TempDir(), newClock()
	first := open(t, setup{dir: dir, sender: unused{t}, now: at.Now})
	first.verify(t)
	first.stop()

	second := open(t, setup{dir: dir, sender: s.sender(t, nil), now: at.Now})
	if second.DeliverDue(t.Context()) != 1 || len(s.mails()) != 1 {
		t.Fatalf("%d mails; log:\n%s", len(s.mails()), second.log)
	}
	checkMail(t, s.mails()[0], at.Now())
	second.empty(t)
}

func TestAMailWhoseWorkerDiedIsSentWhenTheLeaseEnds(t *testing.T) {
	s := serve(t, &server{mode: mail.STARTTLS})
	at := newClock()
	n := open(t, setup{dir: ready.Dir(t), sender: s.sender(t, nil), now: at.Now})
	n.verify(t)
	lease := at.Now().Add(5 * time.Minute)
	if _, found, err := n.db.ClaimMail(t.Context(), at.Now(), lease); !found || err != nil {
		t.Fatal(found, err)
	}
	at.Set(lease.Add(-time.Microsecond))
	if n.DeliverDue(t.Context()) != 0 {
		t.Fatal("a claimed mail was sent by another")
	}
	at.Set(lease)
	if n.DeliverDue(t.Context()) != 1 || len(s.mails()) != 1 {
		t.Fatal("it was not sent")
	}
	n.empty(t)
}

func TestAWorkerThatWasTooSlowDoesNotMoveAMailThatAnotherHas(t *testing.T) {
	at := newClock()
	n := open(t, setup{dir: ready.Dir(t), sender: unused{t}, now: at.Now})
	n.verify(t)
	slow, _, err := n.db.ClaimMail(t.Context(), at.Now(), at.Now())
	if err != nil {
		t.Fatal(err)
	}
	lease := at.Now().Add(time.Hour)
	if m, found, err := n.db.ClaimMail(t.Context(), at.Now(), lease); !found || m.Attempts != 2 || err != nil {
		t.Fatal(m.Attempts, found, err)
	}
	if err := n.db.RetryMail(t.Context(), slow.ID, slow.Attempts, at.Now()); err != nil {
		t.Fatal(err)
	}
	if due := n.due(t); !due.Equal(lease) {
		t.Fatalf("the mail is due at %v, not when the lease ends", due)
	}
}

func TestTheDatabaseShowsNothingOfAMail(t *testing.T) {
	dir, at := t.TempDir(), newClock()
	s := serve(t, &server{mode: mail.STARTTLS})
	n := open(t, setup{dir: dir, sender: s.sender(t, nil), now: at.Now})
	n.verify(t)
	m, _, err := n.db.ClaimMail(t.Context(), at.Now(), at.Now())
	if err != nil || m.ID == "" {
		t.Fatal(err)
	}
	search := func(when string) (seen bool) {
		files, err := filepath.Glob(filepath.Join(dir, "oneclaw.db*"))
		if err != nil || len(files) < 1 {
			t.Fatal(files, err)
		}
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			hides(t, f+" "+when, string(b))
			for _, word := range []string{"Confirm your mail", "verify-email?"} {
				if bytes.Contains(b, []byte(word)) {
					t.Errorf("%s shows %q %s", f, word, when)
				}
			}
			seen = seen || bytes.Contains(b, []byte(m.ID)) && bytes.Contains(b, m.Box.Ciphertext)
		}
		return seen
	}
	if !search("while the mail waits") {
		t.Fatal("the search does not find the mail's row, so it proves nothing")
	}
	if n.DeliverDue(t.Context()) != 1 || len(s.mails()) != 1 {
		t.Fatal("it was not sent")
	}
	search("after it was sent")
	n.stop()
	if search("after the database was closed") {
		t.Error("a sent mail is still in the file")
	}
}

func TestAMailOpensOnlyInItsRow(t *testing.T) {
	at := newClock()
	n := open(t, setup{dir: ready.Dir(t), sender: unused{t}, now: at.Now})
	n.verify(t)
	m, _, err := n.db.ClaimMail(t.Context(), at.Now(), at.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if err := n.db.RemoveMail(t.Context(), m.ID); err != nil {
		t.Fatal(err)
	}
	m.ID = "another"
	if err := n.db.AddMail(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if n.DeliverDue(t.Context()) != 1 {
		t.Fatal("it was not looked at")
	}
	n.empty(t) // or it would be tried for days
}

func TestFirstMailsAtOnceAreAllSealed(t *testing.T) {
	n := open(t, setup{dir: ready.Dir(t), sender: unused{t}, now: newClock().Now})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := n.VerifyEmail(t.Context(), to, token); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestAMailIsNotAcceptedWhileTheKeystoreIsAway(t *testing.T) {
	n := open(t, setup{dir: ready.Dir(t), sender: unused{t}, now: newClock().Now})
	if err := n.keys.Close(); err != nil {
		t.Fatal(err)
	}
	if err := n.VerifyEmail(t.Context(), to, token); !fault.Is(err, fault.Unavailable) {
		t.Fatalf("got %v", err)
	}
	n.empty(t)
}

func TestTwoWorkersSendEachMailOnce(t *testing.T) {
	const mails = 40
	for engine, place := range map[string]func(t *testing.T) (first, second setup){
		"SQLite": func(t *testing.T) (setup, setup) {
			s := setup{dir: ready.Dir(t)}
			return s, s
		},
		"PostgreSQL": func(t *testing.T) (setup, setup) {
			s := setup{dir: t.TempDir(), dsn: ready.DSN(t)}
			return s, s
		},
	} {
		t.Run(engine, func(t *testing.T) {
			s := serve(t, &server{mode: mail.STARTTLS})
			one, two := place(t)
			one.sender, one.now = s.sender(t, nil), time.Now
			a := open(t, one)
			b := a
			if two.dsn == "" { // one process may open the file
				b = a.twin(t, s.sender(t, nil), time.Now)
			} else {
				two.sender, two.now = s.sender(t, nil), time.Now
				b = open(t, two)
			}
			for i := range mails {
				if err := a.VerifyEmail(t.Context(), "reader"+strconv.Itoa(i)+"@example.net", token); err != nil {
					t.Fatal(err)
				}
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var wg sync.WaitGroup
			wg.Go(func() { a.Run(ctx) })
			wg.Go(func() { b.Run(ctx) })
			for range mails {
				<-s.arrived
			}
			cancel()
			wg.Wait()
			a.empty(t)
			got := map[string]int{}
			for _, m := range s.mails() {
				got[m.to[0]]++
			}
			if len(got) != mails || len(s.mails()) != mails {
				t.Fatalf("%d mails to %d readers", len(s.mails()), len(got))
			}
		})
	}
}
