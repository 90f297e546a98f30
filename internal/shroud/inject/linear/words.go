package linear

// Len is the number of the text's words.
func (t Text) Len() int { return len(t.words) }

// Word is word i in small letters, and where it was in what was read. It must not be
// written to.
func (t Text) Word(i int) (word []byte, start, end int) {
	w := t.words[i]
	return t.bytes[w.at:w.to], int(w.start), int(w.end)
}

// Run is the words from i on that have nothing between them, at most n: signs of
// Chinese and Japanese. It's as long as count says.
func (t Text) Run(i, n int) (run []byte, count int) {
	count = 1
	for count < n && i+count < len(t.words) && t.words[i+count].at == t.words[i+count-1].to {
		count++
	}
	return t.bytes[t.words[i].at:t.words[i+count-1].to], count
}
