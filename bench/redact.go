//go:build linux

package main

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/oneclaw-dev/oneclaw/internal/secret"
	sets "github.com/oneclaw-dev/oneclaw/internal/shroud/known"
)

// redactTurns is how often each text is redacted; the fastest counts, since others use the processor too.
const redactTurns = 60

// redacting measures how fast known values are looked for and replaced, in processor time of one thread: in prose, and
// in traffic whose lines have escapes and values now and then. Each is measured with values of one line alone, and with a
// private key of many lines among them, for which a text is read without its line breaks too.
func (b *bench) redacting() error {
	const size = 1 << 20
	for _, of := range []struct {
		values int
		block  bool
	}{{10, false}, {1_000, false}, {10_000, false}, {10, true}, {1_000, true}, {10_000, true}} {
		n, with := of.values, ""
		values := valuesToFind(n)
		if of.block {
			with = " and a private key"
			values = append(values, sets.Value{Label: "a/key", Value: secret.FromString(keyOfLines(28))})
		}
		b.say("redaction with %d values%s", n, with)
		set := sets.New(values)
		for _, text := range []struct{ name, text string }{{"prose", prose(size)}, {"traffic", escapedTraffic(size, values)}} {
			best := time.Duration(0)
			for range redactTurns {
				took, err := threadTime(func() { set.Redact(text.text, func(m sets.Match) string { return "[REDACTED:" + m.Label + "]" }) })
				if err != nil {
					return err
				}
				if best == 0 || took < best {
					best = took
				}
			}
			b.report.extra("", fmt.Sprintf("redaction of %s, %d values%s", text.name, n, with), size/1e6/max(best, time.Microsecond).Seconds(), "MB/s", "processor time of one thread")
		}
	}
	return nil
}

// threadTime is the processor time of this thread that a function takes; main keeps it on one.
func threadTime(f func()) (time.Duration, error) {
	var before, after unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &before); err != nil {
		return 0, err
	}
	f()
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &after); err != nil {
		return 0, err
	}
	return time.Duration(after.Nano() - before.Nano()), nil
}

// valuesToFind are values as programs make them.
func valuesToFind(n int) []sets.Value {
	values := make([]sets.Value, n)
	for i := range values {
		raw := make([]byte, 12+i%40)
		_, _ = rand.Read(raw) // never fails
		v := []string{"sk_live_", "ghp_", "", "postgres://app:", "AKIA"}[i%5]
		if i%3 == 0 {
			v += hex.EncodeToString(raw)
		} else {
			v += base64.RawURLEncoding.EncodeToString(raw)
		}
		values[i] = sets.Value{Label: fmt.Sprint("path/", i), Value: secret.FromString(v)}
	}
	return values
}

// keyOfLines is a block as files of private keys have it, which is no key.
func keyOfLines(lines int) string {
	var out strings.Builder
	out.WriteString("-----BEGIN PRIVATE KEY-----\n")
	for range lines {
		raw := make([]byte, 48)
		_, _ = rand.Read(raw) // never fails
		out.WriteString(base64.StdEncoding.EncodeToString(raw) + "\n")
	}
	out.WriteString("-----END PRIVATE KEY-----\n")
	return out.String()
}

// escapedTraffic is prose and JSON in turns, with a value in each fortieth pair of lines.
func escapedTraffic(size int, values []sets.Value) string {
	var b strings.Builder
	for i := 0; b.Len() < size; i++ {
		fmt.Fprintf(&b, "The %d. request was answered within %d ms, and the assistant went on with its work as planned.\n", i, i%97)
		fmt.Fprintf(&b, `{"id":"msg_%x","role":"user","content":"look at \"this\": https://example.com/a%%20b?c=d\n"}`+"\n", i*7919)
		if i%40 == 0 {
			b.Write(values[i%len(values)].Value.Reveal())
		}
	}
	return b.String()[:size]
}
