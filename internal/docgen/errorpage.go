package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// section is a part of the page: what comes from these folders, and these codes.
type section struct {
	title, intro, column string
	dirs, codes          []string
}

func (s section) has(m made) bool {
	return slices.Contains(s.dirs, m.dir) || slices.Contains(s.codes, m.code)
}

var sections = [...]section{
	{"On the command line", "Commands print the detail, and with `--json` the code. Exit codes: 0 done, 1 failure, 2 wrong usage, " +
		"3 not authenticated, 4 denied, 5 not found. Commands that run a program end with its exit code: 127 means that there is no such program, and 126 that it can't be run.", "Kind", []string{"internal/cli", "internal/cli/console", "internal/cli/session", "client"}, nil},
	{"When the server starts", "The start ends, and the detail is on stderr.", "Kind",
		[]string{
			"internal/app", "internal/config", "internal/datadir", "internal/keyring", "internal/keystore/pkcs11", "internal/keystore/soft", "internal/listen", "internal/mail",
			"internal/ops", "internal/ops/backup", "internal/ops/doctor", "internal/ops/inspect",
		},
		[]string{"bad_database_url", "data_in_use"}},
	{"In answers of the MCP endpoint", "What `/mcp` answers before a tool runs. A tool that was refused says so in its result.",
		"Status", []string{"internal/mcpserver"}, nil},
}

// api is what no other section has.
var api = section{"In answers of the API", "Bodies are `application/problem+json` with `type`, `title`, `status`, `detail` and `code`. " +
	"What has kind Internal is sent as `internal_error`: its own code and detail are in the server's log, as is the cause of every 500 and 503. " +
	"A detail never holds what was sent. 4xx is 400 unless HTTP has a status of its own for it.", "Status", nil, nil}

// errorPage is docs/errors.md.
func errorPage(root string) (string, error) {
	t, err := readTree(root)
	if err != nil {
		return "", err
	}
	statuses, err := t.statusTable()
	if err != nil {
		return "", err
	}
	all := t.scan(statuses)
	if err := oneKindEach(all); err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString(madeFromCode + "# Error codes\n\nA code is stable: programs may compare it. One code always stands for one kind of failure. " +
		"Details are for people and may change.\n\n| Kind | HTTP status |\n|---|---|\n")
	for _, k := range slices.SortedFunc(maps.Keys(statuses), func(a, b string) int { return cmp.Or(statuses[a]-statuses[b], strings.Compare(a, b)) }) {
		fmt.Fprintf(&b, "| %s | %d |\n", k, statuses[k])
	}
	rest := all
	var pages strings.Builder
	for _, s := range sections {
		write(&pages, s, slices.DeleteFunc(slices.Clone(all), func(m made) bool { return !s.has(m) }))
		rest = slices.DeleteFunc(slices.Clone(rest), s.has)
	}
	write(&b, api, rest)
	b.WriteString(pages.String())
	return b.String(), nil
}

// oneKindEach fails when one code stands for two kinds of failure.
func oneKindEach(all []made) error {
	kinds := map[string]made{}
	for _, m := range all {
		if m.status == 0 {
			continue // who makes it says which
		}
		if first, ok := kinds[m.code]; ok && first.status != m.status {
			return fmt.Errorf("the code %s is %d in %s and %d in %s: give one of them another code", m.code, first.status, first.dir, m.status, m.dir)
		}
		kinds[m.code] = m
	}
	return nil
}

// write adds a section: one row a code.
func write(b *strings.Builder, s section, of []made) {
	fmt.Fprintf(b, "\n## %s\n\n%s\n\n| Code | %s | Detail | Where |\n|---|---|---|---|\n", s.title, s.intro, s.column)
	byCode := map[string][]made{}
	for _, m := range of {
		byCode[m.code] = append(byCode[m.code], m)
	}
	for _, code := range slices.Sorted(maps.Keys(byCode)) {
		shown, details, where := "4xx", []string{}, []string{}
		for _, m := range byCode[code] {
			where = append(where, "`"+m.dir+"`")
			if m.kind != internal || s.title != api.title {
				details = append(details, m.details...)
			}
			switch {
			case s.column == "Kind":
				shown = m.kind
			case m.status != 0:
				shown = strconv.Itoa(m.status)
			}
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", code, shown, cell(strings.Join(unique(details), " · ")), strings.Join(unique(where), ", "))
	}
}

// internal is the kind whose details callers are not told.
const internal = "Internal"

// unique sorts and drops what is there twice, or empty.
func unique(list []string) []string {
	var out []string
	for _, s := range list {
		if s = verbs.Replace(s); s != "" && s != "…" {
			out = append(out, s)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
