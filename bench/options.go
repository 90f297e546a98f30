//go:build linux

package main

import (
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// options are the flags.
type options struct {
	bin, hsmBin       string
	against           string
	turns             int
	engines           []string
	cases             []string
	conns             []int
	duration, warmup  time.Duration
	secrets, scale    int
	backupMB          int
	scaleEngines      []string
	starts            int
	json, dir, record string
	keep              bool
}

// The engines, and the cases in the order that they run in: reads first, so
// that they see one version a secret, as the aims are stated.
const (
	sqlite   = "sqlite"
	postgres = "postgres"
	softhsm  = "softhsm"

	readJWT    = "read-jwt"
	readKey    = "read-key"
	list       = "list"
	token      = "token"
	write      = "write"
	scale      = "scale"
	start      = "start"
	memory     = "memory"
	growth     = "growth"
	oracleCase = "oracle"
	revoke     = "revoke"
	backup     = "backup"
	sign       = "sign"
	shroud     = "shroud"
	brokered   = "brokered"
	proxied    = "proxied"
	redact     = "redact"
	pagesCase  = "pages"
)

var (
	allEngines = []string{sqlite, postgres, softhsm}
	loadCases  = []string{readJWT, readKey, list, token, write}
	allCases   = append(slices.Clone(loadCases), scale, start, memory, growth, oracleCase, revoke, sign, shroud, brokered, proxied, redact, pagesCase, backup)
)

func parse(args []string, errs io.Writer) (options, error) {
	var o options
	var engines, cases, conns, scaleEngines string
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(errs)
	f.StringVar(&o.bin, "bin", filepath.Join("bin", "oneclaw"), "the binary to measure")
	f.StringVar(&o.hsmBin, "hsm-bin", filepath.Join("bin", "oneclaw-hsm"), "the binary with PKCS#11, for the engine softhsm")
	f.StringVar(&o.against, "against", "", "a binary of before: run the cases under load on both in turns, and print what changed")
	f.IntVar(&o.turns, "turns", 24, "turns of each binary with -against; a turn lasts for -duration")
	f.StringVar(&engines, "engines", strings.Join(allEngines, ","), "what to run on")
	f.StringVar(&cases, "cases", strings.Join(allCases, ","), "what to measure")
	f.StringVar(&conns, "conns", "1,8,32", "numbers of connections")
	f.DurationVar(&o.duration, "duration", 3*time.Second, "how long each case is measured")
	f.DurationVar(&o.warmup, "warmup", 500*time.Millisecond, "how long each case runs before that")
	f.IntVar(&o.secrets, "secrets", 1000, "secrets in the vault")
	f.IntVar(&o.scale, "scale", 100_000, "secrets in the large vault of the case scale")
	f.IntVar(&o.backupMB, "backup-mb", 512, "MiB of values in the database of the case backup")
	f.StringVar(&scaleEngines, "scale-engines", sqlite, "engines of the case scale, which must fill the large vault first")
	f.IntVar(&o.starts, "starts", 10, "how often the case start starts the server")
	f.StringVar(&o.json, "json", "", "also write the report as JSON to this file (- for standard output)")
	f.StringVar(&o.dir, "dir", "", "where the data goes: a folder on a real disk (default: the system's temporary folder)")
	f.StringVar(&o.record, "record", "", "run perf record on the server in every case and put the profiles into this folder; it slows the server down")
	f.BoolVar(&o.keep, "keep", false, "keep the data")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	var err error
	if f.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", f.Arg(0))
	}
	if o.engines, err = pick("engines", engines, allEngines); err != nil {
		return o, err
	}
	if o.cases, err = pick("cases", cases, allCases); err != nil {
		return o, err
	}
	if o.scaleEngines, err = pick("scale-engines", scaleEngines, allEngines); err != nil {
		return o, err
	}
	for word := range strings.SplitSeq(conns, ",") {
		n, err := strconv.Atoi(word)
		if err != nil || n < 1 || n > 10_000 {
			return o, fmt.Errorf("-conns: %q is no number of connections", word)
		}
		o.conns = append(o.conns, n)
	}
	if o.secrets < 1 || o.secrets > maxSecrets || o.scale < 1 || o.scale > maxSecrets {
		return o, fmt.Errorf("-secrets and -scale are 1 to %d", maxSecrets)
	}
	if o.backupMB < 1 || o.backupMB > 1<<14 {
		return o, fmt.Errorf("-backup-mb is 1 to %d", 1<<14)
	}
	if o.duration <= 0 || o.warmup < 0 || o.starts < 1 || o.turns < 4 {
		return o, fmt.Errorf("-duration and -starts must be above zero, -turns above 3")
	}
	return o, nil
}

// pick checks a list of names against those there are.
func pick(flag, names string, all []string) ([]string, error) {
	if names == "" {
		return nil, nil
	}
	list := strings.Split(names, ",")
	for _, name := range list {
		if !slices.Contains(all, name) {
			return nil, fmt.Errorf("-%s: there is no %q; there are %s", flag, name, strings.Join(all, ", "))
		}
	}
	return list, nil
}

func (o *options) wants(name string) bool { return slices.Contains(o.cases, name) }
