package llmstub

import (
	"embed"
	"strings"
)

//go:embed requests/*.json
var requests embed.FS

// Bodies are requests as clients of the dialects make them, by what made them: codex
// and claude-code are those of programs, the others have most of what a dialect has.
func Bodies() map[string][]byte {
	out := map[string][]byte{}
	all, err := requests.ReadDir("requests")
	if err != nil {
		panic(err) // it is a part of the program
	}
	for _, file := range all {
		b, err := requests.ReadFile("requests/" + file.Name())
		if err != nil {
			panic(err)
		}
		out[strings.TrimSuffix(file.Name(), ".json")] = b
	}
	return out
}
