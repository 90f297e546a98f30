package pii

// Machine readable zones of travel documents (ICAO 9303), by their check digits.

// passport finds the zone that the first filler of a line is in.
func (f *finder) passport(i int) {
	s := f.text
	start := i
	for start > 0 && i-start < 44 && isZone(s[start-1]) {
		if start--; s[start] == '<' {
			return
		}
	}
	if isWord(char(s, start-1)) {
		return
	}
	size := zone(s, start)
	switch size {
	case 44, 36:
		if checked(s[start:start+size], size) {
			f.add(start, start+size, Passport)
		}
		if next := below(s, start+size); zone(s, next) == size && checked(s[next:next+size], size) {
			f.add(start, next+size, Passport)
		}
	case 30:
		one := s[start : start+30]
		next := below(s, start+30)
		if zone(s, next) != 30 || !isLetter(one[0]) {
			return
		}
		two := s[next : next+30]
		if check(one[5:14]) == one[14] && check(two[:6]) == two[6] && check(two[8:14]) == two[14] && check(one[5:]+two[:7]+two[8:15]+two[18:29]) == two[29] {
			end := next + 30
			if last := below(s, end); zone(s, last) == 30 {
				end = last + 30
			}
			f.add(start, end, Passport)
		}
	}
}

func isZone(c byte) bool { return isUpper(c) || isDigit(c) || c == '<' }

// zone is the size of the line of a zone that begins here, if it is whole.
func zone(s string, from int) int {
	n := from
	for n < len(s) && n-from < 45 && isZone(s[n]) && (s[n] != '<' || char(s, n+1) != '/') { // not the end of an element
		n++
	}
	if isWord(char(s, n)) {
		return 0
	}
	return n - from
}

// below is where the line after this one begins.
func below(s string, end int) int {
	if char(s, end) == '\r' {
		end++
	}
	if char(s, end) == '\n' {
		end++
	}
	return end
}

// checked says whether a line is the second one of a passport or card, all of
// whose check digits are right.
func checked(l string, size int) bool {
	if check(l[:9]) != l[9] || check(l[13:19]) != l[19] || check(l[21:27]) != l[27] {
		return false
	}
	if size == 36 {
		return check(l[:10]+l[13:20]+l[21:35]) == l[35]
	}
	return check(l[:10]+l[13:20]+l[21:43]) == l[43]
}

func check(s string) byte {
	sum := 0
	for i, c := range []byte(s) {
		v := 0
		switch {
		case isDigit(c):
			v = int(c - '0')
		case isUpper(c):
			v = int(c-'A') + 10
		}
		sum += v * [3]int{7, 3, 1}[i%3]
	}
	return byte('0' + sum%10)
}
