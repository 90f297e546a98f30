package known

// chain is how many whole blocks of a pattern stand in a text from a place on. A text that repeats has hits of a
// pattern that repeats at every step; what was compared for one of them is not compared for the next.
type chain struct {
	at, blocks int
	ends       bool // the next block is another
}

// repeated is, for each block of a pattern, how many blocks from it on are the same as those from the first on.
func repeated(blocks []digest) []int {
	again := make([]int, len(blocks))
	from, to := 0, 0 // of what is known to be as the beginning
	for i := 1; i < len(blocks); i++ {
		n := 0
		if i < to {
			n = min(to-i, again[i-from])
		}
		for i+n < len(blocks) && blocks[i+n] == blocks[n] {
			n++
		}
		if again[i] = n; i+n > to {
			from, to = i, i+n
		}
	}
	return again
}

// covers is how much of a pattern that begins at a place is there; open, when what follows may be more of it.
func (c *canon) covers(s *Set, at int, p *pattern, last bool) (size int, open bool) {
	n, sure, ends := 1, false, false // blocks
	var of *chain
	if p.again != nil {
		of = c.chain(at, p)
		if of.blocks > 0 && of.at <= at && at < of.at+of.blocks*block {
			skip := (at - of.at) / block
			n = of.blocks - skip
			switch {
			case skip > 0 && p.again[skip] < n:
				n, sure = p.again[skip], true
			case of.ends && p.more[n-1] == p.more[of.blocks-1]:
				sure = true
			}
		}
	}
	for !sure && n <= len(p.more) {
		from := n * block
		next := min(block, p.size-from)
		if at+from+next > len(c.text) {
			open = !last
			break
		}
		if c.block(s, at+from, at+from+next).digest != p.more[n-1] {
			ends = true
			break
		}
		n++
	}
	if of != nil && !sure {
		*of = chain{at, min(n, len(p.again)), ends && n <= len(p.again)}
	}
	return min(n*block, p.size), open
}

// chain is what is known of the pattern at places that are whole blocks apart from a place.
func (c *canon) chain(at int, p *pattern) *chain {
	if c.chains == nil {
		c.chains = map[*pattern]*[block]chain{}
	}
	all := c.chains[p]
	if all == nil {
		all = new([block]chain)
		c.chains[p] = all
	}
	return &all[at%block]
}
