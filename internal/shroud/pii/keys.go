package pii

import "strings"

// awsKey finds the id of a key that begins here.
func (f *finder) awsKey(i int) {
	const size = 20
	s := f.text
	if i+size > len(s) || isWord(char(s, i-1)) || isWord(char(s, i+size)) {
		return
	}
	switch s[i : i+4] {
	case "AKIA", "ASIA", "ABIA", "ACCA":
	default:
		return
	}
	for _, c := range []byte(s[i+4 : i+size]) {
		if !isUpper(c) && !isDigit(c) {
			return
		}
	}
	f.add(i, i+size, AWSKey)
}

const (
	dashes = "-----"

	longestTitle = 64       // of what a block is
	longestBlock = 16 << 10 // without its header
	fullLine     = 40       // characters from which on a line is one of a block without an end
)

// privateKey finds the block of a private key that begins here, its header alone
// where no more is there. It returns where that ends, or 0.
func (f *finder) privateKey(i int) int {
	s := f.text
	if !strings.HasPrefix(s[i:], dashes+"BEGIN ") {
		return 0
	}
	end := title(s, i+len(dashes))
	if end == 0 {
		return 0
	}
	body := end
	if n := strings.Index(s[body:min(len(s), body+longestBlock)], dashes); n >= 0 && strings.HasPrefix(s[body+n+len(dashes):], "END ") {
		if last := title(s, body+n+len(dashes)); last > 0 {
			f.add(i, last, PrivateKey)
			return last
		}
	}
	if from, _ := headers(s, body); lines(s, from) > from {
		end = lines(s, from)
	}
	f.add(i, end, PrivateKey)
	return end
}

// title returns where a header ends whose title begins here, if that is of a private key.
func title(s string, from int) int {
	n := strings.Index(s[from:min(len(s), from+longestTitle)], dashes)
	if n < 0 {
		return 0
	}
	if name := strings.TrimSuffix(s[from:from+n], " BLOCK"); !strings.HasSuffix(name, "PRIVATE KEY") {
		return 0
	}
	return from + n + len(dashes)
}

// lines returns where the lines of a block end that begin here: full ones, and
// one that is not.
func lines(s string, from int) int {
	for end := from; ; {
		at := end
		for at < len(s) && at-end < 16 {
			if c := s[at]; c == ' ' || c == '\t' || c == '\r' || c == '\n' {
				at++
			} else if strings.HasPrefix(s[at:], `\n`) || strings.HasPrefix(s[at:], `\r`) {
				at += 2
			} else {
				break
			}
		}
		n := at
		for n < len(s) && (isDigit(s[n]) || isLetter(s[n]) || s[n] == '+' || s[n] == '/' || s[n] == '=') {
			n++
		}
		switch {
		case n-at >= fullLine:
			end = n
		case end > from && n > at && s[n-1] == '=':
			return n
		default:
			return end
		}
	}
}
