package known

// Finder looks for the values of several sets in one text after another, in memory that it keeps. Each text
// is read once for all of them. It is for one goroutine, and its zero value is ready. Wipe it.
type Finder struct {
	scan scanner
	src  []byte
	hex  hexLetters
	has  bool // hex is made
}

// Read takes in a text, which must stay as it is until the next one.
func (f *Finder) Read(src []byte) {
	if !f.has {
		f.hex, f.has = newHexLetters(), true
	}
	f.src = src
	f.scan.text.takeWith(&f.scan.raw, src, all, true)
	f.scan.pairs.takePairs(&f.hex, src, true, 0)
}

// Find returns the values of a set in the text that was read, in order.
func (f *Finder) Find(s *Set) []Match {
	if s.longest == 0 {
		return nil
	}
	w := &f.scan
	if s.flat != nil {
		w.takeLines(s, true)
	}
	for _, c := range []*canon{&w.text, &w.raw, &w.pairs, &w.flat} {
		c.again()
	}
	w.over = cover{}
	w.look(s)
	found, _ := w.matches(s, f.src, len(f.src), true)
	return found
}

// Wipe forgets the text and clears the memory that it took.
func (f *Finder) Wipe() {
	for _, c := range []*canon{&f.scan.text, &f.scan.raw, &f.scan.pairs, &f.scan.flat, &f.scan.tight} {
		c.wipe()
	}
	f.scan.hits.clear()
	f.src = nil
}
