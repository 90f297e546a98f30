package known

// first is where a hit begins with the letter before it, when that holds bits of the value.
func (h hit) first() int {
	if h.pattern.edge.before && h.at > 0 && base64Letter(h.of.text[h.at-1]) {
		return h.of.start(h.at - 1)
	}
	return h.from
}

// after is where a hit that is covered up to a place ends with its edge: the letter that holds
// the last bits of the value, and the padding.
func (h hit) after(to int) int {
	b := h.of.text
	if !h.pattern.edge.after || to-h.at < h.pattern.size || to >= len(b) || !base64Letter(b[to]) {
		return to
	}
	const padding = 2
	for end := to + 1; ; end++ {
		if end == len(b) || end > to+padding || b[end] != '=' {
			return end
		}
	}
}

func base64Letter(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || c == '+' || c == '/' || c == '-' || c == '_'
}
