// Command train learns the weights of the detector of injections, and measures it.
//
//	train weights   writes weights.bin and glossed.bin
//	train bench     prints what the detector finds of sources that it has not seen
//
// Its promise: the same data, rules and seed make the same files, byte for byte.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/inject"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/inject/linear"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/inject/train/grammar"
)

// How many weights the two models have: a power of two.
const (
	fullBits    = 19
	glossedBits = 14
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "train:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("train", flag.ContinueOnError)
	data := flags.String("data", "../shared/data/detect/train.tar.gz", "the labelled texts")
	folder := flags.String("out", "internal/shroud/inject", "where weights are written")
	seed := flags.Uint64("seed", 7, "what decides all that is left to chance")
	if err := flags.Parse(args); err != nil {
		return err
	}
	t, err := begin(*data, *seed)
	if err != nil {
		return err
	}
	switch flags.Arg(0) {
	case "weights":
		return t.write(ctx, *folder, out)
	case "bench":
		return t.bench(ctx, out)
	}
	return errors.New("say weights or bench")
}

// trainer has what both commands need.
type trainer struct {
	records []record
	parts   parts
	lexicon *inject.Lexicon
	seed    uint64
	thin    int // one in so many texts of the grammar is made: tests are in a hurry
}

func begin(data string, seed uint64) (t trainer, err error) {
	t.seed, t.thin = seed, 1
	if t.records, err = load(data, "inject"); err != nil {
		return t, err
	}
	if t.lexicon, err = inject.NewLexicon(); err != nil {
		return t, err
	}
	for part, read := range map[**grammar.Part]func() (*grammar.Part, error){
		&t.parts.direct: grammar.Direct, &t.parts.indirect: grammar.Indirect, &t.parts.harmless: grammar.Harmless,
	} {
		if *part, err = read(); err != nil {
			return t, err
		}
	}
	return t, nil
}

func (t trainer) write(ctx context.Context, folder string, out io.Writer) error {
	for _, model := range []struct {
		file  string
		bits  int
		see   sight
		apart bool
	}{{"weights.bin", fullBits, full, false}, {"glossed.bin", glossedBits, t.gloss, true}} {
		c := t.read(model.bits, model.see, model.apart)
		m, _, err := c.thresholds(ctx)
		if err != nil {
			return err
		}
		m.Weights, m.Scale = whole(c.train(func(record) bool { return true }))
		if err := os.WriteFile(filepath.Join(folder, model.file), m.Encode(), 0o644); err != nil { //nolint:gosec // it is source
			return err
		}
		fmt.Fprintf(out, "%s: %d weights, slope %.3f, offset %.3f, hidden %.3f\n", model.file, len(m.Weights), m.Slope, m.Offset, m.Hidden)
	}
	return nil
}

// thresholds returns a model without weights, and the margins by which it was made: each
// by weights that have seen nothing of the text's source, with what being hidden adds.
func (c corpus) thresholds(ctx context.Context) (m linear.Model, margins []float64, err error) {
	margins, hidden, err := c.cross(ctx)
	if err != nil {
		return m, nil, err
	}
	one := limit(c.records, margins, 0.01, worstShare)
	m.Slope, m.Offset = curve(one, limit(c.records, margins, 0.001, 0.01))
	m.Hidden = bonus(c.records, margins, hidden, one)
	return m, raised(margins, hidden, m.Hidden), nil
}

// raised are margins with what being hidden adds.
func raised(margins, hidden []float64, by float64) []float64 {
	out := make([]float64, len(margins))
	for i := range margins {
		out[i] = max(margins[i], hidden[i]+by)
	}
	return out
}

// curve is the logistic curve through both thresholds.
func curve(one, tenth float64) (slope, offset float64) {
	logit := func(p float64) float64 { return math.Log(p / (1 - p)) }
	slope = (logit(inject.Certain) - logit(inject.Threshold)) / (tenth - one)
	// Rounded before the subtraction, as not every processor would.
	return slope, logit(inject.Threshold) - float64(slope*one)
}
