package inject

import (
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/inject/linear"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/text"
)

// Category is a structure that attacks have. Its name is part of the contract.
type Category string

// The categories, in the contract's order.
const (
	RoleOverride        Category = "role_override"
	InstructionOverride Category = "instruction_override"
	FakeSystem          Category = "delimiter"
	EncodingEvasion     Category = "encoding_evasion"
	Indirect            Category = "indirect"
	PromptExtraction    Category = "system_prompt_extraction"
)

// What weighs nothing by itself, and counts where a text has something hidden.
const (
	veiled   Category = "veiled"   // it has words that are hidden
	followed Category = "followed" // it says to decode something and to do what that says
	runs     Category = "runs"     // it starts a program
)

// Weights are what each category adds to the score, in the contract's order.
func Weights() []struct {
	Category Category
	Weight   float64
} {
	return []struct {
		Category Category
		Weight   float64
	}{
		{RoleOverride, 0.4}, {InstructionOverride, 0.5}, {FakeSystem, 0.6},
		{EncodingEvasion, 0.3}, {Indirect, 0.3}, {PromptExtraction, 0.35},
	}
}

// class is a set of words that mean the same to a rule.
type class uint32

const (
	halt class = 1 << iota
	before
	everything
	orders
	shown
	owned
	hiddenWords
	become
	unbound
	nothing
	limits
	protection
	modes
	enabled
	modeNames
	reader
	refuse
	informed
	person
	decode
	obey
	said
	unlock
	does
	says
	starts
	program
)

// vocabulary is the words of each class.
func vocabulary() map[string]class {
	found := map[string]class{}
	for c, list := range map[class]string{
		halt:        "ignore ignoring ignored disregard disregarding forget override overrule bypass discard dismiss neglect abandon nullify circumvent disobey unlearn",
		before:      "previous prior earlier preceding above former original initial existing foregoing current old system developer default past",
		everything:  "all any every everything anything whatever these those your",
		orders:      "instructions instruction rules guidelines directives directions commands prompt prompts guidance restrictions policies programming constraints orders filters safeguards guardrails",
		shown:       "show reveal print repeat tell display output give list leak dump share disclose write recite summarise summarize translate expose provide quote paste encode spell what",
		owned:       "your",
		hiddenWords: "system hidden initial original internal secret confidential developer starting base pre",
		become:      "you act pretend become roleplay simulate behave respond answer speak be",
		unbound:     "unrestricted uncensored unfiltered jailbroken unbound dan amoral unlimited lawless unethical unmoderated",
		nothing:     "no without any free zero never",
		limits:      "restrictions restriction limits limitations filters rules guidelines ethics morals morality censorship guardrails constraints boundaries policies",
		protection:  "safety security content ethical moral safeguard openai",
		modes:       "mode",
		enabled:     "enabled activated active unlocked on engaged",
		modeNames:   "developer god jailbreak dan admin root sudo debug unrestricted evil maintenance",
		reader:      "ai assistant assistants llm agent chatbot gpt chatgpt claude copilot gemini model models bot",
		refuse:      "not dont never without no",
		informed:    "tell inform notify mention ask alert warn telling informing notifying mentioning asking alerting",
		person:      "user users human owner anyone",
		decode:      "decode decrypt decipher base64 rot13 base rot hex unscramble",
		obey:        "follow execute obey run perform comply",
		said:        "said told before above earlier previously",
		unlock:      "decode decoded decrypt decipher unscramble unravel translate convert reverse read interpret base64 hex rot13",
		does:        "do follow obey execute comply",
		starts:      "system popen subprocess exec execve spawn eval",
		program:     "whoami uname passwd curl wget netcat bash sh cmd powershell chmod",
		says:        "says said asks tells wants it them that instructions instruction directions commands orders",
	} {
		for w := range strings.FieldsSeq(list) {
			read, _, _ := linear.Read(w).Word(0) // as texts are read: digits in words are letters
			found[string(read)] |= c
		}
	}
	return found
}

// step is a word of a class that comes within so many words after the one before.
type step struct {
	class  class
	within int
}

// phrase is a way to say something that belongs to a category.
type phrase struct {
	category Category
	context  bool // only in what tools and documents say
	steps    []step
}

func phrases() []phrase {
	return []phrase{
		{InstructionOverride, false, []step{{halt, 0}, {before | everything | protection, 4}, {orders | limits, 4}}},
		{InstructionOverride, false, []step{{halt, 0}, {everything, 2}, {said, 5}}},
		{RoleOverride, false, []step{{become, 0}, {unbound, 9}}},
		{RoleOverride, false, []step{{become, 0}, {nothing, 9}, {limits, 3}}},
		{RoleOverride, false, []step{{modeNames, 0}, {modes, 1}, {enabled, 3}}},
		{PromptExtraction, false, []step{{shown, 0}, {hiddenWords, 6}, {orders, 2}}},
		{PromptExtraction, false, []step{{shown, 0}, {owned, 4}, {orders, 2}}},
		{EncodingEvasion, false, []step{{decode, 0}, {obey, 9}}},
		{followed, false, []step{{unlock, 0}, {does, 8}, {says, 3}}},
		{runs, false, []step{{starts, 0}, {program, 4}}},
		{Indirect, true, []step{{refuse, 0}, {informed, 2}, {person, 3}}},
		{Indirect, true, []step{{reader, 0}, {halt, 12}}},
	}
}

// finds are the categories of a text, each with the stretch from the first place where
// it was found to the last.
type finds map[Category]text.Span

func (f finds) add(c Category, start, end int) {
	at, found := f[c]
	if !found {
		at = text.Span{Start: start, End: end}
	}
	f[c] = text.Span{Start: min(at.Start, start), End: max(at.End, end)}
}

func (f finds) has(c Category) bool {
	_, ok := f[c]
	return ok
}

// match finds the phrases of a text.
func (d *Detector) match(s string, t linear.Text, from From) finds {
	found := finds{}
	classes := make([]class, t.Len())
	for i := range classes {
		w, start, _ := t.Word(i)
		classes[i] = d.vocabulary[string(w)]
		if fakes(w) && fenced(s, start, len(w)) {
			found.add(FakeSystem, start, start+len(w))
		}
	}
	for i, c := range classes {
		if c == 0 {
			continue
		}
		for _, p := range d.phrases {
			if c&p.steps[0].class == 0 || p.context && from != Context {
				continue
			}
			if last := follow(classes, i, p.steps[1:]); last >= 0 {
				_, start, _ := t.Word(i)
				_, _, end := t.Word(last)
				found.add(p.category, start, end)
			}
		}
	}
	return found
}

// follow returns the word that the steps after word i end at, or -1.
func follow(classes []class, i int, steps []step) int {
	if len(steps) == 0 {
		return i
	}
	for j := i + 1; j <= i+steps[0].within && j < len(classes); j++ {
		if classes[j]&steps[0].class != 0 {
			if last := follow(classes, j, steps[1:]); last >= 0 {
				return last
			}
		}
	}
	return -1
}

// fakes says whether a word names whom a delimiter pretends to be.
func fakes(w []byte) bool {
	switch string(w) {
	case "system", "sys", "inst", "im", "admin", "developer":
		return true
	}
	return false
}

// fenced says whether a word stands where the marks of a conversation have the name of
// who speaks: after a fence, in a tag, as the role of a message, alone before a colon.
func fenced(s string, start, length int) bool {
	head, rest := s[max(0, start-12):start], s[start+length:]
	next := byte('\n')
	if rest != "" {
		next = rest[0]
	}
	for _, mark := range []string{"<|", "<<", "[", "</"} {
		if strings.HasSuffix(head, mark) && strings.IndexByte("|>]_:", next) >= 0 {
			return true
		}
	}
	if strings.HasSuffix(head, "```") {
		return next == '\n' || next == '\r'
	}
	compact := strings.ReplaceAll(strings.ReplaceAll(head, " ", ""), `\`, "")
	if strings.HasSuffix(compact, `"role":"`) {
		return true
	}
	line := strings.TrimLeft(head[strings.LastIndexByte(head, '\n')+1:], " #*=->")
	atStart := len(head) == start || strings.Contains(head, "\n")
	return line == "" && atStart && (next == ':' || next == '>' || next == ']')
}
